/** The slow limits, beyond which a request is bad in what a fault costs: how they are configured, and when known. */

/** Milliseconds for all operations (images), or by operation; `*` is any other one. */
export type SlowLimitSetting = number | Readonly<Record<string, number>>;

export const ANY_OTHER = '*';

/** With fewer successes of an operation before the first fault, its slow limit is unknown, unless it is configured. */
export const ENOUGH_SUCCESSES = 20;

/** Returns the configured limit of an operation; null if there is none. */
export function fixedLimitMs(setting: SlowLimitSetting | undefined, operation: string): number | null {
  if (setting === undefined || typeof setting === 'number') return setting ?? null;
  const key = Object.hasOwn(setting, operation) ? operation : ANY_OTHER;
  return Object.hasOwn(setting, key) ? setting[key]! : null;
}

/** Formats the limits: `60 ms`, or `large.png 900 ms, any other 60 ms`. */
export function slowLimitText(setting: SlowLimitSetting): string {
  if (typeof setting === 'number') return `${setting} ms`;
  return Object.entries(setting)
    .map(([operation, limitMs]) => `${operation === ANY_OTHER ? 'any other' : operation} ${limitMs} ms`)
    .join(', ');
}
