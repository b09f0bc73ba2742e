import { judgeThresholds, type Metric, type Threshold } from '../core/metrics/threshold';
import type { RequestRecord } from '../core/metrics/record';

/** What the conditions are judged over. */
const WINDOW_MS = 10_000;
/** Fewer say nothing. */
const MIN_ENDED = 10;

/** The last seconds of a probe. */
export class ProbeWindow {
  #ended: { atMs: number; latencyMs: number; success: boolean }[] = [];

  /** What was ended by us is no result. @param atMs when it ended, on the monotonic clock */
  add({ outcome, success, latency_ms: latencyMs }: RequestRecord, atMs: number): void {
    if (outcome === 'success' || outcome === 'failure') this.#ended.push({ atMs, latencyMs, success });
  }

  /** The first condition that is true, with what was seen; null: none, or too little was seen. */
  crossed(conditions: readonly Threshold[], nowMs: number): string | null {
    this.#ended = this.#ended.filter(({ atMs }) => atMs > nowMs - WINDOW_MS);
    if (this.#ended.length < MIN_ENDED) return null;
    // A condition has the form of a threshold, and is true where that would pass.
    const results = judgeThresholds(conditions, (metric) => this.#valueOf(metric));
    const hit = results.find(({ passed, value }) => passed && value !== null);
    if (hit === undefined) return null;
    const value = `${Math.round(hit.value! * 10) / 10}${hit.unit === '%' ? ' %' : ` ${hit.unit}`}`;
    return `${hit.expression} (${value} over the last ${this.#ended.length} probes)`;
  }

  /** Latencies are those of successes; with none of them they are unknown. */
  #valueOf(metric: Metric): number | null {
    const failed = this.#ended.filter(({ success }) => !success).length;
    if (metric === 'failure_rate') return (100 * failed) / this.#ended.length;
    const latencies = this.#ended
      .flatMap(({ success, latencyMs }) => (success ? [latencyMs] : []))
      .sort((a, b) => a - b);
    if (latencies.length === 0) return null;
    if (metric === 'avg') return latencies.reduce((sum, each) => sum + each, 0) / latencies.length;
    const rank = metric === 'min' ? 0 : metric === 'max' ? 1 : Number(metric.slice(1)) / 100;
    return latencies[Math.max(0, Math.ceil(rank * latencies.length) - 1)]!;
  }
}
