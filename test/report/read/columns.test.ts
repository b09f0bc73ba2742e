import fc from 'fast-check';
import type { Interval } from '../../../src/report/report';
import { RequestColumns, type Row } from '../../../src/report/read/columns';
import { isUnderWay, touchOf } from '../../../src/report/analyze/intervals';

const T0 = 1_761_904_800_000;
const time = fc.integer({ min: -50, max: 3050 }).map((ms) => T0 + ms);
const row = fc.record({
  startMs: fc.integer({ min: 0, max: 3000 }).map((ms) => T0 + ms),
  latencyMs: fc.oneof(fc.nat({ max: 30 }), fc.nat({ max: 2000 })),
  serviceMs: fc.nat({ max: 30 }),
  image: fc.nat({ max: 2 }),
  server: fc.nat({ max: 3 }),
  term: fc.nat({ max: 4 }),
  reason: fc.nat({ max: 200 }),
  success: fc.integer({ min: 0, max: 9 }).map((n) => n > 0),
  isFailed: fc.boolean(),
  retried: fc.boolean(),
  hedged: fc.boolean(),
});
const rows = fc.array(row, { maxLength: 60 });
const range = fc.tuple(time, time).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));

/** Columns with the rows repeated `times` times, enough to fill several chunks. */
function columnsOf(made: readonly Omit<Row, 'endMs'>[], times = 1): RequestColumns {
  const columns = new RequestColumns();
  for (let n = 0; n < times; n++) for (const each of made) columns.add(each);
  return columns;
}

function shown(columns: RequestColumns, within?: Interval): Row[] {
  const all: Row[] = [];
  columns.forEach((each) => all.push({ ...each }), within);
  return all;
}

test('rows come out as they went in, in order', () => {
  fc.assert(
    fc.property(rows, (made) => {
      const expected = made.map((each) => ({ ...each, endMs: each.startMs + each.latencyMs }));
      expect(shown(columnsOf(made))).toEqual(expected);
    }),
  );
  const columns = columnsOf(
    Array.from({ length: 100 }, (_, at) => plain(at, 10, 0)),
    400,
  );
  expect(columns.count).toBe(40_000);
  expect(shown(columns).every(({ startMs }, at) => startMs === T0 + (at % 100))).toBe(true);
});

test('starts that are years apart are kept', () => {
  const startsMs = [
    0,
    T0,
    T0 + 0.001,
    T0 + 3_600_000,
    8.64e15,
    1,
    T0 - 2_147_483.648,
    T0 - 2_147_483.649,
    T0 + 2_147_483.646,
  ];
  const made = [...startsMs, ...[...startsMs].reverse()].map((startMs) => ({ ...plain(0, 10, 0), startMs }));
  for (const rows of [made, made.slice(1), made.slice(4)]) {
    expect(shown(columnsOf(rows)).map(({ startMs }) => startMs)).toEqual(rows.map(({ startMs }) => startMs));
  }
});

test('a span selects the rows that touch it', () => {
  const columns = new RequestColumns();
  // Late ends among early ones, over many chunks.
  for (let at = 0; at < 50_000; at++) {
    const latencyMs = at % 1000 === 0 ? 20_000 : at % 7;
    columns.add(plain(at, latencyMs, 0));
  }
  const all = shown(columns);
  for (const from of [-100, 0, 16_383, 25_000.5, 49_999, 70_000]) {
    for (const lengthMs of [0, 1, 3000, 1e9]) {
      const within = { from: T0 + from, to: T0 + from + lengthMs };
      const touching = all.filter((each) => isUnderWay(each, within)).map(({ startMs }) => startMs);
      expect(shown(columns, within).map(({ startMs }) => startMs)).toEqual(touching);
    }
  }
});

test('finds out if any of several ranges is touched', () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 8 }), range, (ranges, { from, to }) => {
      const life = { startMs: from, endMs: to };
      expect(touchOf(ranges)(life)).toBe(ranges.some((each) => isUnderWay(life, each)));
    }),
  );
});

function plain(at: number, latencyMs: number, image: number): Omit<Row, 'endMs'> {
  const flags = { success: true, isFailed: false, retried: false, hedged: false };
  return { startMs: T0 + at, latencyMs, serviceMs: latencyMs, image, server: 1, term: 1, reason: 0, ...flags };
}
