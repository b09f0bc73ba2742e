/**
 * What the core needs from the outside, as types: time, randomness and logging are always arguments.
 */

/** Milliseconds with fractions. */
export interface Clock {
  /** Monotonic; only differences mean anything. */
  monotonicMs(): number;
  /**
   * Unix time, from the monotonic clock anchored once to the wall clock, so that it never steps: now, or at a moment of
   * that clock (two readings of a clock are not the same moment, where the process may stand still between them).
   */
  unixMs(atMonotonicMs?: number): number;
  /** Unix time by the machine's wall clock, which may be set at any time: for log lines, never for what is measured. */
  wallMs(): number;
  /** All clocks of the machine at one moment. Absent where time is simulated. */
  look?(): ClockLook;
}

/** The clocks of a machine as one of its processes sees them at one moment. Milliseconds. */
export interface ClockLook {
  /** As `Clock.unixMs`. */
  unixMs: number;
  /** As `Clock.wallMs`. */
  wallMs: number;
  /** Since the machine's start, without the time that it was suspended; one clock for all its processes, never set. */
  machineMs: number;
  /** How long the machine has been suspended since its start; exact to 10 ms or so. */
  suspendedMs: number;
  /** Names this start of this machine, and the count of `machineMs`; null: unknown, that count is this process's own. */
  bootId: string | null;
}

/** A uniform number in [0, 1), like Math.random; seeded wherever a result must be reproducible. */
export type Random = () => number;

/** From the least important to the most. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Whether a line of this level is written where `least` is the least important one that is. */
export function isLogged(level: LogLevel, least: LogLevel): boolean {
  return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(least);
}

/** One line for a person; never carries secrets or image bytes. */
export type Logger = (level: LogLevel, text: string) => void;
