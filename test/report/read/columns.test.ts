import fc from 'fast-check';
import type { Interval } from '../../../src/report/report';
import { type ForEachRow, RequestColumns, type Row } from '../../../src/report/read/columns';
import { faultMarks } from '../../../src/report/analyze/fault-marks';
import type { FaultWindow } from '../../../src/report/analyze/fault-windows';
import { backToBaselineMs, overlaps, slowAboveMs, touchOf } from '../../../src/report/analyze/recovery';

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
      const touching = all.filter((each) => overlaps(each, within)).map(({ startMs }) => startMs);
      expect(shown(columns, within).map(({ startMs }) => startMs)).toEqual(touching);
    }
  }
});

test('finds out if any of several ranges is touched', () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 8 }), range, (ranges, { from, to }) => {
      const life = { startMs: from, endMs: to };
      expect(touchOf(ranges)(life)).toBe(ranges.some((each) => overlaps(life, each)));
    }),
  );
});

test('one pass over all faults gives the same marks as one for each', () => {
  const windows = fc
    .array(fc.tuple(time, fc.nat({ max: 100 })), { maxLength: 6 })
    .map((starts) => starts.sort(([a], [b]) => a - b).map(([startMs, ms]) => windowOf(startMs, startMs + ms)));
  fc.assert(
    fc.property(windows, rows, (faults, made) => {
      const columns = columnsOf(made);
      const good = shown(columns).filter(({ success }) => success);
      const expected = faults.map(({ startMs, doneMs }) => ({
        termBefore: Math.max(-1, ...good.filter(({ endMs }) => endMs < startMs).map(({ term }) => term)),
        firstSuccessMs: Math.min(Infinity, ...good.filter((each) => each.startMs >= doneMs).map(({ endMs }) => endMs)),
      }));
      expect(faultMarks(faults, (visit, within) => columns.forEach(visit, within))).toEqual(expected);
    }),
  );
});

function windowOf(startMs: number, doneMs: number): FaultWindow {
  return { serverId: 1, kind: 'kill', startMs, doneMs, healedMs: null };
}

test('considering only nearby rows does not change the recovery', () => {
  const slow = Float64Array.of(25, 25, 25);
  const far = fc.integer({ min: 0, max: 40_000 }).map((ms) => T0 + ms);
  const many = fc
    .array(row, { maxLength: 40 })
    .chain((made) => fc.tuple(...made.map((each) => far.map((startMs) => ({ ...each, startMs })))));
  fc.assert(
    fc.property(many, fc.nat({ max: 45_000 }), (made, lengthMs) => {
      const columns = columnsOf(made);
      const near: ForEachRow = (visit, within) => columns.forEach(visit, within);
      const all: ForEachRow = (visit) => columns.forEach(visit);
      const fault = { from: T0, to: T0 + lengthMs };
      expect(backToBaselineMs(near, slow, fault)).toBe(backToBaselineMs(all, slow, fault));
      expect(backToBaselineMs(near, slow, fault)).toBe(firstCalmMs(shown(columns), slow, fault));
    }),
  );
});

/** Follows the definition, window by window. */
function firstCalmMs(all: readonly Row[], slowMs: Float64Array, { from, to }: Interval): number | null {
  const steps = Math.floor((to - from) / 10);
  if (steps < 100) return null;
  const isBad = (step: number): boolean => {
    const [begin, end] = [from + step * 10, from + step * 10 + 250];
    const ended = all.filter(({ endMs }) => endMs >= begin && endMs < end);
    if (all.some(({ success, startMs, endMs }) => !success && startMs < end && endMs >= begin)) return true;
    const isSlow = ({ latencyMs, image }: Row): boolean => latencyMs > slowMs[image]!;
    const ofImages = [0, 1, 2].map((image) => ended.filter((each) => each.image === image));
    if (ofImages.some((each) => each.filter(isSlow).length > each.length * 0.05)) return true;
    const troubled = (each: Row): boolean => isSlow(each) && each.startMs < end && each.endMs >= begin;
    return ended.length === 0 && all.some(troubled);
  };
  const bad = Array.from({ length: Math.max(0, steps - 24) }, (_, step) => isBad(step));
  for (let at = 0; at + 76 <= bad.length; at++) if (!bad.slice(at, at + 76).includes(true)) return at * 10;
  return null;
}

test('slow is relative to requests before the first fault, or else outside faults', () => {
  const columns = columnsOf([
    ...Array.from({ length: 20 }, (_, at) => plain(at * 10, 10, 0)),
    ...Array.from({ length: 19 }, (_, at) => plain(at * 10, 10, 1)),
    ...Array.from({ length: 5 }, (_, at) => plain(5000 + at, 100, 1)),
    plain(1000, 900, 0),
    plain(1000, 900, 1),
  ]);
  const slow = slowAboveMs((visit) => columns.forEach(visit), 3, [
    { from: T0 + 1500, to: T0 + 2000 },
    { from: T0 + 1000, to: T0 + 1200 },
  ]);
  expect([...slow]).toEqual([25, 160, Infinity]);
});

function plain(at: number, latencyMs: number, image: number): Omit<Row, 'endMs'> {
  const flags = { success: true, retried: false, hedged: false };
  return { startMs: T0 + at, latencyMs, serviceMs: latencyMs, image, server: 1, term: 1, reason: 0, ...flags };
}
