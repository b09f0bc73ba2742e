import { auditOf, lastAnswersOf, CORRUPTED } from './audit';
import { balanceOf } from './balance';
import type { Threshold } from '../core/metrics/threshold';
import { checkThresholds } from './checks';
import { type JudgedFault, judgeFault } from './fault-reports';
import { faultsDuring, faultWindows } from './fault-windows';
import type { Inputs } from './inputs';
import { Latencies } from './latencies';
import { leadersDuring, leaderSpans } from './leaders';
import { increment } from './names';
import { type ForEachRow, overlaps, slowAboveMs } from './recovery';
import type { Interval, PhaseName, Report, RuleResult, RunFacts, Scale } from './report';
import { selfCheck } from './self-check';

export interface BuildOptions {
  thresholds: readonly Threshold[];
  /** Judged by the caller, told as they are. */
  rules?: readonly RuleResult[];
  run?: RunFacts;
}

/** When a phase other than steady was on. */
interface Phase extends Interval {
  phase: PhaseName;
}

/** Turns what was read into the report. The same inputs give the same report. */
export function buildReport(inputs: Inputs, { thresholds, rules, run: facts }: BuildOptions): Report {
  const run = runOf(inputs);
  const forEachRow: ForEachRow = (visit) => inputs.records.forEach(({ columns }) => columns.forEach(visit));
  const judged = judgeFaults(inputs, forEachRow, run);
  const counted = countRows(inputs, forEachRow, phasesOf(judged, run));
  const report = { ...totals(inputs, counted, run), ...timelines(inputs, counted, forEachRow, run, judged) };
  const withVerdict = { ...report, verdict: verdictOf(report.failure_rate, report.total_requests), thresholds: [] };
  const whole: Report = {
    ...withVerdict,
    self_check: selfCheck({ ...withVerdict, ...inputsOf(inputs) }, inputs, counted),
    ...(rules && { rules: [...rules] }),
    ...(facts && { run: facts }),
    ...inputsOf(inputs),
  };
  return { ...whole, thresholds: checkThresholds(whole, thresholds) };
}

/** First start to last end of all requests; null without records. */
function runOf({ records }: Inputs): Interval | null {
  const from = records.reduce((first, { firstStartMs }) => Math.min(first, firstStartMs), Infinity);
  const to = records.reduce((last, { lastEndMs }) => Math.max(last, lastEndMs), -Infinity);
  return from === Infinity ? null : { from, to };
}

/** null: no file of faults, or no records that they could be judged by. */
function judgeFaults(inputs: Inputs, forEachRow: ForEachRow, run: Interval | null): JudgedFault[] | null {
  if (inputs.faults === null || run === null) return null;
  const all = faultWindows(inputs.faults);
  const faults = faultsDuring(all, run);
  const ranges = faults.map(({ startMs, mendedMs }) => ({ from: startMs, to: mendedMs ?? Infinity }));
  const slowMs = slowAboveMs(forEachRow, inputs.images.all.length, ranges);
  const { events, eventServerIds } = inputs;
  const context = { forEachRow, slowMs, faults, events, eventServerIds, run, spans: leaderSpans(events ?? [], all) };
  return faults.map((fault) => judgeFault(fault, context));
}

function phasesOf(judged: readonly JudgedFault[] | null, run: Interval | null): Phase[] {
  if (judged === null || run === null) return [];
  const faults = judged.map(({ report }) => ({
    phase: 'fault' as const,
    from: report.start,
    to: report.end ?? run.to,
  }));
  const recovering = judged.flatMap(({ recovering: span }) =>
    span ? [{ phase: 'recovering' as const, ...span }] : [],
  );
  return [...faults, ...recovering];
}

type Counted = ReturnType<typeof countRows>;

/** One pass over all requests: latencies by phase and image, so that each enters one digest only. */
function countRows({ images, servers }: Inputs, forEachRow: ForEachRow, phases: readonly Phase[]) {
  const cells = new Map<PhaseName, Latencies[]>();
  const service = new Latencies();
  const byServer = servers.all.map(() => 0);
  const counted = { cells, service, byServer, hedged: 0, retried: 0 };
  forEachRow((row) => {
    // A request belongs to the worst phase that its life touches: its latency may come of it.
    const phase = phases.find((each) => overlaps(row, each))?.phase ?? 'steady';
    let byImage = cells.get(phase);
    if (byImage === undefined) cells.set(phase, (byImage = images.all.map(() => new Latencies())));
    const cell = byImage[row.image]!;
    if (row.server > 0) byServer[row.server - 1]! += 1;
    if (row.hedged) counted.hedged += 1;
    if (!row.success) return void (cell.failed += 1);
    if (row.hedged || row.retried) counted.retried += 1;
    cell.add(row.latencyMs);
    service.add(row.serviceMs);
  });
  return counted;
}

