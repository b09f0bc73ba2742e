/** The results of the last seconds of a probe, over which abort conditions are evaluated. */
import { judgeThresholds, type Metric, type Threshold } from '../core/metrics/threshold';
import type { RequestRecord } from '../core/metrics/record';

/** The window of the abort conditions, in milliseconds. */
const WINDOW_MS = 10_000;
/** With fewer results, no condition is evaluated. */
const MIN_ENDED = 10;

export class ProbeWindow {
  private ended: { atMs: number; latencyMs: number; success: boolean }[] = [];

  /** Adds a result; cancelled requests do not count. @param atMs its end on the monotonic clock */
  add({ outcome, success, latency_ms: latencyMs }: RequestRecord, atMs: number): void {
    if (outcome === 'success' || outcome === 'failure') this.ended.push({ atMs, latencyMs, success });
  }

  /** Returns the first condition that is true, with the measured value; null if none is, or there are too few results. */
  crossed(conditions: readonly Threshold[], nowMs: number): string | null {
    this.ended = this.ended.filter(({ atMs }) => atMs > nowMs - WINDOW_MS);
    if (this.ended.length < MIN_ENDED) return null;
    // A condition has the form of a threshold, and is true if that passes.
    const results = judgeThresholds(conditions, (metric) => this.valueOf(metric));
    const hit = results.find(({ passed, value }) => passed && value !== null);
    if (hit === undefined) return null;
    const value = `${Math.round(hit.value! * 10) / 10}${hit.unit === '%' ? ' %' : ` ${hit.unit}`}`;
    return `${hit.expression} (${value} over the last ${this.ended.length} probes)`;
  }

  /** Latencies are those of successes; without any they are unknown. */
  private valueOf(metric: Metric): number | null {
    const failed = this.ended.filter(({ success }) => !success).length;
    if (metric === 'failure_rate') return (100 * failed) / this.ended.length;
    const latencies = this.ended
      .flatMap(({ success, latencyMs }) => (success ? [latencyMs] : []))
      .sort((a, b) => a - b);
    if (latencies.length === 0) return null;
    if (metric === 'avg') return latencies.reduce((sum, each) => sum + each, 0) / latencies.length;
    const rank = metric === 'min' ? 0 : metric === 'max' ? 1 : Number(metric.slice(1)) / 100;
    return latencies[Math.max(0, Math.ceil(rank * latencies.length) - 1)]!;
  }
}
