/** Figures for cursors and axes. */

/** Formats milliseconds: 0.52 ms, 12.3 ms, 823 ms, 1.20 s */
export function msText(ms: number): string {
  if (ms >= 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms.toFixed(ms < 1 ? 2 : ms < 100 ? 1 : 0)} ms`;
}

/** Formats the round number at an axis line: 0.5 ms, 20 ms, 5 s */
export function msTick(ms: number): string {
  return ms >= 1000 ? `${ms / 1000} s` : `${ms} ms`;
}

/** Formats a count: 1,234 or 12.5 */
export function countText(count: number): string {
  return count.toLocaleString('en-US', { maximumFractionDigits: count < 100 ? 1 : 0 });
}

/** Formats seconds into the run. */
export function secsText(secs: number): string {
  return `${Number(secs.toFixed(2))} s`;
}

/** Returns the next round number: 1, 2 or 5 times a power of ten. */
export function roundUp(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= value * (1 - 1e-9))!;
}

/** Returns the previous round number. */
export function roundDown(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return [5, 2, 1].map((factor) => factor * power).find((each) => each <= value * (1 + 1e-9))!;
}

/** Returns 1, 2 and 5 times each power of ten within a span. */
export function logSteps(min: number, max: number): number[] {
  const steps: number[] = [];
  for (let power = Math.floor(Math.log10(min)); power <= Math.log10(max); power += 1) {
    for (const factor of [1, 2, 5]) steps.push(Number((factor * 10 ** power).toPrecision(1)));
  }
  return steps.filter((step) => step >= min * 0.999 && step <= max * 1.001);
}
