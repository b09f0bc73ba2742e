import type { ServerEventBody } from '../../src/core/metrics/record';
import { eventText } from '../../src/server/event-text';

const name = { run_id: 'r', client_name: 'c', request_id: 1 };
const sample = { cpu_percent: 1, memory_bytes: 1, active: 0, queued: 0, ledger: 0, event_loop_delay_ms: 0 };

it.each<[ServerEventBody, string, string]>([
  [{ event: 'started', incarnation: 'ab', address: 'h:1' }, 'info', 'Server 1 started on h:1, incarnation ab'],
  [{ event: 'started', incarnation: 'ab', address: '' }, 'info', 'Server 1 started, incarnation ab'],
  [{ event: 'ready' }, 'info', 'Cover decoded; accepting tasks'],
  [{ event: 'election', term: 4, reason: 'why' }, 'info', 'Election in term 4: why'],
  [{ event: 'leader', term: 4, leader_id: 1, reason: 'why' }, 'info', 'This server (1) leads in term 4: why'],
  [{ event: 'leader', term: 4, leader_id: 2, reason: 'why' }, 'info', 'Server 2 leads in term 4: why'],
  [{ event: 'stepped_down', term: 4, leader_id: 2, reason: 'why' }, 'info', 'This server (1) no longer leads: why'],
  [{ event: 'peer_up', peer_id: 2 }, 'info', 'Server 2 is up'],
  [{ event: 'resumed', late_ms: 1500 }, 'warn', 'This process was paused for 1500 ms; asking who leads'],
  [{ event: 'overloaded', reason: 'why' }, 'warn', 'Overloaded: why'],
  [{ event: 'mismatch', reason: 'why' }, 'warn', 'why'],
  [
    { event: 'clock', by_ms: -2000, ahead_ms: -2000, machine_ms: 1, suspended_ms: 0, boot_id: null },
    'warn',
    'The wall clock went back by 2.0 s: it is 2.0 s behind the times in the files, which the report corrects',
  ],
  [{ event: 'stopping' }, 'info', 'Stopping: handing over, finishing running tasks'],
  [{ event: 'stopped' }, 'info', 'Stopped'],
])('%j is logged as %s: %s', (event, level, text) => {
  expect(eventText(event, 1)).toEqual({ level, text });
});

it.each([
  ['refused', /refuses/],
  ['silent', /no message from it/],
  ['restarted', /restarted/],
  ['deaf', /does not hear this server/],
  ['leaving', /stopping/],
] as const)('a peer that is down is a warning with the reason: %s', (reason, why) => {
  const told = eventText({ event: 'peer_down', peer_id: 2, reason }, 1);
  expect(told).toEqual({ level: 'warn', text: expect.stringMatching(/^Server 2 is down: /) });
  expect(told!.text).toMatch(why);
});

it.each([
  ['never_reached', /^Server 2 was not reached since this server started: /],
  ['deaf', /^Server 2 is heard, but does not hear this server: /],
] as const)('a peer that is out of reach is a warning: %s', (how, text) => {
  expect(eventText({ event: 'peer_stranded', peer_id: 2, how }, 1)).toEqual({
    level: 'warn',
    text: expect.stringMatching(text),
  });
});

it.each<ServerEventBody>([
  { event: 'assigned', term: 1, to: 2, ...name },
  { event: 'executed', outcome: 'answered', incarnation: 'ab', ...name },
  { event: 'sample', ...sample },
])('$event is not logged', (event) => {
  expect(eventText(event, 1)).toBeNull();
});
