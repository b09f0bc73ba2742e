/** Lays out text reports: titles, sections, tables, wrapped prose and numbers. */
import { decimals } from '../../core/decimals';
import { printable } from '../../core/printable';
import type { Share } from '../report';

const WIDTH = 60;
const LABEL_CHARS = 22;
const REASON_CHARS = 50;
const PERCENT_PER_BLOCK = 2;
/** The most rows of a table; the rest is in the JSON report. */
export const MAX_ROWS = 40;

export const DOUBLE = '='.repeat(WIDTH);
export const SINGLE = '-'.repeat(WIDTH);

/** Returns a title between double lines, which begins a block of the report. */
export function title(text: string): string[] {
  return [DOUBLE, text, DOUBLE];
}

/** Returns a section: an empty line, its name, a line, its rows. */
export function section(name: string, rows: readonly string[]): string[] {
  return ['', name, SINGLE, ...rows];
}

export function labelled(label: string, value: string): string {
  return `${label}:`.padEnd(LABEL_CHARS) + value;
}

/** Formats a whole number: 1,234 */
export function whole(count: number): string {
  return count.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

/** Formats a count that may be unknown, which differs from zero. */
export function counted(count: number | null): string {
  return count === null ? 'unknown' : whole(count);
}

/** Returns the cells of a row: requests, failures, latencies. @param msText formats milliseconds; null if unknown */
export function shareCells(share: Share, msText: (value: number | null) => string): string[] {
  const latencies = [share.p50_ms, share.p95_ms, share.p99_ms, share.p99_9_ms, share.max_ms];
  return [whole(share.requests), share.failed === null ? '-' : whole(share.failed), ...latencies.map(msText)];
}

export function ms(value: number | null): string {
  return value === null ? 'unknown' : `${decimals(value)} ms`;
}

export function percent(part: number, all: number): string {
  return (all === 0 ? 0 : (part / all) * 100).toFixed(2);
}

/** Returns one block for every full two percent. */
export function bar(part: number, all: number): string {
  return all === 0 ? '' : '█'.repeat(Math.floor(((part / all) * 100) / PERCENT_PER_BLOCK));
}

/** Formats a failure reason: `Connection refused                                :  1,234 ( 48.37%)` */
export function reasonRow(reason: string, count: number, all: number): string {
  const name = printable(reason, REASON_CHARS).padEnd(REASON_CHARS);
  return `${name}: ${whole(count).padStart(6)} (${percent(count, all).padStart(6)}%)`;
}

/** Aligns cells in columns; the first one to the left, the others to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((name, at) => Math.max(name.length, ...rows.map((row) => row[at]!.length)));
  return [head, ...rows].map((row) =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!)))
      .join('  ')
      .trimEnd(),
  );
}

/** Returns a line about the rows that are omitted, if any. */
export function more(count: number): string[] {
  return count > MAX_ROWS ? [`and ${whole(count - MAX_ROWS)} more in the JSON report`] : [];
}

/** Returns the upper median; 0 for an empty list. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** Returns the maximum; 0 for an empty list. */
export function most(values: readonly number[]): number {
  return values.reduce((greatest, value) => Math.max(greatest, value), 0);
}

/** Wraps prose at 100 characters; continuation lines are indented. */
export function prose(text: string): string[] {
  const lines: string[] = [];
  for (const word of printable(text, 1000).split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= 100) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(last === undefined ? word : `  ${word}`);
  }
  return lines;
}
