import type { History } from '../../src/check/history';
import { checkDeadlines } from '../../src/check/deadline-check';
import { checkLedgers } from '../../src/check/ledger-check';
import { checkAssignments, checkResults } from '../../src/check/task-checks';
import {
  assigned,
  at,
  executed,
  failed,
  fault,
  history,
  judged,
  leads,
  ONE_WAY_MS,
  request,
  sample,
} from './histories';

type Case = [string, History, string | RegExp];

const deposed = [leads(20_000, 1, 2, 2), leads(20_000, 2, 2, 2), leads(20_000, 3, 2, 2)];
const resumed = at(30_000, 1, { event: 'resumed', late_ms: 5000 });
/** 1 was paused while the others elected 2; it heard of that at `heardMs`. */
const replaced = (heardMs: number) => [
  leads(26_000, 2, 2, 2),
  leads(26_000, 3, 2, 2),
  resumed,
  leads(heardMs, 1, 2, 2),
];
const paused = [fault(25_000, 'pause', 1), fault(30_000, 'resume', 1)];

it.each<Case>([
  ['by the leader in its term', history([assigned(10_000, 1, 1)]), 'S4 holds'],
  [
    'by a follower',
    history([assigned(10_000, 2, 1)]),
    /S4: server 2 assigned a task in term 1 at 10000.0 without leading it/,
  ],
  ['by the leader in another term', history([assigned(10_000, 1, 2)]), /S4: server 1 assigned a task in term 2/],
  ['by a leader before it led', history([assigned(150, 1, 1)]), /S4: /],
  ['by a leader until it heard of another', history([...deposed, assigned(20_000, 1, 1)]), 'S4 holds'],
  ['by a leader that had heard of another', history([...deposed, assigned(20_001, 1, 1)]), /S4: server 1/],
  ['by its successor', history([...deposed, assigned(20_001, 2, 2)]), 'S4 holds'],
  [
    'by a killed leader in its next life',
    history([assigned(41_000, 1, 1)], [fault(20_000, 'kill', 1), fault(40_000, 'restart', 1)]),
    /S4: /,
  ],
  ['by a stopped leader that asked first', history([...replaced(30_100), assigned(29_999, 1, 1)], paused), 'S4 holds'],
  [
    'by a stopped leader that did not ask',
    history([...replaced(30_100), assigned(30_050, 1, 1)], paused),
    /S4: .*just resumed, without asking/,
  ],
  ['by a stopped leader that was not replaced', history([resumed, assigned(30_050, 1, 1)], paused), 'S4 holds'],
])('S4: an assignment %s', (_, run, expected) => {
  expect(judged(checkAssignments(run))).toMatch(expected);
});

const S5_REASONS = [
  'Connection refused',
  'Request timeout after 10s',
  'Request timeout after 2.5s',
  'Server unavailable during reassignment polling',
  'No leader available',
  'Server overloaded',
  'Verification failed',
  'Server error: anything\nat all',
  'Never sent: no client was free for 10s',
];

it.each(S5_REASONS)('S5: a task may fail with "%s"', (reason) => {
  expect(judged(checkDeadlines(history([], [], [failed(1, reason)])))).toBe('S5 holds');
});

it.each([...S5_REASONS.slice(0, 1).map((reason) => `${reason}!`), 'ECONNRESET', 'Request timeout', '', null])(
  'S5: a task may not fail with "%s"',
  (reason) => {
    expect(judged(checkDeadlines(history([], [], [failed(1, reason)])))).toMatch(
      /^S5: c\/1 failed for an unknown reason/,
    );
  },
);

it.each<Case>([
  ['a second after its deadline', history([], [], [request(1, { service_ms: 11_000 })]), 'S5 holds'],
  ['later', history([], [], [request(1, { service_ms: 11_001 })]), /S5: c\/1 took 11001 ms/],
  ['later, failing', history([], [], [failed(1, 'Connection refused', { service_ms: 12_000 })]), /S5: c\/1 took/],
  [
    'later, after its client stood still',
    history([], [], [{ ...request(1, { service_ms: 13_000 }), paused_ms: 2500 }]),
    'S5 holds',
  ],
  [
    'later than a pause of its client explains',
    history([], [], [{ ...request(1, { service_ms: 15_000 }), paused_ms: 2500 }]),
    /S5: c\/1 took 15000 ms/,
  ],
  ['late by its intended start only', history([], [], [request(1, { latency_ms: 60_000 })]), 'S5 holds'],
  ['by the user', history([], [], [failed(1, null, { outcome: 'interrupted', service_ms: 60_000 })]), 'S5 holds'],
  ['before it began', history([], [], [failed(1, null, { outcome: 'unsent' })]), 'S5 holds'],
])('S5: a task that ends %s', (_, run, expected) => {
  expect(judged(checkDeadlines(run))).toMatch(expected);
});

