/** Returns the summary for people at the end of a run. */
import type { LatencyFigures } from '../core/metrics/latency-fold';
import { rateText } from '../core/metrics/failure-scale';
import type { AggregatedStats } from '../core/metrics/summary';
import { WrongCarriers, wrongCarriersText } from '../core/metrics/wrong-carriers';
import { decimals } from '../core/decimals';
import { printable } from '../core/printable';

export interface SummaryContent {
  durationSecs: number;
  /** Requests due, and successes, per second; default: those that ended, by the duration. */
  rates?: { attemptedPerSecond: number; goodputPerSecond: number };
  interruptedCount: number;
  /** Those of the interrupted that are undecided because this process stood still. */
  stoodStillCount?: number;
  /** Waiting for a client at the end. */
  unsentCount?: number;
  /** Latencies of all requests, failures as at least the longest that a success can take. */
  all?: LatencyFigures;
  /** Latencies from the send, where the others count from when a request was due. */
  service?: LatencyFigures;
  /** Wrong carriers, also those in the warm-up. Default: those in the statistics. */
  wrong?: WrongCarriers;
  /** The configured servers, if none of them ever responded. */
  unreached: readonly string[];
}

/** Servers word their own errors. */
const MAX_REASON_CHARS = 200;

export function summaryText(stats: AggregatedStats, run: SummaryContent): string {
  const { total_requests: total, failed_requests: failed, failure_rate: rate } = stats;
  const { rates, interruptedCount, stoodStillCount = 0, unsentCount = 0, all, service } = run;
  const perSecond = !rates && run.durationSecs > 0 ? ` (${(total / run.durationSecs).toFixed(2)}/s)` : '';
  const undecided = interruptedCount + unsentCount;
  const most =
    undecided > 0 ? `, at most ${rateText(((failed + undecided) / (total + undecided)) * 100)} with the undecided` : '';
  const isMixed = failed + undecided > 0;
  const cutCount = interruptedCount - stoodStillCount;
  const cut = cutCount > 0 ? `, ${cutCount} more in flight` : '';
  const still = stoodStillCount > 0 ? `, ${stoodStillCount} more undecided because this process stood still` : '';
  const unsent = unsentCount > 0 ? `, ${unsentCount} more waiting for a client` : '';
  const rows: [string, string][] = [
    ['Requests', `${total} in ${run.durationSecs.toFixed(1)} s${perSecond}${cut}${still}${unsent}`],
    ['Failed', `${failed} (${rate.toFixed(2)}%)${most}`],
    ['Latency', `${latencies(latencyFigures(stats))}${isMixed ? ', of successes' : ''}`],
    ...(isMixed && all !== undefined
      ? [['All', `${latencies(all)}, with failed and undecided requests`] satisfies [string, string]]
      : []),
    ...(service === undefined ? [] : [['Service', latencies(service)] satisfies [string, string]]),
    ...(rates ? [['Rates', ratesText(rates)] satisfies [string, string]] : []),
    ['Servers', shares(stats.server_distribution)],
    ['Traffic', `${megabytes(stats.bytes_sent)} sent, ${megabytes(stats.bytes_received)} received`],
    ['Retries', String(stats.retry_count)],
    ['Hedged', String(stats.hedged_requests)],
  ];
  const reasons = Object.entries(stats.failure_reasons);
  for (const [reason, count] of reasons) rows.push(['Failure', `${printable(reason, MAX_REASON_CHARS)}: ${count}`]);
  const wrong = run.wrong ?? WrongCarriers.of(stats.wrong_carriers);
  if (wrong.count > 0) rows.push(['Wrong', wrongCarriersText(wrong.worstFirst())]);
  if (run.unreached.length > 0) rows.push(['Problem', `no server could be reached: ${run.unreached.join(', ')}`]);
  return rows.map(([name, text]) => `${`${name}:`.padEnd(10)} ${text}`).join('\n');
}

function ratesText({ attemptedPerSecond, goodputPerSecond }: NonNullable<SummaryContent['rates']>): string {
  return `goodput ${decimals(goodputPerSecond)} successes/s, attempted ${decimals(attemptedPerSecond)} requests/s`;
}

function latencyFigures(stats: AggregatedStats): LatencyFigures {
  return {
    min_ms: stats.latency_min_ms,
    avg_ms: stats.latency_avg_ms,
    p50_ms: stats.latency_p50_ms,
    p95_ms: stats.latency_p95_ms,
    p99_ms: stats.latency_p99_ms,
    max_ms: stats.latency_max_ms,
  };
}

function latencies(figures: LatencyFigures): string {
  const { min_ms, avg_ms, p50_ms, p95_ms, p99_ms, max_ms } = figures;
  if (min_ms === null) return 'none (no request was successful)';
  const values = { min: min_ms, avg: avg_ms, p50: p50_ms, p95: p95_ms, p99: p99_ms, max: max_ms };
  const texts = Object.entries(values).map(([name, ms]) => `${name} ${ms === null ? '-' : ms.toFixed(1)}`);
  return `${texts.join(', ')} ms`;
}

function shares(distribution: Record<string, number>): string {
  const entries = Object.entries(distribution);
  const total = entries.reduce((sum, [, count]) => sum + count, 0);
  if (total === 0) return 'none';
  return entries.map(([id, count]) => `${id}: ${count} (${((count / total) * 100).toFixed(1)}%)`).join(', ');
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
