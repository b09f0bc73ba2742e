/** Draws leadership: a row for each server, and over all of them the times with no leader or with several. */
import type uPlot from 'uplot';
import type { ChartData } from '../render/html/chart-types';
import { font, spanOf } from './shades';
import type { Ink } from './theme';
import type { Plot } from './time-axis';

type Leadership = NonNullable<ChartData['leadership']>;

const ROW_PX = 26;
const AROUND_PX = 48;
const BAR_PX = 16;
const HATCH_PX = 6;
const LEAST_PX = 2;

export function leadershipPlot(leadership: Leadership, { faults, endSecs }: ChartData, ink: Ink): Plot {
  const count = Math.max(1, leadership.rows.length);
  const during = (spans: readonly { from: number; to: number }[], secs: number): boolean =>
    spans.some(({ from, to }) => secs >= from && secs < to);
  return {
    heightPx: count * ROW_PX + AROUND_PX,
    data: [
      [0, endSecs],
      [null, null],
    ],
    series: [{ show: false }],
    scale: { range: () => [0, count], dir: -1 },
    axis: {
      splits: () => leadership.rows.map((_, row) => row + 0.5),
      values: () => leadership.rows.map(({ name }) => name),
      grid: { show: false },
    },
    draw: (u) => drawLeadership(u, leadership, faults, ink),
    legend: [
      { name: 'leader', colour: ink.soft, look: 'bare' },
      { name: 'no leader', colour: ink.none, look: 'hatch' },
      { name: 'several leaders', colour: ink.several, look: 'hatch' },
    ],
    valuesAt: (_, secs) => {
      const led = leadership.spans.filter(({ from, to }) => secs >= from && secs < to);
      return [
        led.map(({ row, term }) => `${leadership.rows[row]?.name ?? ''}, term ${term}`).join('; ') || '–',
        during(leadership.none, secs) ? 'now' : '–',
        during(leadership.several, secs) ? 'now' : '–',
      ];
    },
  };
}

function drawLeadership(u: uPlot, leadership: Leadership, faults: ChartData['faults'], ink: Ink): void {
  const { ctx, bbox } = u;
  const ratio = devicePixelRatio;
  const middle = (row: number): number => u.valToPos(row + 0.5, 'y', true);
  ctx.save();
  leadership.rows.forEach(({ server }, row) => {
    line(ctx, ink.grid, bbox, middle(row));
    // The row of the affected server is shaded again: its bar ends there.
    for (const fault of faults.filter((each) => each.server === server)) {
      const span = spanOf(u, fault.from, fault.to);
      if (span) box(ctx, ink.fault, span, middle(row), ROW_PX * ratio);
    }
  });
  for (const { row, term, from, to } of leadership.spans) {
    const span = spanOf(u, from, to);
    if (!span) continue;
    const colour = ink.of(leadership.rows[row]!.colour);
    box(ctx, colour, { ...span, width: Math.max(span.width, LEAST_PX * ratio) }, middle(row), BAR_PX * ratio);
    ctx.font = font(11, ratio, 600);
    const said = [`term ${term}`, String(term)].find((each) => ctx.measureText(each).width + 10 * ratio < span.width);
    if (said === undefined) continue;
    ctx.fillStyle = isBright(colour) ? '#000000' : '#ffffff';
    ctx.textBaseline = 'middle';
    ctx.textAlign = 'left';
    ctx.fillText(said, span.left + 5 * ratio, middle(row) + ratio);
  }
  for (const { from, to } of leadership.none) hatch(u, from, to, ink.none, 1);
  for (const { from, to } of leadership.several) hatch(u, from, to, ink.several, -1);
  ctx.restore();
}

function line(ctx: CanvasRenderingContext2D, colour: string, { left, width }: uPlot.BBox, y: number): void {
  ctx.fillStyle = colour;
  ctx.fillRect(left, Math.round(y), width, 1);
}

function box(
  ctx: CanvasRenderingContext2D,
  colour: string,
  { left, width }: { left: number; width: number },
  middle: number,
  height: number,
): void {
  ctx.fillStyle = colour;
  ctx.fillRect(left, Math.round(middle - height / 2), width, Math.round(height));
}

/** Draws slanted lines over the full height, rising or falling, in a frame that is visible even where no line fits. */
function hatch(u: uPlot, from: number, to: number, colour: string, slope: 1 | -1): void {
  const span = spanOf(u, from, to);
  if (!span) return;
  const { ctx } = u;
  const { top, height } = u.bbox;
  const ratio = devicePixelRatio;
  const width = Math.max(span.width, LEAST_PX * ratio);
  ctx.save();
  ctx.beginPath();
  ctx.rect(span.left, top, width, height);
  ctx.clip();
  ctx.strokeStyle = colour;
  ctx.lineWidth = ratio;
  ctx.beginPath();
  for (let at = span.left - height; at < span.left + width + height; at += HATCH_PX * ratio) {
    ctx.moveTo(at, slope === 1 ? top + height : top);
    ctx.lineTo(at + height, slope === 1 ? top : top + height);
  }
  ctx.rect(span.left, top, width, height);
  ctx.stroke();
  ctx.restore();
}

function isBright(hex: string): boolean {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  return 0.299 * red + 0.587 * green + 0.114 * blue > 130;
}