function totals(inputs: Inputs, { cells, service, byServer }: Counted, run: Interval | null) {
  const { records, clients } = inputs;
  const phases = (['steady', 'fault', 'recovering'] as const).map((phase) => ({
    phase,
    ...merged(cells.get(phase) ?? []).share(),
  }));
  const images = inputs.images.all.map((image, index) => ({
    image,
    ...merged([...cells.values()].map((byImage) => byImage[index]!)).share(),
  }));
  const all = merged([...cells.values()].flat());
  for (const client of clients) all.addClient(client);
  const total = all.successful + all.failed;
  const clientSecs = clients.reduce((longest, { durationSecs }) => Math.max(longest, durationSecs), 0);
  const durationSecs = Math.round(Math.max(clientSecs, run === null ? 0 : (run.to - run.from) / 1000) * 1000) / 1000;
  return {
    total_requests: total,
    successful_requests: all.successful,
    failed_requests: all.failed,
    failure_rate: total === 0 ? 0 : (all.failed / total) * 100,
    server_distribution: Object.fromEntries(serverTotals(inputs, byServer)),
    failure_reasons: reasonsOf(inputs),
    latency_stats: all.stats(),
    p99_9_ms: all.quantileMs(0.999),
    service_stats: service.stats(),
    clients_without_percentiles: clients.filter((client) => client.centroids === null).length,
    // Filled by what comes next.
    ...{ retry_count: 0, bytes_sent: 0, bytes_received: 0, warmup_secs: 0 },
    ...{ timeline: null, percentile_curve: [], servers: [], generators: [], clocks: inputs.clocks },
    interrupted_requests: records.reduce((sum, { interrupted }) => sum + interrupted, 0),
    unsent_requests: records.reduce((sum, { unsent }) => sum + unsent, 0),
    runs: inputs.runs,
    duration_secs: durationSecs,
    throughput_per_s: durationSecs === 0 ? 0 : total / durationSecs,
    images: images.sort((a, b) => b.requests - a.requests || (a.image < b.image ? -1 : 1)),
    phases: phases.filter(({ requests }) => requests > 0),
  };
}

function timelines(
  inputs: Inputs,
  counted: Counted,
  forEachRow: ForEachRow,
  run: Interval | null,
  judged: readonly JudgedFault[] | null,
) {
  const { events, faults, records } = inputs;
  const windows = judged?.map(({ report }) => ({ from: report.start, to: report.end ?? Infinity })) ?? [];
  const serverCount = inputs.servers.all.length;
  const distribution = serverTotals(inputs, counted.byServer);
  const requests = records.reduce((sum, { columns }) => sum + columns.count, 0);
  const failed = [...counted.cells.values()].flat().reduce((sum, cell) => sum + cell.failed, 0);
  const corrupted = records.reduce((sum, { reasons }) => sum + (reasons.get(CORRUPTED) ?? 0), 0);
  const kills = (judged ?? []).flatMap(({ report }) => (report.kind === 'kill' ? [report] : []));
  const excusable = kills.length === 0 ? 0 : lastAnswersOf(kills, inputs.servers.all, forEachRow);
  const span = run ?? (events && { from: events[0]?.time ?? 0, to: events.at(-1)?.time ?? 0 });
  return {
    faults: judged && judged.map(({ report }) => report),
    balance: balanceOf(
      forEachRow,
      serverCount,
      distribution.map(([, count]) => count),
      run,
      windows,
    ),
    audit: auditOf(inputs, {
      ...{ requests, successes: requests - failed, hedged: counted.hedged, corrupted, kills, excusable },
      serverIds: inputs.servers.all.filter((_, index) => counted.byServer[index]! > 0),
    }),
    leaders: events && span && leadersDuring(leaderSpans(events, faultWindows(faults ?? [])), events, span),
  };
}

/** Requests by server id, ascending, of records and clients alike. */
function serverTotals({ servers, clients }: Inputs, byServer: readonly number[]): [number, number][] {
  const counts = new Map<number, number>();
  servers.all.forEach((id, index) => byServer[index]! > 0 && increment(counts, id, byServer[index]));
  for (const client of clients) for (const [id, count] of client.servers) increment(counts, id, count);
  return [...counts].sort(([a], [b]) => a - b);
}

function reasonsOf({ records, clients }: Inputs): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { reasons } of [...records, ...clients]) {
    for (const [reason, count] of reasons) increment(counts, reason, count);
  }
  return Object.fromEntries([...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)));
}

function merged(parts: readonly Latencies[]): Latencies {
  const whole = new Latencies();
  for (const part of parts) whole.merge(part);
  return whole;
}

/** The guide's scale. */
function verdictOf(rate: number, total: number): Report['verdict'] {
  const scale: Scale =
    total === 0 ? 'unknown' : rate < 1 ? 'excellent' : rate <= 5 ? 'acceptable under faults' : 'investigate';
  const texts: Record<Scale, string> = {
    excellent: 'Excellent fault tolerance: less than 1% of the requests failed.',
    'acceptable under faults': 'Acceptable with fault simulation: 1 to 5% of the requests failed.',
    investigate: 'Investigate the failure reasons: more than 5% of the requests failed.',
    unknown: 'No request ended: there is nothing to judge.',
  };
  return { failure_rate: rate, scale, text: texts[scale] };
}

function inputsOf({ files, missing, notes }: Inputs): Pick<Report, 'inputs'> {
  return { inputs: { files, missing, notes } };
}
