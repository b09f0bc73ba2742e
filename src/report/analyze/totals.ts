/** Computes the totals over all requests, from records and client files alike. */
import { CappedCounts } from '../../core/metrics/capped-counts';
import { isFixedReason, neverSentIn, NO_RECORD, OTHER_REASONS } from '../../core/metrics/failure-reasons';
import { OTHER_SERVERS } from '../../core/metrics/servers';
import { type Counted } from './count-rows';
import { curveOf } from './curve';
import { type Inputs, MAX_REASONS, MAX_SERVERS } from '../read/inputs';
import { Latencies, roundedMs } from './latencies';
import { isEndKnown, warmupSecsOf } from '../read/run-bounds';
import { merged, type RequestGroup } from './request-group';
import { type Interval, PHASES, type PhaseShare } from '../report';

/** The figures of a phase if it is not known which requests belong to it. */
const UNKNOWN = { failed: null, p50_ms: null, p95_ms: null, p99_ms: null, p99_9_ms: null, max_ms: null };

export interface TotalsOptions {
  /** The longest that a success can take; Infinity if unknown. */
  longestMs: number;
  /** From the first request due to the end of the run. */
  run: Interval;
  /** False if a line of a fault is missing: then requests cannot be assigned to phases. */
  arePhasesKnown: boolean;
}

export function totalsOf(inputs: Inputs, counted: Counted, { longestMs, run, arePhasesKnown }: TotalsOptions) {
  const all = wholeOf(inputs, counted, longestMs);
  const latencies = all.all();
  const service = mergedLatencies([...counted.service].flatMap(([phase, each]) => (phase === 'warmup' ? [] : [each])));
  const { total, decided, failed, undecided } = all;
  const clientSecs = inputs.clients.reduce((longest, { durationSecs }) => Math.max(longest, durationSecs), 0);
  const spanSecs = spanMs(inputs, counted.firstDueMs, run.to) / 1000;
  const durationSecs = roundedMs(Math.max(clientSecs, spanSecs));
  const perSecond = (count: number): number => (durationSecs === 0 ? 0 : count / durationSecs);
  const inTime = counted.successesInTime + inputs.clients.reduce((sum, { successful }) => sum + successful, 0);
  const goodput = isEndKnown(inputs) ? perSecond(inTime) : null;
  const mostFailed = total === 0 ? 0 : ((failed + undecided) / total) * 100;
  const reasons = reasonsOf(inputs, counted);
  return {
    total_requests: total,
    successful_requests: all.successes.count,
    failed_requests: failed,
    failure_rate: decided === 0 ? mostFailed : (failed / decided) * 100,
    failure_rate_max: mostFailed,
    decided_requests: decided,
    undecided_requests: undecided,
    never_sent_requests: neverSentIn(Object.entries(reasons)),
    missing_records: inputs.missingRecords,
    server_distribution: Object.fromEntries(serverTotals(inputs, counted.byServer)),
    failure_reasons: reasons,
    latency_stats: all.successes.stats(),
    all_stats: { ...latencies.stats(), p99_9_ms: latencies.quantileMs(0.999) },
    p99_9_ms: all.successes.quantileMs(0.999),
    service_stats: service.stats(),
    clients_without_percentiles: inputs.clients.filter((client) => client.centroids === null).length,
    ...extrasOf(inputs),
    warmup_secs: warmupSecsOf(inputs),
    interrupted_requests: inputs.records.reduce((sum, { interrupted }) => sum + interrupted, 0),
    unsent_requests: inputs.records.reduce((sum, { unsent }) => sum + unsent, 0),
    runs: inputs.runs,
    duration_secs: durationSecs,
    goodput_per_s: goodput,
    attempted_per_s: perSecond(total),
    throughput_per_s: goodput,
    images: imagesOf(inputs, counted, longestMs),
    phases: phasesOf(inputs, counted, longestMs, arePhasesKnown),
    percentile_curve: total === 0 ? [] : curveOf(latencies, service),
  };
}

/**
 * Returns the time from the first request that was due to the end of the run. A request without a record may have been due
 * before: then it counts from the start of the load.
 */
