/** Draws latency, throughput and failures over time, with parts that other charts share. */
import uPlot from 'uplot';
import type { ChartData, Layer, Line, Values } from '../render/html/chart-types';
import type { Item } from './legend';
import type { Plot } from './time-axis';
import type { Ink } from './theme';
import { countText, logSteps, msText, msTick, roundDown, roundUp, secsText } from './units';

type Windows = NonNullable<ChartData['windows']>;

const TALL_PX = 280;
const STACK_PX = 210;
/** Latencies of 0 cannot be shown on a log axis. */
const LEAST_MS = 0.01;
const bars = uPlot.paths.bars!({ size: [1, Infinity], gap: 0 });

/** Draws latencies on a log axis. */
export function latencyPlot({ lines, fan }: NonNullable<ChartData['latency']>, ink: Ink): Plot {
  const above = (values: Values): Values => values.map((value) => (value === null ? null : Math.max(LEAST_MS, value)));
  const windowAt = (length: number, secs: number): number => Math.max(0, Math.ceil(secs / length) - 1);
  const [first] = lines;
  const areSame = lines.every(({ secs }) => secs === first?.secs);
  return {
    heightPx: TALL_PX,
    data: uPlot.join(lines.map(({ secs, values }) => [middles(secs, values.length), above(values)])),
    series: lines.map((line) => ({ ...stroke(line, ink), points: alone(ink.of(line.colour)) })),
    ...(fan && { bands: [{ series: [fan[0] + 1, fan[1] + 1], fill: ink.fan }] }),
    ...logMs(),
    legend: lines.map((line) => item(line, ink)),
    valuesAt: (_, at) => lines.map(({ secs, values }) => text(values[windowAt(secs, at)], msText)),
    ...(areSame && first && { whenAt: (_, at) => windowText(first.secs, windowAt(first.secs, at)) }),
  };
}

/** Returns the style of a line; its points are up to the chart. */
export function stroke({ colour, look, widthPx }: Line, ink: Ink): uPlot.Series {
  return { stroke: ink.of(colour), width: widthPx, ...(look === 'dashes' && { dash: [3, 3] }) };
}

/** Returns the legend's item of a line. */
export function item({ name, colour, look }: Line, ink: Ink): Item {
  return { name, colour: ink.of(colour), look };
}

/** Draws stacked layers; the first one is at the bottom. */
export function stackPlot({ secs, count }: Windows, layers: readonly Layer[], unit: string, ink: Ink): Plot {
  const tops: number[][] = [];
  for (const { values } of layers) tops.push(values.map((value, at) => value + (tops.at(-1)?.[at] ?? 0)));
  const shown = [...layers].reverse();
  return {
    heightPx: STACK_PX,
    // The highest first: each is drawn from zero, over the one above it.
    data: [middles(secs, count), ...[...tops].reverse()],
    series: shown.map(({ colour }) => ({ fill: ink.of(colour), width: 0, paths: bars, points: { show: false } })),
    scale: { range: (_, __, max) => [0, max > 0 ? max * 1.08 : 1] },
    axis: {
      values: (_, splits) => splits.map((split) => (Number.isInteger(split) || unit !== '' ? countText(split) : '')),
    },
    legend: layers.map(({ name, colour }) => ({ name, colour: ink.of(colour), look: 'box' })),
    valuesAt: (index) =>
      layers.map(({ values }) => text(index === null ? null : values[index], (value) => countText(value) + unit)),
    whenAt: (index) => (index === null ? '' : windowText(secs, index)),
  };
}

/** Returns a log axis of milliseconds with lines at 1, 2 and 5. */
export function logMs(): Pick<Plot, 'scale' | 'axis'> {
  return {
    scale: {
      distr: 3,
      range: (_, min, max) =>
        min === null || max === null || min <= 0
          ? [1, 1000]
          : [roundDown(min), Math.max(roundUp(max), 2 * roundDown(min))],
    },
    axis: {
      splits: (_, __, min, max) => logSteps(min, max),
      filter: (u, splits) => {
        const isTight = splits.length > u.bbox.height / devicePixelRatio / 18;
        return splits.map((split) => (!isTight || String(split).replace(/[.0]/g, '') === '1' ? split : null));
      },
      values: (_, splits) => splits.map((split) => (split === null ? '' : msTick(split))),
    },
  };
}

/** Draws a point only for a value without neighbours to connect to. */
export function alone(colour: string): uPlot.Series.Points {
  return {
    show: true,
    size: 4,
    fill: colour,
    width: 0,
    filter: (u, series) => {
      const values = u.data[series]!;
      // Undefined is not a gap: another line has a value there.
      const own = Array.from(values.keys()).filter((at) => values[at] !== undefined);
      const isThere = (at: number | undefined): boolean => at !== undefined && values[at] !== null;
      return own.filter((at, nth) => isThere(at) && !isThere(own[nth - 1]) && !isThere(own[nth + 1]));
    },
  };
}

export function text(value: number | null | undefined, say: (value: number) => string): string {
  return value === null || value === undefined ? '–' : say(value);
}

function middles(secs: number, count: number): number[] {
  return Array.from({ length: count }, (_, at) => (at + 0.5) * secs);
}

function windowText(secs: number, index: number): string {
  return `${secsText(index * secs)} to ${secsText((index + 1) * secs)}`;
}
