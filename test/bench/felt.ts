/**
 * Measures what the report says of stalls, on simulated runs: how often it tells of one where there was none, how often
 * it misses one, and if it keeps its promise that a stall of `felt_resolution_ms` would show. Each run has one fault
 * without a stall and one for each kind of stall, in random order; the first as soon, each as long, and the next as late
 * as in a default `cloudp2p run`.
 */
import { WrongCarriers } from '../../src/core/metrics/wrong-carriers';
import { ENOUGH_SUCCESSES } from '../../src/core/metrics/slow-limit';
import { seededRandom } from '../../src/core/random';
import { buildReport } from '../../src/report/analyze/build';
import { RequestColumns } from '../../src/report/read/columns';
import { emptyInputs, type FaultStep, type Inputs } from '../../src/report/read/inputs';
import { TaskFlags } from '../../src/report/read/task-flags';
import type { Report } from '../../src/report/report';
import { type Load, type Request, simulate, type Stall } from './felt-model';
import { quantile } from './table';

const RUNS = 200;
const LEAST_FIRST_FAULT_MS = 20_000;
const FAULT_MS = 4000;
const BETWEEN_FAULTS_MS = 8000;
/** Any time that is not a multiple of a window or a second. */
const T0_MS = 1_761_904_800_123;
const STALLS_MS = [100, 250, 500, 1000, 1500, 3000];
const THIRD = 1 / 3;
const SHARES = [THIRD, 1];

/** Service times of the images of test_images on an idle machine, and as 20 default runs beside other work had them. */
const IDLE = { medianMs: [4, 10, 40], spread: 0.4, unrest: 0.1, stragglers: 0.01 };
const BUSY = { medianMs: [45, 150, 550], spread: 0.8, unrest: 0.4, stragglers: 0.01 };
const DEFAULT_RUN = { clients: 10, thinkMs: [100, 2000] as const };
const LAB = { clients: 300, thinkMs: [100, 2000] as const };
const LOADS: readonly Load[] = [
  { ...IDLE, ...DEFAULT_RUN, name: 'default run' },
  { ...BUSY, ...DEFAULT_RUN, name: 'default run, busy machine' },
  { ...IDLE, ...LAB, name: 'lab, 300 clients' },
  { ...IDLE, ...LAB, name: 'lab, fewer stragglers', stragglers: 0.002 },
  { ...IDLE, name: '50/s', perSecond: 50 },
  { ...IDLE, name: '50/s, fewer stragglers', perSecond: 50, stragglers: 0.002 },
  { ...IDLE, name: '500/s', perSecond: 500 },
];

interface Kind {
  stallMs: number;
  share: number;
}

const NO_STALL: Kind = { stallMs: 0, share: 0 };
const KINDS: readonly Kind[] = [
  NO_STALL,
  ...SHARES.flatMap((share) => STALLS_MS.map((stallMs) => ({ stallMs, share }))),
];

/** The figures of a load's reports: `felt_ms` by kind and run, and the baseline of each run. */
interface Told {
  feltMs: Map<Kind, (number | null)[]>;
  baselines: NonNullable<Report['baseline']>[];
}

function measure(load: Load, runs: number): Told {
  const told: Told = { feltMs: new Map(KINDS.map((kind) => [kind, []])), baselines: [] };
  for (let run = 0; run < runs; run++) {
    const random = seededRandom(run);
    const kinds = shuffled(KINDS, random);
    const firstMs = firstFaultMs(load, run);
    const starts = kinds.map((_, at) => firstMs + random() * 1000 + at * (FAULT_MS + BETWEEN_FAULTS_MS));
    const stalls = kinds.map(({ stallMs, share }, at): Stall => {
      return { from: starts[at]!, to: starts[at]! + stallMs, share };
    });
    const endMs = starts.at(-1)! + FAULT_MS + BETWEEN_FAULTS_MS;
    const inputs = inputsOf(load, simulate(load, endMs, stalls, run), starts);
    const { faults, baseline } = buildReport(inputs, { thresholds: [] });
    kinds.forEach((kind, at) => told.feltMs.get(kind)!.push(faults![at]!.felt_ms));
    told.baselines.push(baseline!);
  }
  return told;
}

/** Returns when every image has enough successes, as `run` waits for them. */
function firstFaultMs(load: Load, seed: number): number {
  const requests = simulate(load, 3 * LEAST_FIRST_FAULT_MS, [], seed);
  const enoughMs = load.medianMs.map((_, image) => {
    const ends = requests.filter((each) => each.image === image).map(({ dueMs, latencyMs }) => dueMs + latencyMs);
    return ends.sort((a, b) => a - b)[ENOUGH_SUCCESSES - 1]!;
  });
  return Math.max(LEAST_FIRST_FAULT_MS, ...enoughMs);
}

