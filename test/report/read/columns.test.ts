import fc from 'fast-check';
import type { Interval } from '../../../src/report/report';
import { type ForEachRow, RequestColumns, type Row } from '../../../src/report/read/columns';
import { faultCosts } from '../../../src/report/analyze/fault-cost';
import type { FaultWindow } from '../../../src/report/analyze/fault-windows';
import { WindowGrid } from '../../../src/report/analyze/window-grid';
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

describe('what faults cost', () => {
  const run = { from: T0, to: T0 + 20_000 };
  const SLOW_MS = [25, 500, NaN];
  const slowMs = Float64Array.from(SLOW_MS);
  const at = fc.nat({ max: 20_000 }).map((ms) => T0 + ms);
  // Mostly good ones, of which a few late or failed ones make bad windows.
  const some = fc
    .tuple(row, at, fc.integer({ min: 0, max: 9 }), fc.nat({ max: 2000 }), fc.nat({ max: 19 }))
    .map(([each, startMs, kind, ms, image]) => ({
      ...each,
      startMs,
      latencyMs: kind < 7 ? ms / 100 : ms,
      image: image === 0 ? 1 : 0,
      success: kind < 9,
      isFailed: kind === 9 && ms % 2 === 0,
    }));
  const unknown = fc.record({ startMs: at, image: fc.constant(2) }).map((more) => ({ ...plain(0, 10, 2), ...more }));
  const many = fc
    .tuple(fc.array(some, { minLength: 20, maxLength: 150 }), fc.array(unknown, { maxLength: 1 }))
    .map(([known, others]) => [...known, ...others]);
  const fault = fc
    .tuple(at, fc.oneof(fc.nat({ max: 1000 }), fc.nat({ max: 8000 })))
    .map(([startMs, ms]): FaultWindow => ({
      serverId: 1,
      kind: 'kill',
      startMs,
      doneMs: startMs,
      healedMs: ms === 0 ? null : startMs + ms,
      missing: null,
    }));
  const faults = fc
    .array(fault, { minLength: 1, maxLength: 3 })
    .map((all) => all.sort((a, b) => a.startMs - b.startMs));

  test('follows the definition, window by window, and looks only at nearby rows', () => {
    fc.assert(
      fc.property(many, faults, fc.nat({ max: 100 }), (made, all, meanUnderWay) => {
        const columns = columnsOf(made);
        const costs = (forEachRow: ForEachRow) => {
          const grid = new WindowGrid({ forEachRow, run, slowMs, meanUnderWay });
          return faultCosts({
            forEachRow,
            run,
            faults: all,
            slowMs,
            whyNoLimit: '',
            grid,
            gaps: [],
            isEndKnown: true,
            areFaultsDamaged: false,
            lastDueMs: Infinity,
          });
        };
        const near = costs((visit, within) => columns.forEach(visit, within));
        const told = near.map(({ felt_ms, recovered_ms, at_least_ms, bad_requests, requests, failed, shared }) => {
          return { felt_ms, recovered_ms, at_least_ms, bad_requests, requests, failed, shared };
        });
        expect(told).toEqual(all.map((each) => defined(each, all, shown(columns), meanUnderWay)));
        // Visiting all rows, of which most are far away.
        const rows = shown(columns);
        const whole = costs((visit, within) =>
          rows.filter((each) => !within || isUnderWay(each, within)).forEach(visit),
        );
        expect(near).toEqual(whole);
      }),
      { numRuns: 300 },
    );
  });

  /** Follows docs/report-figures.md to the letter. */
  function defined(own: FaultWindow, all: readonly FaultWindow[], rows: readonly Row[], meanUnderWay: number) {
    const isBad = ({ isFailed, latencyMs, image }: Row): boolean => isFailed || latencyMs > SLOW_MS[image]!;
    const within = ({ startMs, endMs }: Row, fromMs: number): boolean => startMs < fromMs + 250 && endMs >= fromMs;
    const isBadWindow = (fromMs: number): boolean => {
      const here = rows.filter((each) => within(each, fromMs));
      const bad = here.filter(isBad).length;
      return here.some(({ isFailed }) => isFailed) || (bad >= 2 && bad > meanUnderWay * 0.05);
    };
    const group = groupOf(own, all);
    const next = all.find((each) => each.startMs > own.startMs && !group.includes(each));
    const untilMs = Math.min(run.to, next?.startMs ?? Infinity);
    const healedMs = Math.max(...group.map((each) => each.healedMs ?? Infinity));
    let calmMs = Math.ceil(healedMs / 250) * 250;
    const isCalm = (): boolean =>
      [0, 250, 500, 750].every((ms) => !isBadWindow(calmMs + ms)) &&
      rows.some(({ startMs }) => startMs >= calmMs && startMs < calmMs + 1000);
    while (calmMs + 1000 <= untilMs && !isCalm()) calmMs += 250;
    const isSeen = calmMs + 1000 <= untilMs;
    const toMs = isSeen ? calmMs : untilMs;
    const windows: number[] = [];
    const fromMs = Math.min(...group.map(({ startMs }) => startMs));
    for (let ms = Math.floor(fromMs / 250) * 250; ms < toMs; ms += 250) if (isBadWindow(ms)) windows.push(ms);
    const near = rows.filter((each) => isUnderWay(each, { from: fromMs, to: (isSeen ? toMs + 1000 : toMs) - 0.001 }));
    const touching = near.filter(({ startMs }) => startMs < toMs);
    const lookMs = Math.max(own.healedMs ?? Infinity, own.startMs + 4000);
    const due = rows.filter(({ startMs }) => startMs >= own.startMs && startMs <= lookMs).length;
    const hasLimits = near.every(({ image }) => image !== 2);
    const isKnown = isSeen && own.healedMs !== null && due >= 20 && hasLimits;
    const counted = <T>(value: T): T | null => (hasLimits ? value : null);
    const recoveredMs = windows.length === 0 ? 0 : windows.at(-1)! + 250 - fromMs;
    const feltMs = Math.min(windows.length * 250, recoveredMs);
    return {
      felt_ms: isKnown ? feltMs : null,
      recovered_ms: isKnown ? recoveredMs : null,
      at_least_ms: counted(feltMs),
      bad_requests: counted(touching.filter(isBad).length),
      requests: counted(touching.length),
      failed: counted(touching.filter(({ isFailed }) => isFailed).length),
      shared: group.length > 1,
    };
  }

  /** The faults that are connected by each beginning before another is healed. */
  function groupOf(own: FaultWindow, all: readonly FaultWindow[]): FaultWindow[] {
    const group = new Set([own]);
    const meets = (a: FaultWindow, b: FaultWindow): boolean =>
      a.startMs < (b.healedMs ?? Infinity) && b.startMs < (a.healedMs ?? Infinity);
    for (const each of group) for (const other of all) if (meets(each, other)) group.add(other);
    return [...group];
  }
});

function plain(at: number, latencyMs: number, image: number): Omit<Row, 'endMs'> {
  const flags = { success: true, isFailed: false, retried: false, hedged: false };
  return { startMs: T0 + at, latencyMs, serviceMs: latencyMs, image, server: 1, term: 1, reason: 0, ...flags };
}
