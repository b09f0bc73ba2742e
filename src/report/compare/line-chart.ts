import { type Content, html, Html } from '../render/html/html';

/** A curve in a chart; null is a gap. `look` is its CSS class: the run, and `dashed`. */
export interface Line {
  name: string;
  look: string;
  points: readonly (readonly [x: number, y: number | null])[];
}

export interface Tick {
  at: number;
  text: string;
}

/** A shaded range of x, with the look of its run's lines. */
export interface Shade {
  look: string;
  from: number;
  to: number;
}

export interface LineChart {
  /** The text for screen readers. */
  label: string;
  lines: readonly Line[];
  /** The range of x. */
  x: { from: number; to: number; ticks: readonly Tick[] };
  shades?: readonly Shade[];
}

const WIDTH = 1000;
const HEIGHT = 300;

/**
 * Draws a chart without a script, with latencies on a log axis. The drawing stretches with its container; the labels
 * are HTML beside it, so they do not.
 */
export function lineChart({ label, lines, x, shades = [] }: LineChart): Html {
  const known = lines.flatMap(({ points }) => points.flatMap(([, y]) => (y !== null && y > 0 ? [y] : [])));
  const [lowest, highest] = known.reduce(([low, high], y) => [Math.min(low, y), Math.max(high, y)], [Infinity, 0]);
  const [bottom, top] = [Math.log10(lowest) - 0.05, Math.log10(highest) + 0.05];
  const atX = (value: number): number => Math.min(1, Math.max(0, (value - x.from) / (x.to - x.from))) * WIDTH;
  const atY = (value: number): number => (1 - (Math.log10(value) - bottom) / (top - bottom)) * HEIGHT;
  const yTicks = ticksOf(lowest, highest);
  return html`<div class="chart-frame" role="img" aria-label="${label}">
    <div class="y-words" aria-hidden="true">
      ${yTicks.map((value) => word('top', (atY(value) / HEIGHT) * 100, msText(value)))}
    </div>
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">
      ${shades.map(({ look, from, to }) => shade(look, atX(from), atX(to)))}
      ${yTicks.map((value) => path('grid', `M0 ${digits(atY(value))}H${WIDTH}`))}
      ${lines.map(({ look, points }) => path(`line ${look}`, curve(points, atX, atY)))}
    </svg>
    <div class="x-words" aria-hidden="true">
      ${x.ticks.map(({ at, text }) => word('left', (atX(at) / WIDTH) * 100, text))}
    </div>
  </div> `;
}

/** A legend of the lines, each with a sample. */
export function legend(lines: readonly Pick<Line, 'name' | 'look'>[]): Html {
  const items = lines.map(
    ({ name, look }) =>
      html`<li><svg viewBox="0 0 24 8" aria-hidden="true">${path(`line ${look}`, 'M0 4H24')}</svg>${name}</li> `,
  );
  return html`<ul class="keys">
    ${items}
  </ul> `;
}

/** Returns at most seven round numbers from 0. */
export function roundTicks(to: number): number[] {
  const raw = to / 6;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= raw) ?? raw;
  return Array.from({ length: Math.floor(to / step) + 1 }, (_, index) => index * step);
}

/** Returns 1, 2 and 5 times each power of ten, or only the powers for wide ranges. */
function ticksOf(lowest: number, highest: number): number[] {
  const factors = highest / lowest > 200 ? [1] : [1, 2, 5];
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(lowest)); power <= Math.log10(highest); power++) {
    ticks.push(...factors.map((factor) => factor * 10 ** power));
  }
  const within = ticks.filter((tick) => tick >= lowest * 0.9 && tick <= highest * 1.1);
  return within.length > 0 ? within : [highest];
}

function msText(ms: number): string {
  return ms >= 1000 ? `${Number((ms / 1000).toPrecision(3))} s` : `${Number(ms.toPrecision(3))} ms`;
}

function curve(points: Line['points'], atX: (value: number) => number, atY: (value: number) => number): string {
  let isDown = false;
  return points
    .map(([x, y]) => {
      if (y === null || !(y > 0)) return ((isDown = false), '');
      const command = isDown ? 'L' : 'M';
      isDown = true;
      return `${command}${digits(atX(x))} ${digits(atY(y))}`;
    })
    .join('');
}

/** The shape consists of numbers only; as text it would be truncated. */
function path(look: string, shape: string): Html {
  return html`<path class="${look}" d="${new Html(shape)}" vector-effect="non-scaling-stroke" /> `;
}

function shade(look: string, from: number, to: number): Html {
  return html`<rect
    class="shade ${look}"
    x="${digits(from)}"
    y="0"
    width="${digits(Math.max(1, to - from))}"
    height="${HEIGHT}"
  /> `;
}

function word(side: 'left' | 'top', percent: number, text: Content): Html {
  return html`<span style="${side}:${percent.toFixed(2)}%">${text}</span>`;
}

function digits(value: number): string {
  return value.toFixed(1);
}
