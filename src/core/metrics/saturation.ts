/** Determines from the samples of one machine, in order of time, whether its load generator was a bottleneck. Pure. */
import { isoTime } from '../system/iso-time';
import { PAUSED_MS } from '../system/pause-watch';
import type { GeneratorSample } from './record';

/** `generator` of `stress --json`: the state of the process that generated the load. */
export interface GeneratorSummary {
  /** Percent of one core, in the worst second. */
  cpu_percent_max: number;
  event_loop_delay_max_ms: number;
  /** Times in which the process stood still: stopped, starved of CPU, or blocked. */
  pauses: number;
  paused_ms: number;
  longest_pause_ms: number;
  /** The start of the longest, exact to a second (Unix milliseconds); null if there was none. */
  longest_pause_at: number | null;
  sent: number;
  /** See LATE_SEND_MS. */
  late_sends: number;
  /** The generator was a bottleneck: latencies and throughput are not those of the cluster alone. */
  saturated: boolean;
  /** The reason with its figures, for people; null if not saturated. */
  why: string | null;
}

type Judged = Omit<GeneratorSample, 'run_id' | 'memory_bytes' | 'in_flight' | 'verification_backlog'>;

/** The interval of the samples, and the time that the first one covers. */
export const SAMPLE_MS = 1000;
/**
 * Largest share of the usual latency that a request may wait for this process on average; a few late sends may be due to
 * the start only.
 */
const MAX_LATE_SHARE = 0.05;
const FEW_LATE_SENDS = 10;
/** A load generator that was the bottleneck needs one of these. */
export const BOTTLENECK_HINT = 'repeat it with less load, with more machines, or with less other work on them';
/**
 * In a stall nothing is sent or read. Stalls of at least this length that are longer than a request takes determine the
 * p99 of a run if they cover more than this share of it.
 */
export const STALL_MS = 100;
const MAX_STALLED_SHARE = 0.01;
const SHORT_STALLED_MS = 500;
/**
 * Responses queue up when the event loop is busier than this. It counts if it lasts for more than this share of a run,
 * not only at its start.
 */
const BUSY_PERCENT = 90;
const MAX_BUSY_SHARE = 0.2;
const SHORT_BUSY_MS = 3000;

export class GeneratorFold {
  private cpuPercentMax = 0;
  private delayMaxMs = 0;
  private pauses = 0;
  private pausedMs = 0;
  private longestPauseAt: number | null = null;
  sent = 0;
  private lateSends = 0;
  private lateMs = 0;
  private ended = 0;
  private latencyMs = 0;
  private lastMs: number | undefined;
  private totalMs = 0;
  /** Until the last sample in which a request was sent: a wait for late answers at the end makes it no less busy. */
  private sendingMs = 0;
  private readonly stalls: { delayMs: number; withinMs: number; isPause: boolean }[] = [];
  private busyMs = 0;

  add(sample: Judged): void {
    const { time, event_loop_delay_ms: delayMs } = sample;
    // A stalled generator samples late: the sample then covers all that time.
    const spanMs = this.lastMs === undefined ? SAMPLE_MS : Math.max(0, time - this.lastMs);
    this.lastMs = time;
    this.totalMs += spanMs;
    if (sample.sent > 0) this.sendingMs = this.totalMs;
    this.cpuPercentMax = Math.max(this.cpuPercentMax, sample.cpu_percent);
    const isPause = delayMs >= PAUSED_MS;
    if (isPause) {
      this.pauses += 1;
      this.pausedMs += delayMs;
      if (delayMs > this.delayMaxMs) this.longestPauseAt = time - delayMs;
    }
    this.delayMaxMs = Math.max(this.delayMaxMs, delayMs);
    this.sent += sample.sent;
    this.lateSends += sample.late_sends;
    this.lateMs += sample.late_total_ms;
    this.ended += sample.ended;
    this.latencyMs += sample.latency_total_ms;
    if (delayMs >= STALL_MS) this.stalls.push({ delayMs, withinMs: Math.min(delayMs, spanMs), isPause });
    if (sample.event_loop_utilization_percent >= BUSY_PERCENT) this.busyMs += spanMs;
  }

  /**
   * @param usualMs the latency that requests usually have (0: none is short enough; Infinity: any is), by which late
   *   sends and stalls are judged; default: their mean. Whoever can should take that of the time before the faults: a
   *   cluster that got slower does not make a late generator better.
   */
  summary(usualMs = this.ended === 0 ? Infinity : this.latencyMs / this.ended): GeneratorSummary {
    const reasons = [this.late(usualMs), this.stalled(usualMs), this.busy()].filter((reason) => reason !== null);
    return {
      cpu_percent_max: this.cpuPercentMax,
      event_loop_delay_max_ms: this.delayMaxMs,
      pauses: this.pauses,
      paused_ms: Math.round(this.pausedMs),
      longest_pause_ms: this.pauses > 0 ? Math.round(this.delayMaxMs) : 0,
      longest_pause_at: this.longestPauseAt,
      sent: this.sent,
      late_sends: this.lateSends,
      saturated: reasons.length > 0,
      why: reasons.length > 0 ? reasons.join('; ') : null,
    };
  }

  /** Returns the share of the time in which requests were sent. */
  private shareOf(ms: number): number {
    return Math.min(1, ms / (this.sendingMs || this.totalMs));
  }

  private late(usualMs: number): string | null {
    const share = this.lateMs / this.sent / usualMs;
    if (this.lateSends < FEW_LATE_SENDS || !(share > MAX_LATE_SHARE)) return null;
    const count = `${this.lateSends} of its ${this.sent} requests`;
    return `${count} were sent late because it was busy, by ${percent(share)} of the usual latency on average`;
  }

  private stalled(usualMs: number): string | null {
    // Whoever stood still cannot know how long its requests took.
    const stalls = this.stalls.filter(({ delayMs, isPause }) => isPause || delayMs > usualMs);
    const stalledMs = stalls.reduce((sum, { withinMs }) => sum + withinMs, 0);
    const share = this.shareOf(stalledMs);
    if (stalledMs < SHORT_STALLED_MS || share <= MAX_STALLED_SHARE) return null;
    return `its event loop stalled for up to ${Math.round(this.delayMaxMs)} ms, ${percent(share)} of the run in total`;
  }

  private busy(): string | null {
    const share = this.shareOf(this.busyMs);
    if (this.busyMs < SHORT_BUSY_MS || share <= MAX_BUSY_SHARE) return null;
    return `its event loop was busy for more than ${BUSY_PERCENT}% of the time in ${percent(share)} of the run`;
  }
}

/** Returns `stood still for 12.5 s at 2025-10-31T10:00:00.123Z`; null if it never did. */
export function pauseText(
  told: Pick<GeneratorSummary, 'pauses' | 'paused_ms' | 'longest_pause_ms' | 'longest_pause_at'>,
) {
  const { pauses, paused_ms: totalMs, longest_pause_ms: longestMs, longest_pause_at: at } = told;
  if (pauses === 0) return null;
  const longest = `${(longestMs / 1000).toFixed(1)} s at ${isoTime(at ?? NaN)}`;
  if (pauses === 1) return `stood still for ${longest}`;
  return `stood still ${pauses} times, ${(totalMs / 1000).toFixed(1)} s in total, the longest ${longest}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)}%`;
}
