import { absent, part } from '../render/html/elements';
import { type Content, html } from '../render/html/html';
import type { Compared } from './comparison';
import { legend, type Line, lineChart, roundTicks, type Shade } from './line-chart';

const TICKS = [50, 90, 99, 99.9, 99.99];

/** Charts of both runs in one frame: latency over time, and the percentile curve. */
export function chartsOf(a: Compared, b: Compared): Content {
  return [part('Latency over time', inTime(a, b)), part('Latency by percentile', byPercentile(a, b))];
}

/** Each run counts from its own start. */
function inTime(a: Compared, b: Compared): Content {
  const lines = [...timeLines('A', a), ...timeLines('B', b)];
  if (!hasPoint(lines)) return absent('There are no records of single requests.');
  const to = Math.max(endSecs(a), endSecs(b));
  const ticks = roundTicks(to).map((at) => ({ at, text: `${at} s` }));
  const shades = [...shadesOf('a', a), ...shadesOf('b', b)];
  const label =
    'p50 and p99 of A and B in every window, seconds from the start of each run; the table Changes has the figures';
  const caption = `All requests, including failed ones.${shades.length > 0 ? ' Shaded: faults and recovery, in the colour of their run.' : ''}`;
  return html`${legend(lines)}${lineChart({ label, lines, shades, x: { from: 0, to, ticks } })}
    <p class="soft">${caption}</p>`;
}

function timeLines(letter: 'A' | 'B', { timeline }: Compared): Line[] {
  if (timeline === null) return [];
  const look = letter.toLowerCase();
  const secs = timeline.window_ms / 1000;
  const points = (values: readonly (number | null)[]) => values.map((ms, at) => [(at + 0.5) * secs, ms] as const);
  return [
    { name: `${letter} p50`, look, points: points(timeline.p50_ms) },
    { name: `${letter} p99`, look: `${look} dashed`, points: points(timeline.p99_ms) },
  ];
}

function shadesOf(look: string, { timeline, faults }: Compared): Shade[] {
  if (timeline === null) return [];
  const secs = (unixMs: number): number => (unixMs - timeline.from) / 1000;
  return (faults ?? []).map(({ start, recovered }) => ({
    ...{ look, from: secs(start) },
    to: recovered === null ? Infinity : secs(recovered),
  }));
}

function endSecs({ timeline }: Compared): number {
  return timeline === null ? 0 : (timeline.requests.length * timeline.window_ms) / 1000;
}

/** A percentile axis by rarity: each tick is ten times rarer than the one before. */
function byPercentile(a: Compared, b: Compared): Content {
  const rarity = (percentile: number): number => -Math.log10(Math.max(1 - percentile / 100, 1e-5));
  const lineOf = (letter: 'A' | 'B', { percentile_curve: curve }: Compared): Line => ({
    ...{ name: letter, look: letter.toLowerCase() },
    // The point at 100 % has no finite position on this axis.
    points: curve
      .filter(({ percentile }) => percentile < 100)
      .map(({ percentile, latency_ms: ms }) => [rarity(percentile), ms] as const),
  });
  const lines = [lineOf('A', a), lineOf('B', b)];
  if (!hasPoint(lines)) return absent('The reports have no percentile curves.');
  const ticks = TICKS.map((percentile) => ({ at: rarity(percentile), text: `${percentile}%` }));
  const label = 'Latency of successes by percentile, A and B; the table Whole run has the figures';
  return html`${legend(lines)}${lineChart({ label, lines, x: { from: 0, to: rarity(99.99), ticks } })}
    <p class="soft">Successful requests, from the intended start.</p>`;
}

function hasPoint(lines: readonly Line[]): boolean {
  return lines.some(({ points }) => points.some(([, y]) => y !== null && y > 0));
}
