import type { FaultsConfig } from '../../src/config/faults-config';
import { planFaults } from '../../src/faults/plan';
import { ringOfKills } from './ring-of-kills';
import { parseThreshold } from '../../src/core/metrics/threshold';
import { clusterText } from '../../src/faults/cluster-view-model';
import { oneLine } from '../../src/core/printable';
import { bannerLines } from '../../src/faults/banner';
import { timetableLines } from '../../src/faults/timetable-text';
import { serverOf } from './ring-rig';

const spec = ringOfKills({ intervalMs: 30_000, restartDelayMs: 10_000, cycles: 3 });
const config: Pick<FaultsConfig, 'servers' | 'spec' | 'logFile' | 'abortWhen'> = {
  servers: [1, 2, 3].map(serverOf),
  spec,
  abortWhen: [],
  logFile: './fault_events.log',
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

it('the banner shows how the plan differs from the ring of kills', () => {
  const rows = bannerLines({
    ...config,
    abortWhen: [parseThreshold('failure_rate>20%')],
    spec: {
      ...spec,
      pattern: 'simultaneous',
      count: 2,
      target: [1, 3],
      seed: 7,
      kinds: [
        { kind: 'kill', weight: 3 },
        { kind: 'pause', weight: 1 },
      ],
    },
  });
  expect(rows.slice(1, 13)).toEqual([
    'CloudP2P Fault Simulation - Simultaneous Failures',
    '=========================================',
    'Number of Servers:   3',
    'Fault Interval:      30s',
    'Restart Delay:       10s',
    'Number of Cycles:    3',
    'Fault Kind:          kill (weight 3), pause (weight 1)',
    'Targets:             1,3',
    'Servers at Once:     2',
    'Seed:                7',
    'Abort When:          failure_rate>20%',
    'Log File:            ./fault_events.log',
  ]);
});

const placeOf = (id: number) => ({ ...serverOf(id), host: `user@server${id}`, workDir: `/srv/it's ${id}` });

it('the timetable of a dry run', () => {
  const plan = planFaults([1, 12], { ...spec, cycles: 1, restartDelayMs: 500 });
  expect(timetableLines(plan, [1, 12].map(placeOf))).toEqual([
    '   +0s  cycle 1/1  kill     Server 1 on user@server1    kill -KILL PID',
    ` +0.5s  cycle 1/1  restart  Server 1 on user@server1    cd '/srv/it'\\''s 1' && ./cloudp2p server --config config/server1.toml`,
    '+30.5s  cycle 1/1  kill     Server 12 on user@server12  kill -KILL PID',
    `  +31s  cycle 1/1  restart  Server 12 on user@server12  cd '/srv/it'\\''s 12' && ./cloudp2p server --config config/server12.toml`,
    '',
    'Dry run: no fault was injected. The plan takes 31s plus the time of the restarts themselves.',
  ]);
});

it.each([
  [
    'partition',
    'leader',
    'partition  the leader at that moment from peers and clients  nft add table inet cloudp2p_faults_ID ...',
  ],
  [
    'delay',
    'followers',
    'delay  a follower by 200 ms ± 100 ms  tc qdisc add dev DEVICE root ... netem delay 200ms 100ms',
  ],
  ['loss', [2], 'drop packets of  Server 2 on user@server2 (20 %)  nft add table inet cloudp2p_faults_2 ...'],
] as const)('the timetable of %s at %j', (kind, target, text) => {
  const more = { ...spec, kinds: [{ kind, weight: 1 }], target, delayMs: 200, jitterMs: 100, lossPercent: 20 };
  expect(timetableLines(planFaults([1, 2], more), [1, 2].map(placeOf))[0]).toMatch(
    new RegExp(`  ${text.replace(/[()]/g, '\\$&')}$`),
  );
});

it('the ring on one line', () => {
  const servers = [
    { id: 1, state: 'up', fault: null },
    { id: 2, state: 'down', fault: 'kill' },
    { id: 3, state: 'unknown', fault: null },
  ] as const;
  const restart = { untilMs: 7000, healing: 'restart', serverIds: [2] };
  expect(clusterText({ servers, wait: restart }, 500)).toBe('1 up · 2 DOWN, restart in 7s · 3 ?');
  expect(clusterText({ servers, wait: { untilMs: 7000 } }, 7001)).toBe('1 up · 2 DOWN · 3 ? · next in 0s');
  expect(clusterText({ servers }, 0)).toBe('1 up · 2 DOWN · 3 ?');
  const states = ['paused', 'partitioned', 'delayed', 'lossy'] as const;
  const broken = states.map((state, index) => ({ id: index + 1, state, fault: null }));
  expect(clusterText({ servers: broken }, 0)).toBe('1 PAUSED · 2 PARTITIONED · 3 DELAYED · 4 LOSSY');
});

it('texts are on one line and harmless to a terminal', () => {
  expect(oneLine('a\nb\u001b[2J\u009b\u202e ü')).toBe('a\\u000ab\\u001b[2J\\u009b\\u202e ü');
});
