import { blocksOf, type BlockOptions } from '../../../src/report/analyze/blocks';
import { bucketOf } from '../../../src/report/analyze/timeline';
import type { Row } from '../../../src/report/read/columns';
import type { Blocks } from '../../../src/report/report-blocks';

/** A success of 10 ms of the first image, unless told otherwise. */
function row(startMs: number, more: Partial<Row> = {}): Row {
  const latencyMs = more.latencyMs ?? 10;
  const rest = { serviceMs: latencyMs, image: 0, server: 1, term: 1, reason: 0, retried: false, hedged: false };
  return { startMs, endMs: startMs + latencyMs, latencyMs, success: true, isFailed: false, ...rest, ...more };
}

function blocksIn(rows: readonly Row[], more: Partial<BlockOptions> = {}): Blocks {
  const run = { from: 0, to: 10_000 };
  const options = { images: ['a'], run, warmUntilMs: -Infinity, troubled: [], longestMs: 1000, unknown: null };
  return blocksOf((visit) => rows.forEach(visit), { ...options, ...more });
}

const FAILED = { success: false, isFailed: true };
const UNDECIDED = { success: false, isFailed: false };
const successes = (blocks: Blocks['whole'] | null): number[] => blocks!.map((block) => block.successes);

test('a request is in the fifth of the run in which it was due, however long it takes', () => {
  const rows = [row(0), row(1999, { latencyMs: 5000 }), row(2000), row(9999), row(10_000)];
  const { whole, steady } = blocksIn(rows);
  expect(successes(whole)).toEqual([2, 1, 0, 0, 2]);
  expect(whole.map(({ secs }) => secs)).toEqual([2, 2, 2, 2, 2]);
  expect(steady).toBeNull();
});

test('the warm-up, and times outside the run, are in no block', () => {
  const { whole } = blocksIn([row(4999), row(5000), row(6000), row(10_001), row(1e12)], { warmUntilMs: 5000 });
  expect(successes(whole)).toEqual([1, 1, 0, 0, 0]);
  expect(whole[0]!.secs).toBe(1);
});

test('a failure counts with the longest that a success can take, an undecided request with its age', () => {
  const rows = [row(0, FAILED), row(1, { ...FAILED, latencyMs: 2000 }), row(2, { ...UNDECIDED, latencyMs: 30 })];
  const [block] = blocksIn(rows).whole;
  expect(block).toMatchObject({ successes: 0, failed: 2, undecided: 1 });
  expect(block!.operations[0]).toEqual({
    latency_total_us: 3_030_000,
    unknown: 0,
    histogram: [30, 1000, 2000].flatMap((ms) => [bucketOf(ms * 1000), 1]),
  });
});

test('without a request timeout the latency of a failure is unknown', () => {
  const [block] = blocksIn([row(0), row(1, FAILED)], { longestMs: Infinity }).whole;
  expect(block!.operations[0]).toEqual({ latency_total_us: 10_000, unknown: 1, histogram: [bucketOf(10_000), 1] });
});

test('steady are five blocks of the time outside faults, without requests that were under way in one', () => {
  const troubled = [
    { from: 5000, to: 8000 },
    { from: 2000, to: 4000 },
    { from: 3000, to: 3500 },
  ];
  const rows = [row(1000), row(1999, { latencyMs: 100 }), row(2500), row(4500), row(7999), row(8500), row(9999)];
  const { whole, steady } = blocksIn(rows, { troubled });
  expect(successes(whole)).toEqual([2, 1, 1, 1, 2]);
  expect(steady!.map(({ secs }) => secs)).toEqual([1, 1, 1, 1, 1]);
  expect(successes(steady)).toEqual([0, 1, 1, 1, 1]);
});

test('a fault from the beginning to the end leaves nothing steady', () => {
  const { steady } = blocksIn([row(10)], { troubled: [{ from: -5, to: 20_000 }] });
  expect(steady!.map(({ secs, successes: count }) => [secs, count])).toEqual(Array(5).fill([0, 0]));
});

test('operations are counted by themselves, in the order of their names', () => {
  const { whole, images } = blocksIn([row(0), row(1, { image: 1 }), row(2, { image: 1 })], { images: ['b', 'a'] });
  expect(images).toEqual(['a', 'b']);
  expect(whole[0]!.operations.map(({ histogram }) => histogram[1])).toEqual([2, 1]);
});
