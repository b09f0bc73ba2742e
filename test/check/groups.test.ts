import type { History } from '../../src/check/history';
import { checkAgreement } from '../../src/check/agreement-check';
import { groups } from '../../src/check/links';
import { checkOneLeader, checkStability } from '../../src/check/leadership-checks';
import { checkCrashSeen } from '../../src/check/crash-check';
import { checkAssignments } from '../../src/check/task-checks';
import { assigned, at, down, fault, history, judged, leads, noLeader, SETTLE_MS, up } from './histories';

type Case = [string, History, string | RegExp];

/** A fourth server that joins the three of a quiet run. */
const IDS = [1, 2, 3, 4];
const FOURTH = [
  at(0, 4, { event: 'started', incarnation: 'a', address: '' }),
  ...[1, 2, 3].flatMap((id) => [up(100, id, 4), up(100, 4, id)]),
  leads(200, 4, 1, 1),
];
const four = (servers: History['servers'], faults: History['faults']): History =>
  history([...FOURTH, ...servers], faults, [], { serverIds: IDS });

/** The fourth is cut off and follows itself. */
const CUT = fault(10_000, 'partition', 4);
const ALONE = [...[1, 2, 3].flatMap((id) => [down(15_000, id, 4), down(15_000, 4, id)]), leads(15_000, 4, 4, 2)];
const SLOW = { ...fault(10_000, 'delay', 4), detail: '1 ms ± 0 ms' };
const LOSSY = fault(10_000, 'loss', 4);
const without = (fromMs: number, toMs: number) =>
  [1, 2, 3].flatMap((id) => [noLeader(fromMs, id, 2), leads(toMs, id, 1, 2)]);
const twoLead = (fromMs: number, toMs: number) => [leads(fromMs, 2, 2, 2), leads(toMs, 1, 2, 2), leads(toMs, 3, 2, 2)];
const withPeers = (more: { peers: number[]; isOneWay?: boolean }) => ({ ...CUT, ...more });

describe('while a link fault is active elsewhere', () => {
  it.each<Case>([
    ['one leader is enough', four(ALONE, [CUT]), 'S1 holds'],
    [
      'two leaders that hear each other',
      four([...ALONE, ...twoLead(15_000, 95_000)], [CUT]),
      /S1: .* 15000.0 to 95000.0/,
    ],
    ['two leaders beside a slow server', four(twoLead(15_000, 95_000), [SLOW]), /S1: /],
    [
      'two leaders that the fault itself separates',
      four(twoLead(15_000, 95_000), [fault(10_000, 'partition', 2)]),
      'S1 holds',
    ],
    [
      'two leaders, long after a short fault between them',
      four(twoLead(15_000, 95_000), [fault(16_000, 'partition', 2), fault(16_100, 'heal', 2)]),
      /S1: .* 15000.0 to 16000.0 \| .* 18100.0 to 95000.0/,
    ],
    [
      'two leaders of which one was stopped for a moment',
      four(twoLead(15_000, 95_000), [fault(16_000, 'pause', 2), fault(16_100, 'resume', 2)]),
      /S1: .* 15000.0 to 16000.0 \| /,
    ],
  ])('S1: %s', (_, run, expected) => expect(judged(checkOneLeader(run))).toMatch(expected));

  it.each<Case>([
    ['agreement of each side', four(ALONE, [CUT]), 'S2 holds'],
    [
      'three without a leader',
      four([...ALONE, ...without(15_000, 95_000)], [CUT]),
      /S2: live servers 1, 2, 3 follow no/,
    ],
    ['three without a leader beside a slow one', four(without(15_000, 95_000), [SLOW]), /S2: live servers 1, 2, 3 /],
    ['three without a leader beside a lossy one', four(without(15_000, 95_000), [LOSSY]), /S2: live servers 1, 2, 3 /],
    ['a short time without beside a lossy one', four(without(50_000, 50_000 + SETTLE_MS), [LOSSY]), 'S2 holds'],
    [
      'three that follow the slow one',
      four(
        IDS.map((id) => leads(12_000, id, 4, 2)),
        [SLOW],
      ),
      'S2 holds',
    ],
    [
      'three that follow one out of reach',
      four([...ALONE, ...[1, 2, 3].map((id) => leads(16_000, id, 4, 2))], [CUT]),
      /S2: all of 1, 2, 3 follow 4, out of reach/,
    ],
    ['a lone server without a leader', four([...ALONE, noLeader(16_000, 4, 3)], [CUT]), /S2: live servers 4 follow no/],
    [
      'three without a leader, while the fourth goes up and down',
      four(
        [...ALONE, ...without(15_000, 95_000)],
        [
          CUT,
          ...[20, 30, 40, 50, 60, 70, 80].map((time, index) => fault(time * 1000, index % 2 ? 'restart' : 'kill', 4)),
        ],
      ),
      /S2: live servers 1, 2, 3 /,
    ],
    [
      'one cut off from clients only',
      four(without(15_000, 95_000), [withPeers({ peers: [] })]),
      /S2: live servers 1, 2, 3, 4 /,
    ],
  ])('S2: %s', (_, run, expected) => expect(judged(checkAgreement(run))).toMatch(expected));

  it.each<Case>([
    ['changes', four([...ALONE, leads(50_000, 2, 2, 2)], [CUT]), /S8: server 2: leader/],
    [
      'changes while others elsewhere suffer loss',
      four([...ALONE, leads(50_000, 2, 2, 2)], [CUT, LOSSY]),
      /S8: server 2/,
    ],
    ['changes of who suffers loss', four([leads(50_000, 2, 2, 2)], [LOSSY]), 'S8 holds'],
  ])('S8: %s', (_, run, expected) => expect(judged(checkStability(run))).toMatch(expected));

  const crash = fault(20_000, 'kill', 3);
  const seen = (ms: number) => [down(20_000 + ms, 1, 3), down(20_000 + ms, 2, 3)];
  it.each<Case>([
    ['seen', four([...ALONE, ...seen(1)], [CUT, crash]), 'S3 holds'],
    ['waited out', four([...ALONE, ...seen(5000)], [CUT, crash]), /S3: server 1 .* server 2 /],
    ['waited out while another server stops', four(seen(5000), [crash, fault(20_100, 'pause', 4)]), /S3: server 1/],
    ['of which a cut server cannot know', four(seen(1), [CUT, crash]), 'S3 holds'],
  ])('S3: a crash %s', (_, run, expected) => expect(judged(checkCrashSeen(run))).toMatch(expected));

  it('S4: a resumed leader asks before it assigns', () => {
    const followed = [leads(26_000, 2, 2, 2), leads(26_000, 3, 2, 2)];
    const stopped = [fault(25_000, 'pause', 1), fault(30_000, 'resume', 1)];
    const resumed = at(30_000, 1, { event: 'resumed', late_ms: 5000 });
    const run = four(
      [...ALONE, ...followed, resumed, assigned(30_050, 1, 1), leads(30_100, 1, 2, 2)],
      [CUT, ...stopped],
    );
    expect(judged(checkAssignments(run))).toMatch(/S4: .*just resumed, without asking/);
  });
});

