import type { FaultsConfig } from '../../src/config/faults-config';
import { planRing } from '../../src/faults/plan';
import { ringText } from '../../src/faults/ring-view';
import { oneLine } from '../../src/core/printable';
import { bannerLines, timetableLines } from '../../src/faults/text';
import { serverOf } from './ring-rig';

const config: FaultsConfig = {
  servers: [1, 2, 3].map(serverOf),
  ...{ intervalMs: 30_000, restartDelayMs: 10_000, cycles: 3, logSource: '--log' },
  ...{ logFile: './fault_events.log', eventsFile: 'fault_events.ndjson' },
};

it("the banner is the guide's", () => {
  expect(bannerLines(config).join('\n')).toBe(`\
=========================================
CloudP2P Fault Simulation - Ring Algorithm
=========================================
Number of Servers:   3
Fault Interval:      30s
Restart Delay:       10s
Number of Cycles:    3
Log File:            ./fault_events.log
=========================================

Server 1: localhost
  Config:   config/server1.toml
  Work Dir: .
  Binary:   ./cloudp2p
Server 2: localhost
  Config:   config/server2.toml
  Work Dir: .
  Binary:   ./cloudp2p
Server 3: localhost
  Config:   config/server3.toml
  Work Dir: .
  Binary:   ./cloudp2p
`);
});

it('the timetable of a dry run', () => {
  const plan = planRing([1, 12], { cycles: 1, restartDelayMs: 500, intervalMs: 30_000 });
  expect(timetableLines(plan)).toEqual([
    '   +0s  cycle 1/1  kill     Server 1',
    ' +0.5s  cycle 1/1  restart  Server 1',
    '+30.5s  cycle 1/1  kill     Server 12',
    '  +31s  cycle 1/1  restart  Server 12',
    '',
    'Nothing was done. It takes 31s and the time that the restarts themselves need.',
  ]);
});

it('the ring on one line', () => {
  const servers = [
    { id: 1, state: 'up' },
    { id: 2, state: 'down' },
    { id: 3, state: 'unknown' },
  ] as const;
  expect(ringText({ servers, wait: { untilMs: 7000, restartOf: 2 } }, 500)).toBe('1 up · 2 DOWN, restart in 7s · 3 ?');
  expect(ringText({ servers, wait: { untilMs: 7000 } }, 7001)).toBe('1 up · 2 DOWN · 3 ? · next in 0s');
  expect(ringText({ servers }, 0)).toBe('1 up · 2 DOWN · 3 ?');
});

it('nothing in a text breaks a line or reaches a terminal', () => {
  expect(oneLine('a\nb\u001b[2J\u009b\u202e ü')).toBe('a\\u000ab\\u001b[2J\\u009b\\u202e ü');
});
