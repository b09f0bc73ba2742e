/** Puts off the first fault of a run until enough requests succeeded to know what is slow. */
import type { LogLevel } from '../core/environment';
import { ENOUGH_SUCCESSES } from '../core/metrics/slow-limit';
import { oneLine } from '../core/printable';
import { pause } from '../core/system/pause';
import type { BaselineCount } from './baseline-count.pure';

export interface WaitOptions {
  count: BaselineCount;
  /** Milliseconds from now until the first fault, at least and at most. */
  leastMs: number;
  mostMs: number;
  signal: AbortSignal;
  say(level: LogLevel, text: string): void;
}

export async function waitForBaseline({ count, leastMs, mostMs, signal, say }: WaitOptions): Promise<void> {
  await pause(leastMs, signal);
  const end = AbortSignal.any([signal, count.enough]);
  if (end.aborted) return;
  const leftMs = mostMs - leastMs;
  if (leftMs > 0) {
    const most = `at most ${Math.ceil(leftMs / 1000)} s more`;
    const what = `${ENOUGH_SUCCESSES} successes of every image`;
    say('info', `waiting with the first fault for ${what}, ${most}: ${oneLine(count.text)}`);
    await pause(leftMs, end);
    if (end.aborted) return;
  }
  const advice = 'Use more --clients or fewer images, or fix --slow-limit';
  const few = `too few successes before the first fault: ${oneLine(count.text)} of ${ENOUGH_SUCCESSES}`;
  say('warn', `${few}; what faults cost will be unknown. ${advice}`);
}
