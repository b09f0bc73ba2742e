/** Computes a sample of the process that generates the load: its CPU, event loop, memory and sends in one second. */
import type { GeneratorSample } from '../../core/metrics/record';

/** The counters of a process at one moment; they only grow. */
export interface Reading {
  monotonicMs: number;
  /** CPU time of all threads. */
  cpuMs: number;
  /** Busy and idle time of the event loop. */
  activeMs: number;
  idleMs: number;
  sentCount: number;
  lateCount: number;
  lateMs: number;
  endedCount: number;
  latencyMs: number;
}

/** The fields of a sample that describe its end. */
export type Moment = Pick<
  GeneratorSample,
  'time' | 'run_id' | 'memory_bytes' | 'event_loop_delay_ms' | 'in_flight' | 'verification_backlog'
>;

/** Returns the sample of the time between two readings. Pure. */
export function sampleBetween(before: Reading, after: Reading, moment: Moment): GeneratorSample {
  const { time, run_id, memory_bytes, event_loop_delay_ms, in_flight, verification_backlog } = moment;
  const activeMs = after.activeMs - before.activeMs;
  return {
    time,
    run_id,
    cpu_percent: percent(after.cpuMs - before.cpuMs, after.monotonicMs - before.monotonicMs),
    memory_bytes,
    event_loop_delay_ms,
    event_loop_utilization_percent: percent(activeMs, activeMs + after.idleMs - before.idleMs),
    in_flight,
    verification_backlog,
    sent: after.sentCount - before.sentCount,
    late_sends: after.lateCount - before.lateCount,
    late_total_ms: rounded(after.lateMs - before.lateMs, 1000),
    ended: after.endedCount - before.endedCount,
    latency_total_ms: rounded(after.latencyMs - before.latencyMs, 1000),
  };
}

/** Rounds to one decimal; 0 if the whole is 0. */
function percent(part: number, whole: number): number {
  return whole > 0 ? rounded((100 * part) / whole, 10) : 0;
}

function rounded(value: number, partsOfOne: number): number {
  return Math.round(value * partsOfOne) / partsOfOne;
}
