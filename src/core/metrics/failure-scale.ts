/** The guide's scale of failure rates, and rates as text that stays on its side of a limit. */

export type Scale = 'excellent' | 'acceptable under faults' | 'investigate';

/** Limits in percent. */
const EXCELLENT_BELOW = 1;
export const ACCEPTABLE_UP_TO = 5;

export const SCALE_TEXTS: Record<Scale, string> = {
  excellent: 'Excellent fault tolerance: less than 1% of the requests failed.',
  'acceptable under faults': 'Acceptable with fault simulation: 1 to 5% of the requests failed.',
  investigate: 'Investigate the failure reasons: more than 5% of the requests failed.',
};

export function scaleOf(ratePercent: number): Scale {
  if (ratePercent < EXCELLENT_BELOW) return 'excellent';
  return ratePercent <= ACCEPTABLE_UP_TO ? 'acceptable under faults' : 'investigate';
}

/** Formats a rate in percent with two decimals, or as many as keep it on its side of the limits: `0.995%`. */
export function rateText(ratePercent: number): string {
  for (let decimals = 2; decimals < 10; decimals++) {
    const text = ratePercent.toFixed(decimals);
    if (scaleOf(Number(text)) === scaleOf(ratePercent)) return `${text}%`;
  }
  return `${ratePercent}%`;
}
