/** Compares the product's figures of a run with those of the independent recomputation, which reads the same files. */
import * as fc from 'fast-check';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { Report } from '../../src/report/report';
import { runReport } from '../../src/report/run-report';
import { plans, runOf } from '../report/laws/run-model';
import { filesOf, folderOf, RunFolder } from '../report/laws/write-run';

/** The places of a run's files. */
export interface Places {
  /** The folders of the load machines. */
  metrics: readonly string[];
  events: string;
  /** null: there is no file. */
  faults: string | null;
}

/** A figure by its path in final_report.json, and both values. */
export interface Difference {
  figure: string;
  product: unknown;
  recomputed: unknown;
}

export interface Agreement {
  name: string;
  /** The number of figures compared. */
  count: number;
  differences: Difference[];
}

const TOP = [
  ...['total_requests', 'decided_requests', 'undecided_requests', 'never_sent_requests', 'missing_records'],
  ...['successful_requests', 'failed_requests', 'failure_rate', 'failure_rate_max', 'duration_secs'],
  ...['goodput_per_s', 'attempted_per_s', 'loop', 'blocked_client_secs', 'missed_requests'],
];
const STATS = ['min_ms', 'max_ms', 'avg_ms', 'median_ms', 'p95_ms', 'p99_ms'];
const FAULT = [
  ...['server_id', 'kind', 'felt_ms', 'recovered_ms', 'bad_requests', 'requests', 'failed', 'retried', 'hedged'],
  ...['longest_ms', 'shared', 'detected_first_ms', 'detected_last_ms', 'leader_first_ms', 'leader_all_ms'],
];
/** Beyond 10,000 values percentiles are 0.05 % off; times are whole microseconds. */
const RELATIVE = 1e-3;
const ABSOLUTE = 2e-3;

type Fields = Record<string, unknown>;

/** Returns the figures that both have, by path. */
function figuresOf(report: Fields): Map<string, unknown> {
  const figures = new Map<string, unknown>();
  const take = (prefix: string, from: unknown, names: readonly string[]): void => {
    for (const name of names) figures.set(`${prefix}${name}`, (from as Fields | null | undefined)?.[name] ?? null);
  };
  take('', report, TOP);
  take('all_stats.', report['all_stats'], [...STATS, 'p99_9_ms']);
  take('latency_stats.', report['latency_stats'], STATS);
  take('slow_limits_ms.', report['slow_limits_ms'], Object.keys((report['slow_limits_ms'] ?? {}) as Fields));
  take('baseline.', report['baseline'], ['from', 'to', 'requests', 'bad_window_share', 'felt_resolution_ms']);
  take('balance.', report['balance'], ['servers_expected', 'total_max_over_mean']);
  const faults = (report['faults'] ?? []) as Fields[];
  figures.set('faults.length', faults.length);
  faults.forEach((fault, at) => take(`faults[${at}].`, fault, FAULT));
  return figures;
}

/** Compares the figures of one run, beyond rounding. */
export async function agreementOf(name: string, places: Places): Promise<Agreement> {
  const product = await reportOf(places);
  const recomputed = await recomputedOf(places);
  const [ours, theirs] = [figuresOf(product as unknown as Fields), figuresOf(recomputed as Fields)];
  const names = [...new Set([...ours.keys(), ...theirs.keys()])];
  const isRead = otherwiseRead(product);
  const differences = names.flatMap((figure): Difference[] => {
    const [one, other] = [ours.get(figure) ?? null, theirs.get(figure) ?? null];
    return isSame(one, other) || isRead(figure, one) ? [] : [{ figure, product: one, recomputed: other }];
  });
  return { name, count: names.length, differences };
}

