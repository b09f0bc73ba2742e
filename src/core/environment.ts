/** The types of everything the core takes from outside: time, randomness and logging are always arguments. */

/** A clock, and timers that run by it. Milliseconds with fractions. */
export interface Clock {
  /** Monotonic time; only differences are meaningful. */
  monotonicMs(): number;
  /**
   * Unix time, derived from the monotonic clock and anchored once to the wall clock, so it never steps. Returns the
   * current time, or the time at a given monotonic moment (the process may be paused between two readings of a clock).
   */
  unixMs(atMonotonicMs?: number): number;
  /** Unix time by the machine's wall clock, which may be set at any time: for log lines, never for measurements. */
  wallMs(): number;
  /** Calls `act` once, `delayMs` from now or a little later; returns a function that cancels it. */
  after(delayMs: number, act: () => void): () => void;
  /** Reads all clocks of the machine at one moment. Absent where time is simulated. */
  look?(): ClockLook;
}

/** The clocks of a machine, as one of its processes reads them at one moment. Milliseconds. */
export interface ClockLook {
  /** See `Clock.unixMs`. */
  unixMs: number;
  /** See `Clock.wallMs`. */
  wallMs: number;
  /** Time since boot, without suspension; one clock for all processes of the machine, never set. */
  machineMs: number;
  /** Total time that the machine has been suspended since boot; exact to about 10 ms. */
  suspendedMs: number;
  /**
   * Identifies this boot of the machine, and thus the origin of `machineMs`; null if unknown, `machineMs` is then local
   * to this process.
   */
  bootId: string | null;
}

/** Returns a uniform number in [0, 1), like Math.random; seeded wherever a result must be reproducible. */
export type Random = () => number;

/** A signal that is never aborted. */
export const NEVER = new AbortController().signal;

/** Log levels, least important first. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Returns true if lines of `level` are logged when `least` is the lowest level that is. */
export function isLogged(level: LogLevel, least: LogLevel): boolean {
  return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(least);
}

/** Writes one line for a person; never carries secrets or image bytes. */
export type Logger = (level: LogLevel, text: string) => void;
