/**
 * What the core needs from the outside, as types: time, randomness and logging are always arguments.
 */

/** Milliseconds with fractions. */
export interface Clock {
  /** Monotonic; only differences mean anything. */
  monotonicMs(): number;
  /** Unix time, from the monotonic clock anchored once to the wall clock, so that it never steps. */
  unixMs(): number;
}

/** A uniform number in [0, 1), like Math.random; seeded wherever a result must be reproducible. */
export type Random = () => number;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** One line for a person; never carries secrets or image bytes. */
export type Logger = (level: LogLevel, text: string) => void;