/** A later request that ended after the deadline of the first ones: the client ran on. */
const LATER = request(4, { start_time: 60_000 });
const THIRD = request(3, { start_time: 2000 });
const executedAt = (time: number) => ({ ...executed(2), time });
it.each<Case>([
  [
    'one that the client skipped',
    history([], [], [request(1), THIRD, LATER]),
    /S5: r\/c\/2 was begun before request 3 and has no/,
  ],
  ['the first one', history([], [], [request(2), THIRD, LATER]), /S5: r\/c\/1 was begun before request 2/],
  [
    'one that was executed',
    history([executedAt(1000)], [], [request(1), THIRD, LATER]),
    /S5: r\/c\/2 was executed at 1000.0/,
  ],
  [
    'the last one, which was assigned',
    history([assigned(1000, 1, 1)], [], [{ ...request(1, { start_time: 60_000 }), client_name: 'd' }]),
    /S5: r\/c\/1 was assigned at 1000.0 and has no record/,
  ],
  [
    'one that was begun near the end',
    history([executedAt(59_000)], [], [request(1), request(2, { start_time: 2000 })]),
    'S5 holds',
  ],
  [
    'one of another run',
    history([{ ...executedAt(1000), run_id: 'other' } as never], [], [LATER, THIRD, request(1), request(2)]),
    'S5 holds',
  ],
  [
    'one that was interrupted',
    history([], [], [request(1), failed(2, null, { outcome: 'interrupted' }), THIRD, LATER]),
    'S5 holds',
  ],
  [
    'one whose record may be damaged',
    history([], [], [request(1), THIRD, LATER], { damaged: [{ kind: 'records', file: 'f', lines: 1 }] }),
    'S5 unknown',
  ],
])('S5: a begun task without a record: %s', (_, run, expected) => {
  expect(judged(checkDeadlines(run))).toMatch(expected);
});

const kill = [fault(500, 'kill', 3)];

it.each<Case>([
  ['a success that a server answered', history([executed(1)], [], [request(1)]), 'S6 holds'],
  ['no request at all', history(), 'S6 holds'],
  ['a success that no server answered', history([], [], [request(1)]), /S6: r\/c\/1 succeeded, but no server reported/],
  ['a success that a server says it cancelled', history([executed(1, 'cancelled')], [], [request(1)]), /S6: /],
  ['a success of another request', history([executed(2)], [], [request(1)]), /S6: /],
  [
    'such a success just before its server was killed, which an older one may not have written',
    history([], [fault(1100, 'kill', 2)], [request(1)]),
    'S6 unknown',
  ],
  ['such a success beside a kill of another server', history([], kill, [request(1)]), /S6: r\/c\/1 succeeded/],
  [
    'such a success long before its server was killed',
    history([sample(30_000, 2, 0)], [fault(30_100, 'kill', 2)], [request(1)]),
    /S6: r\/c\/1 succeeded/,
  ],
  [
    'more such successes than lines are damaged',
    history([], [], [request(1), request(2)], { damaged: [{ kind: 'events', file: 'f', lines: 1 }] }),
    /S6: r\/c\/1 succeeded/,
  ],
  [
    'as many such successes as lines are damaged',
    history([], [], [request(1)], { damaged: [{ kind: 'events', file: 'f', lines: 1 }] }),
    'S6 unknown',
  ],
  [
    'such a success where a server has no events',
    history([], [], [request(1)], { serverIds: [1, 2, 3, 4] }),
    'S6 unknown',
  ],
  ['such a success where a kill failed', history([], [fault(500, 'kill', 3, 'failed')], [request(1)]), /S6: /],
  ['wrong bytes', history([], [], [failed(1, 'Verification failed')]), /S6: r\/c\/1: wrong bytes came back/],
  [
    'wrong bytes before a success elsewhere',
    history([executed(1)], [], [{ ...request(1), wrong_carriers: [2] }]),
    /S6: r\/c\/1: wrong bytes came back from server 2/,
  ],
  [
    'wrong bytes before the end of the run',
    history([], [], [{ ...request(1), success: false, outcome: 'interrupted', wrong_carriers: [null] }]),
    /S6: r\/c\/1: wrong bytes came back from unknown server/,
  ],
  ['wrong bytes beside a kill', history([], kill, [failed(1, 'Verification failed'), request(2)]), /S6: .*wrong bytes/],
  [
    'a task that ended twice',
    history([executed(1)], [], [request(1), failed(1, 'Connection refused')]),
    /S6: r\/c\/1 has two outcomes/,
  ],
  ['a failure', history([], [], [failed(1, 'Connection refused')]), 'S6 holds'],
])('S6: %s', (_, run, expected) => {
  expect(judged(checkResults(run))).toMatch(expected);
});

