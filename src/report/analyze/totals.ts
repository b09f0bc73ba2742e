/** Computes the totals over all requests, from records and client files alike. */
import { CappedCounts } from '../../core/metrics/capped-counts';
import { isFixedReason, OTHER_REASONS } from '../../core/metrics/failure-reasons';
import { OTHER_SERVERS } from '../../core/metrics/summary';
import { type Counted, merged } from './count-rows';
import { curveOf } from './curve';
import { type Inputs, MAX_REASONS, MAX_SERVERS } from '../read/inputs';
import { Latencies, roundedMs } from './latencies';
import { type Interval, PHASES, type PhaseShare } from '../report';

export function totalsOf(inputs: Inputs, counted: Counted, run: Interval | null) {
  const { records, clients } = inputs;
  const all = merged([...counted.cells.values()].flat());
  for (const client of clients) all.addClient(client);
  const service = merged(counted.service.values());
  const total = all.successful + all.failed;
  const clientSecs = clients.reduce((longest, { durationSecs }) => Math.max(longest, durationSecs), 0);
  const durationSecs = roundedMs(Math.max(clientSecs, run === null ? 0 : (run.to - run.from) / 1000));
  return {
    total_requests: total,
    successful_requests: all.successful,
    failed_requests: all.failed,
    failure_rate: total === 0 ? 0 : (all.failed / total) * 100,
    server_distribution: Object.fromEntries(serverTotals(inputs, counted.byServer)),
    failure_reasons: reasonsOf(inputs),
    latency_stats: all.stats(),
    p99_9_ms: all.quantileMs(0.999),
    service_stats: service.stats(),
    clients_without_percentiles: clients.filter((client) => client.centroids === null).length,
    ...extrasOf(inputs),
    warmup_secs: warmupSecsOf(inputs),
    interrupted_requests: records.reduce((sum, { interrupted }) => sum + interrupted, 0),
    unsent_requests: records.reduce((sum, { unsent }) => sum + unsent, 0),
    runs: inputs.runs,
    duration_secs: durationSecs,
    throughput_per_s: durationSecs === 0 ? 0 : total / durationSecs,
    images: imagesOf(inputs, counted),
    phases: phasesOf(counted),
    percentile_curve: total === 0 ? [] : curveOf(all, service),
  };
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

/** Returns the longest warm-up of all machines. */
export function warmupSecsOf({ loads }: Pick<Inputs, 'loads'>): number {
  return loads.reduce((longest, { warmup_secs }) => Math.max(longest, warmup_secs), 0);
}

function extrasOf({ records, clients }: Inputs) {
  const parts = [...records, ...clients.flatMap(({ extras }) => extras ?? [])];
  return {
    retry_count: parts.reduce((sum, { retries }) => sum + retries, 0),
    bytes_sent: parts.reduce((sum, { bytesSent }) => sum + bytesSent, 0),
    bytes_received: parts.reduce((sum, { bytesReceived }) => sum + bytesReceived, 0),
  };
}

function imagesOf({ images }: Inputs, { cells }: Counted) {
  return images.all
    .map((image, index) => ({
      image,
      ...merged([...cells.values()].map((byImage) => byImage[index]!)).share(),
    }))
    .sort((a, b) => b.requests - a.requests || (a.image < b.image ? -1 : 1));
}

function phasesOf({ cells, service }: Counted): PhaseShare[] {
  return PHASES.flatMap((phase) => {
    const byImage = cells.get(phase);
    if (byImage === undefined) return [];
    const { median_ms, p95_ms, p99_ms } = (service.get(phase) ?? new Latencies()).stats();
    return {
      phase,
      ...merged(byImage).share(),
      service_p50_ms: median_ms,
      service_p95_ms: p95_ms,
      service_p99_ms: p99_ms,
    };
  });
}

function reasonsOf({ records, clients }: Inputs): Record<string, number> {
  const counts = new CappedCounts<string>(MAX_REASONS, OTHER_REASONS, isFixedReason);
  for (const { reasons } of [...records, ...clients]) {
    for (const [reason, count] of reasons) counts.add(reason, count);
  }
  return Object.fromEntries([...counts.all].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)));
}
