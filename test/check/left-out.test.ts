import { check } from '../../src/check/check';
import type { History } from '../../src/check/history';
import type { RuleResult } from '../../src/core/rule-result';
import { assigned, at, executed, history, noLeader, ONE_WAY_MS, request, sample } from './histories';

const leftOut = (time: number, counts: Record<string, number>) => at(time, 2, { event: 'left_out', counts });
const END = [1, 2, 3].map((id) => sample(90_000, id, 0));
const verdictsOf = (verdicts: RuleResult[]): Record<string, unknown> =>
  Object.fromEntries(verdicts.map(({ rule, verdict }) => [rule, verdict]));
const ALL_HOLD = { S1: true, S2: true, S3: true, S4: true, S5: true, S6: true, S7: true, S8: true };

it.each<[Record<string, number>, Record<string, unknown>]>([
  [{}, {}],
  [{ mismatch: 5 }, {}],
  [{ assigned: 7 }, { S4: 'unknown' }],
  [{ executed: 7 }, {}],
  [{ leader: 1 }, { S1: 'unknown', S2: 'unknown', S4: 'unknown', S8: 'unknown' }],
  [
    { stepped_down: 1, assigned: 0 },
    { S1: 'unknown', S2: 'unknown', S4: 'unknown', S8: 'unknown' },
  ],
  [{ peer_down: 1 }, { S1: 'unknown', S3: 'unknown', S4: 'unknown' }],
  [{ resumed: 1 }, { S4: 'unknown' }],
])('if %j were dropped, rules that depend on them are unknown', (counts, unknown) => {
  const run = history([executed(1), leftOut(5000, counts), ...END], [], [request(1)]);
  expect(verdictsOf(check(run))).toEqual({ ...ALL_HOLD, ...unknown });
});

it('names the server whose events are missing', () => {
  const run = history([leftOut(5000, { assigned: 1 }), leftOut(6000, { assigned: 1 }), ...END]);
  const [s4] = check(run).filter(({ rule }) => rule === 'S4');
  expect(s4!.problems).toEqual(['server 2 dropped events that this rule needs, for lack of room']);
});

it('a violation stays one', () => {
  const run = history([
    leftOut(5000, { assigned: 1, leader: 1 }),
    assigned(6000, 3, 1),
    noLeader(50_000, 2, 2),
    ...END,
  ]);
  expect(verdictsOf(check(run))).toMatchObject({ S4: false, S8: false });
});

it('a success without an execution proves nothing if executions were dropped', () => {
  const run = history([leftOut(5000, { executed: 1 }), ...END], [], [request(1)]);
  expect(verdictsOf(check(run))).toMatchObject({ S6: 'unknown' });
});

it('dropped assignments may be as late as the line that counts them', () => {
  const lateMs = 90_000;
  const counts = [sample(lateMs + 500, 2, 5), sample(lateMs + 1000 + 4 * ONE_WAY_MS + 1, 2, 0)];
  expect(verdictsOf(check(history([leftOut(lateMs, { assigned: 1 }), ...counts])))).toMatchObject({ S7: true });
  expect(verdictsOf(check(history([leftOut(lateMs, { executed: 1 }), ...counts])))).toMatchObject({ S7: false });
});

it('a damaged line of this kind is ignored', () => {
  const damaged = { time: 1, server_id: 2, event: 'left_out' } as never;
  expect(verdictsOf(check(history([executed(1), damaged, ...END], [], [request(1)])))).toEqual(ALL_HOLD);
});

it.each<[Pick<History, 'damaged' | 'serverIds'>, string, string[]]>([
  [
    { damaged: [{ kind: 'events', file: 'a', lines: 2 }], serverIds: [1, 2, 3] },
    'a has 2 damaged lines',
    ['S1', 'S2', 'S3', 'S4', 'S7', 'S8'],
  ],
  [
    { damaged: [{ kind: 'records', file: 'a', lines: 1 }], serverIds: [1, 2, 3] },
    'a has 1 damaged line',
    ['S5', 'S6', 'S7'],
  ],
  [
    { damaged: [{ kind: 'faults', file: 'a', lines: 1 }], serverIds: [1, 2, 3] },
    'a has 1 damaged line',
    ['S1', 'S2', 'S3', 'S4', 'S7', 'S8'],
  ],
  [{ serverIds: [1, 2, 3, 4] }, 'there are no events of server 4', ['S1', 'S3', 'S4', 'S7', 'S8']],
])('rules that need evidence that is missing are unknown: %j', (missing, why, unknown) => {
  const results = check(history([executed(1), ...END], [], [request(1)], missing));
  const found = results.filter(({ verdict }) => verdict === 'unknown');
  expect(found.map(({ rule }) => rule)).toEqual(unknown);
  for (const { problems } of found) expect(problems).toEqual([why]);
});