function shuffled<T>(values: readonly T[], random: () => number): T[] {
  return values
    .map((value) => ({ value, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value);
}

/** Returns what `report` would read of a run. */
function inputsOf(load: Load, requests: readonly Request[], faultStarts: readonly number[]): Inputs {
  const columns = new RequestColumns();
  const rest = { server: 1, term: 1, reason: 0, success: true, isFailed: false, retried: false, hedged: false };
  const inputs = emptyInputs(new TaskFlags());
  inputs.servers.indexOf(1);
  load.medianMs.forEach((medianMs) => inputs.images.indexOf(`${medianMs} ms`));
  let firstMs = Infinity;
  let lastMs = -Infinity;
  let lastEndMs = -Infinity;
  for (const { dueMs, latencyMs, image } of requests) {
    const startMs = T0_MS + dueMs;
    columns.add({ startMs, latencyMs, serviceMs: latencyMs, image, ...rest });
    firstMs = Math.min(firstMs, startMs);
    lastMs = Math.max(lastMs, startMs);
    lastEndMs = Math.max(lastEndMs, startMs + latencyMs);
  }
  inputs.records.push({
    path: 'machine_1_requests.ndjson',
    folder: '.',
    machineId: 1,
    runId: 'run-1',
    clock: { offsetAt: () => 0 },
    columns,
    reasons: new Map(),
    wrong: new WrongCarriers(),
    repeats: 0,
    strays: 0,
    conflicts: 0,
    latestMs: lastEndMs,
    retries: 0,
    bytesSent: 0,
    bytesReceived: 0,
    interrupted: 0,
    unsent: 0,
    firstStartMs: firstMs,
    lastStartMs: lastMs,
    lastEndMs,
    clients: new Map(),
  });
  inputs.faults = faultStarts.flatMap((at): FaultStep[] => {
    const begun = { time: T0_MS + at, server_id: 1, action: 'pause', outcome: 'started', detail: null } as const;
    return [
      begun,
      { ...begun, outcome: 'done' },
      { ...begun, time: begun.time + FAULT_MS, action: 'resume', outcome: 'done' },
    ];
  });
  return inputs;
}

/** @param wanted parts of names of loads; default: all */
export function run(runs = RUNS, wanted: readonly string[] = []): void {
  const loads = LOADS.filter(({ name }) => wanted.length === 0 || wanted.some((word) => name.includes(word)));
  const results = loads.map((load) => ({ load, told: measure(load, runs) }));
  console.log(`What a fault cost: ${runs} simulated runs of each load\n`);
  printTable(
    ['no stall', 'felt', 'unknown', 'bad windows', 'resolution', 'p90', 'missed from it on: all hang', 'a third hangs'],
    results.map(({ load, told }) => [load.name, ...quietCells(told)]),
  );
  for (const share of SHARES) {
    const kinds = KINDS.filter((kind) => kind.share === share);
    console.log(
      `${share === 1 ? 'All requests hang' : 'A third of the requests hangs'}: missed / unknown / median felt`,
    );
    printTable(
      ['for', ...kinds.map(({ stallMs }) => `${stallMs} ms`)],
      results.map(({ load, told }) => [load.name, ...kinds.map((kind) => stallCell(told.feltMs.get(kind)!))]),
    );
  }
}

function quietCells({ feltMs, baselines }: Told): string[] {
  const quiet = feltMs.get(NO_STALL)!;
  const badShares = baselines.map(({ bad_window_share }) => bad_window_share ?? NaN);
  // Sorted last if even 5 s might not show.
  const resolutions = baselines.map(({ felt_resolution_ms }) => felt_resolution_ms ?? Infinity);
  const missedOf = (share: number): string => {
    const all = KINDS.filter((kind) => kind.share === share).flatMap((kind) =>
      feltMs.get(kind)!.filter((_, run) => kind.stallMs >= resolutions[run]!),
    );
    return `${all.filter((ms) => ms === 0).length} of ${all.length}`;
  };
  return [
    percentOf(quiet, (ms) => ms !== null && ms > 0),
    percentOf(quiet, (ms) => ms === null),
    `${((badShares.reduce((sum, share) => sum + share, 0) / badShares.length) * 100).toFixed(1)} %`,
    ...[0.5, 0.9].map((q) => `${quantile(resolutions, q)} ms`),
    ...[1, THIRD].map(missedOf),
  ];
}

function stallCell(feltMs: readonly (number | null)[]): string {
  const median = quantile(
    feltMs.filter((ms) => ms !== null),
    0.5,
  );
  const shares = [percentOf(feltMs, (ms) => ms === 0), percentOf(feltMs, (ms) => ms === null)];
  return [...shares, Number.isNaN(median) ? '-' : `${median} ms`].join(' / ');
}

function percentOf<T>(values: readonly T[], isCounted: (value: T) => boolean): string {
  return `${((values.filter(isCounted).length / values.length) * 100).toFixed(1)} %`;
}

function printTable(heads: readonly string[], rows: readonly string[][]): void {
  const widths = heads.map((head, at) => Math.max(head.length, ...rows.map((row) => row[at]!.length)));
  for (const row of [heads, ...rows])
    console.log(row.map((cell, at) => (at === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[at]!))).join('  '));
  console.log('');
}