/** Tells the figures that the product deliberately reads otherwise (docs/decisions/0029-two-laws.md). */
function otherwiseRead(report: Report): (figure: string, value: unknown) => boolean {
  const { loads, faults, leaders, slow_limits_ms: limits, warmup_secs: warmupSecs } = report;
  const hasTimeout = loads.length > 0 && loads.every(({ config }) => 'request_timeout_secs' in config);
  const hasEnd = loads.every(({ ended_at: end }) => end !== null);
  const isLimitMissing = Object.values(limits ?? {}).includes(null);
  return (figure, value) => {
    const [, at, ofFault] = /^faults\[(\d+)\]\.(.*)$/.exec(figure) ?? [];
    // Older files do not tell the timeout, nor those of a killed load its end.
    if (/^(all_stats|blocked_|missed_)/.test(figure) && !hasTimeout) return value === null;
    if (figure === 'goodput_per_s' && !hasEnd) return value === null;
    // If an image has no limit, what would be felt is unknown; the recomputation leaves out this image.
    if (figure === 'baseline.felt_resolution_ms' && isLimitMissing) return value === null;
    // Rates and duration of a run without requests, which is invalid, are 0; the recomputation divides by none.
    if (report.total_requests === 0 && value === 0) return true;
    // The rate if all that were undecided had failed; the recomputation divides by none.
    if (figure === 'failure_rate' && report.decided_requests === 0) return true;
    // From the end of the warm-up; the recomputation begins with the first request after it.
    if (/^baseline\.(from|bad_window_share|felt_resolution_ms)$/.test(figure) && warmupSecs > 0) return true;
    // A server counts as a survivor until its own fault; the recomputation leaves it out.
    const isOfServers = /^(detected|leader)_/.test(ofFault ?? '');
    if (isOfServers && faults![Number(at)]!.shared) return true;
    // The file of the server that has the fault is not needed; the recomputation wants all files.
    if (isOfServers && leaders?.unknown !== null) return true;
    // Others may tell of another cause after the heal; the recomputation takes it.
    if (ofFault === 'leader_all_ms') return value === null;
    // The new leader itself; the recomputation takes whoever names it first.
    return ofFault === 'leader_first_ms';
  };
}

function isSame(one: unknown, other: unknown): boolean {
  // A graceful restart is a termination that is healed at once.
  if (one === 'restart' && other === 'terminate') return true;
  if (typeof one !== 'number' || typeof other !== 'number') return one === other;
  return Math.abs(one - other) <= Math.max(ABSOLUTE, RELATIVE * Math.abs(other));
}

/** Compares runs that are generated, as for the laws. */
export async function generatedAgreements(runs: number, seed: number): Promise<Agreement[]> {
  const folder = new RunFolder();
  try {
    const all: Agreement[] = [];
    for (const [at, plan] of fc.sample(plans, { seed, numRuns: runs }).entries()) {
      const run = runOf(plan);
      folder.write(filesOf(run));
      const metrics = run.machines.map(({ id }) => path.join(folder.path, folderOf(id)));
      const faults = path.join(folder.path, 'fault_events.ndjson');
      all.push(await agreementOf(`generated run ${at + 1}`, { metrics, events: folder.path, faults }));
    }
    return all;
  } finally {
    folder.remove();
  }
}

/** Returns the places of a run's files in a folder of `cloudp2p run`, or in one of the golden files. */
export function placesIn(folder: string): Places {
  const faults = path.join(folder, 'fault_events.ndjson');
  const metrics = readdirSync(folder).filter((name) => /^(metrics|client\d+)$/.test(name));
  return {
    metrics: metrics.map((name) => path.join(folder, name)),
    events: folder,
    faults: existsSync(faults) ? faults : null,
  };
}

/** Returns the product's report of these files. */
function reportOf({ metrics, events, faults }: Places): Promise<Report> {
  return runReport({
    metrics: [...metrics],
    faults: faults === null ? null : { path: faults, required: true },
    events: [{ path: events, required: false }],
    outFiles: [],
    runs: { take: 'newest' },
    thresholds: [],
    say: () => undefined,
  });
}

/** Returns the figures of these files by the recomputation. */
async function recomputedOf({ metrics, events, faults }: Places): Promise<object> {
  const { readRun } = (await import('./read.mjs' as string)) as { readRun: (folder: string, more: object) => Fields };
  const { recompute } = (await import('./recompute.mjs' as string)) as {
    recompute: (run: Fields, readings: Fields) => object;
  };
  const runs = metrics.map((folder) => readRun(folder, { events, faults: faults ?? path.join(folder, 'none') }));
  const [first] = runs as [Fields];
  const joined = (key: string): unknown[] => runs.flatMap((run) => (run[key] ?? []) as unknown[]);
  const own = ['records', 'generator', 'clientFiles', 'runFiles'].map((key): [string, unknown] => [key, joined(key)]);
  return recompute({ ...first, ...Object.fromEntries(own) }, { calm: 'any', until: 'due' });
}
