/** Formats of figures and times on the page. */
import { decimals } from '../../../core/decimals';

export { counted, percent, shareCells, whole } from '../layout';

/** Formats a large figure: 12.3 ms, 823 ms, 1.20 s */
export function duration(ms: number | null): string {
  if (ms === null) return 'unknown';
  if (ms === 0) return '0 ms';
  if (ms >= 10_000)
    return `${(ms / 1000).toLocaleString('en-US', { maximumFractionDigits: 1, minimumFractionDigits: 1 })} s`;
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms.toFixed(ms < 10 ? 2 : ms < 100 ? 1 : 0)} ms`;
}

/** Formats a figure for a column whose header has the unit. */
export function figure(value: number | null): string {
  return value === null ? '–' : decimals(value);
}

/** Formats bytes in decimal units: 1.5 GB */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, count)) / 3)));
  return `${(count / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

/** Formats a duration: 12.5 s, or 1 h 02 min */
export function length(secs: number): string {
  if (secs < 120) return `${Number(secs.toFixed(secs < 1 ? 2 : 1))} s`;
  const [hours, minutes, rest] = [Math.floor(secs / 3600), Math.floor((secs % 3600) / 60), Math.round(secs % 60)];
  const two = (value: number): string => String(value).padStart(2, '0');
  return hours > 0 ? `${hours} h ${two(minutes)} min` : `${minutes} min ${two(rest)} s`;
}

/** Formats a time as 2025-10-31 10:00:00 UTC, regardless of the machine's time zone. */
export function utc(ms: number): string {
  if (!(Math.abs(ms) < 8.64e15)) return 'unknown';
  // eslint-disable-next-line no-restricted-globals -- a given time, not now
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