describe('S2: after a heal', () => {
  const cut = [fault(20_000, 'partition', 1), fault(40_000, 'heal', 1)];
  const apart = [
    ...[2, 3].flatMap((id) => [down(25_000, id, 1), down(25_000, 1, id)]),
    ...[2, 3].map((id) => leads(25_000, id, 2, 2)),
  ];
  const open = (time: number) => [2, 3].flatMap((id) => [up(time, id, 1), up(time, 1, id)]);
  it.each<Case>(
    [
      ['they agree within a second of hearing each other', [...open(43_000), leads(44_000, 1, 2, 2)], 'S2 holds'],
      [
        'they agree after 6.9 s',
        [...open(40_500), leads(46_900, 1, 2, 2)],
        /S2: .* follow 1 in term 1 and 2 in term 2 at 43010.0/,
      ],
      ['links that open late have the whole bound', [...open(48_000), leads(48_900, 1, 2, 2)], 'S2 holds'],
    ].map(
      ([name, events, expected]) =>
        [name, history([...apart, ...(events as History['servers'])], cut), expected] as Case,
    ),
  )('%s', (_, run, expected) => expect(judged(checkAgreement(run))).toMatch(expected));
});

describe('groups', () => {
  const at50 = (faults: History['faults']) =>
    groups(four([], faults))
      .filter(({ fromMs, toMs }) => fromMs <= 50_000 && 50_000 < toMs)
      .map(({ ids, reach, isSteady }) => `${ids.join()} of ${reach.join()}${isSteady ? '' : ', unsteady'}`);
  it.each<[string, History['faults'], string[]]>([
    ['without faults', [], ['1,2,3,4 of 1,2,3,4']],
    ['a cut', [CUT], ['1,2,3 of 1,2,3', '4 of 4']],
    ['a cut of some links', [withPeers({ peers: [1, 2] })], ['1,2,3,4 of 1,2,3,4']],
    ['a cut of one direction', [withPeers({ peers: [1, 2, 3], isOneWay: true })], ['1,2,3 of 1,2,3,4', '4 of 1,2,3,4']],
    ['delay', [SLOW], ['1,2,3 of 1,2,3,4', '4 of 1,2,3,4']],
    ['loss', [LOSSY], ['1,2,3 of 1,2,3,4, unsteady', '4 of 1,2,3,4, unsteady']],
    ['a kill and a stop', [fault(10_000, 'kill', 1), fault(10_000, 'pause', 2)], ['3,4 of 3,4']],
    [
      'a fault that began',
      [fault(10_000, 'partition', 4, 'started')],
      ['1,2,3 of 1,2,3,4, unsteady', '4 of 1,2,3,4, unsteady'],
    ],
    [
      'a heal that began',
      [CUT, fault(11_000, 'heal', 4, 'started')],
      ['1,2,3 of 1,2,3,4, unsteady', '4 of 1,2,3,4, unsteady'],
    ],
    [
      'two cuts, one healed',
      [CUT, fault(11_000, 'partition', 3), fault(12_000, 'heal', 4)],
      ['1,2,4 of 1,2,4', '3 of 3'],
    ],
  ])('%s', (_, faults, expected) => expect(at50(faults).sort()).toEqual(expected.sort()));
});