/** The last task ends at 50,000. */
const LAST = [request(1, { start_time: 49_000, latency_ms: 1000 })];
const EMPTY_MS = 50_000 + 1000 + 4 * ONE_WAY_MS;
const everybody = (time: number, ledger = 0) => [1, 2, 3].map((id) => sample(time, id, ledger));

it.each<Case>([
  ['are empty', history(everybody(60_000), [], LAST), 'S7 holds'],
  [
    'are not',
    history([...everybody(60_000), sample(60_000, 2, 3, 1, 1)], [], LAST),
    /S7: server 2 still counts 3 tasks \(1 active, 1 queued\) at 60000.0/,
  ],
  ['count a task that runs', history([sample(60_000, 2, 0, 1, 0)], [], LAST), /S7: /],
  ['count a task that waits', history([sample(60_000, 2, 0, 0, 1)], [], LAST), /S7: /],
  ['are not within the second', history([sample(EMPTY_MS, 2, 1), ...everybody(60_000)], [], LAST), 'S7 holds'],
  ['are not after the second', history([sample(EMPTY_MS + 1, 2, 5)], [], LAST), /S7: /],
  [
    'are not while a fault is recent',
    history([sample(60_000, 2, 5), sample(70_000, 2, 0)], [fault(59_500, 'heal', 1)], LAST),
    'S7 holds',
  ],
  [
    'are not right after a late assignment',
    history([assigned(59_500, 1, 1), sample(60_000, 2, 1), sample(70_000, 2, 0)], [], LAST),
    'S7 holds',
  ],
  [
    'of a dead server do not count',
    history([sample(60_000, 2, 5), sample(60_000, 1, 0)], [fault(40_000, 'kill', 2)], LAST),
    'S7 holds',
  ],
  [
    'count more than the tasks that go on',
    history([assigned(59_500, 1, 1), sample(60_000, 2, 2), ...everybody(70_000)], [], LAST),
    /S7: server 2 still counts 2 tasks .* at 60000.0, at most 1 can be outstanding/,
  ],
  [
    'count no more than the tasks that go on, each with its attempts',
    history(
      [sample(50_500, 2, 3), ...everybody(70_000)],
      [],
      [request(1, { start_time: 49_000, latency_ms: 1000, retry_count: 1, hedged: true })],
    ),
    'S7 holds',
  ],
  [
    'keep tasks while another server is cut off for long',
    history([...everybody(80_000, 1)], [fault(60_000, 'partition', 3)], LAST),
    /S7: server 1 /,
  ],
  [
    'keep tasks of a server that was just cut off',
    history([...everybody(62_500, 1), sample(80_000, 2, 0)], [fault(60_000, 'partition', 3)], LAST),
    'S7 holds',
  ],
  [
    'keep tasks of a server that was cut off while it stood still itself, for as long after it runs again',
    history(
      [sample(72_500, 1, 1), sample(90_000, 2, 0)],
      [fault(60_000, 'pause', 1), fault(60_001, 'partition', 3), fault(70_000, 'resume', 1)],
      LAST,
    ),
    'S7 holds',
  ],
  [
    'keep them for longer',
    history(
      [sample(90_000, 1, 1)],
      [fault(60_000, 'pause', 1), fault(60_001, 'partition', 3), fault(70_000, 'resume', 1)],
      LAST,
    ),
    /S7: server 1 /,
  ],
  [
    'keep tasks over a lossy link',
    history([sample(80_000, 2, 0), sample(80_000, 3, 1)], [fault(60_000, 'loss', 3)], LAST),
    'S7 unknown',
  ],
  [
    'keep a task whose client stood still',
    history(
      [{ ...executed(1), time: 62_000 }, ...everybody(70_000)],
      [],
      [{ ...LAST[0]!, latency_ms: 13_000, service_ms: 13_000, paused_ms: 12_000 }],
    ),
    'S7 holds',
  ],
  [
    'lose a task long after its deadline',
    history([{ ...executed(1, 'expired'), time: 61_001 }, ...everybody(70_000)], [], LAST),
    /S7: server 2 held r\/c\/1 for 11051.0 ms \(expired\)/,
  ],
  [
    'lose a task late after a stop',
    history(
      [{ ...executed(1, 'expired'), time: 61_001 }, ...everybody(70_000)],
      [fault(50_000, 'pause', 2), fault(60_000, 'resume', 2)],
      LAST,
    ),
    'S7 holds',
  ],
  ['were not looked at', history([sample(50_500, 2, 0)], [], LAST), 'S7 unknown'],
])('S7: ledgers that %s', (_, run, expected) => {
  expect(judged(checkLedgers(run))).toMatch(expected);
});