function spanMs({ gaps, loads }: Inputs, firstDueMs: number, endMs: number): number {
  if (!gaps.some(({ from }) => from < firstDueMs)) return Math.max(0, endMs - firstDueMs);
  const begunMs = loads.reduce((first, { started_at }) => Math.min(first, started_at), firstDueMs);
  const endedMs = loads.reduce((last, { ended_at }) => Math.max(last, ended_at ?? 0), endMs);
  return Math.max(0, endedMs - begunMs);
}

/**
 * Merges all requests but those of the warm-up; those without a record count as failed. The latencies of failures without
 * a record are unknown: they may be a little more than the longest that a success can take.
 */
function wholeOf(inputs: Inputs, { cells }: Counted, longestMs: number): RequestGroup {
  const parts = [...cells].flatMap(([phase, groups]) => (phase === 'warmup' ? [] : groups));
  const all = merged(parts, longestMs);
  for (const client of inputs.clients) {
    all.successes.addClient(client);
    all.addFailed(client.failed, Infinity);
  }
  all.addFailed(inputs.missingRecords, Infinity);
  return all;
}

/**
 * Counts requests by server id, ascending, from records and client files; servers beyond the first 1,000 count as 0.
 */
export function serverTotals({ servers, clients }: Inputs, byServer: readonly number[]): [number, number][] {
  const counts = new CappedCounts(MAX_SERVERS, OTHER_SERVERS);
  servers.all.forEach((id, index) => byServer[index]! > 0 && counts.add(id, byServer[index]));
  for (const client of clients) for (const [id, count] of client.servers) counts.add(id, count);
  return [...counts.all].sort(([a], [b]) => a - b);
}

function extrasOf({ records, clients }: Inputs) {
  const parts = [...records, ...clients.flatMap(({ extras }) => extras ?? [])];
  return {
    retry_count: parts.reduce((sum, { retries }) => sum + retries, 0),
    bytes_sent: parts.reduce((sum, { bytesSent }) => sum + bytesSent, 0),
    bytes_received: parts.reduce((sum, { bytesReceived }) => sum + bytesReceived, 0),
  };
}

/** Counts the requests without a record, which may belong to any row of a table. */
export function unplacedCount({ clients, missingRecords }: Inputs): number {
  return clients.reduce((sum, { successful, failed }) => sum + successful + failed, missingRecords);
}

function imagesOf(inputs: Inputs, { cells }: Counted, longestMs: number) {
  const { images } = inputs;
  const unplaced = unplacedCount(inputs);
  const measured = [...cells].filter(([phase]) => phase !== 'warmup');
  return images.all
    .map((image, index) => {
      const group = merged(
        measured.map(([, byImage]) => byImage[index]!),
        longestMs,
      );
      return { image, ...group.share(unplaced) };
    })
    .sort((a, b) => b.requests - a.requests || (a.image < b.image ? -1 : 1));
}

function phasesOf(inputs: Inputs, { cells, service }: Counted, longestMs: number, areKnown: boolean): PhaseShare[] {
  const isKnown = areKnown && unplacedCount(inputs) === 0;
  return PHASES.flatMap((phase) => {
    const byImage = cells.get(phase);
    if (byImage === undefined) return [];
    const known = (isKnown && service.get(phase)) || new Latencies();
    const { median_ms, p95_ms, p99_ms } = known.stats();
    return {
      phase,
      ...merged(byImage, longestMs).share(),
      ...(isKnown ? {} : UNKNOWN),
      service_p50_ms: median_ms,
      service_p95_ms: p95_ms,
      service_p99_ms: p99_ms,
    };
  });
}

function reasonsOf({ reasons, clients, missingRecords }: Inputs, { byReason }: Counted): Record<string, number> {
  const counts = new CappedCounts<string>(MAX_REASONS, OTHER_REASONS, isFixedReason);
  reasons.all.forEach((reason, index) => byReason[index]! > 0 && counts.add(reason, byReason[index]));
  for (const client of clients) for (const [reason, count] of client.reasons) counts.add(reason, count);
  if (missingRecords > 0) counts.add(NO_RECORD, missingRecords);
  return Object.fromEntries([...counts.all].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)));
}

function mergedLatencies(parts: readonly Latencies[]): Latencies {
  const whole = new Latencies();
  for (const part of parts) whole.merge(part);
  return whole;
}
