import uPlot from 'uplot';
import type { ChartData, Layer } from '../render/html/chart-types';
import type { Plot } from './time-axis';
import type { Ink } from './theme';
import { countText, logSteps, msText, msTick, roundDown, roundUp, secsText } from './units';

type Windows = NonNullable<ChartData['windows']>;
type Values = (number | null)[];

const TALL_PX = 280;
const STACK_PX = 210;
/** Latencies of 0 cannot be shown on a log axis. */
const LEAST_MS = 0.01;
const bars = uPlot.paths.bars!({ size: [1, Infinity], gap: 0 });

/** Draws p50 to max on a log axis, with the area between p50 and p99 filled. */
export function latencyPlot(windows: Windows, ink: Ink): Plot {
  const names = ['p50', 'p95', 'p99', 'max'] as const;
  const above = (values: Values): Values => values.map((value) => (value === null ? null : Math.max(LEAST_MS, value)));
  return {
    heightPx: TALL_PX,
    data: [middles(windows), ...names.map((name) => above(windows[name]))],
    series: names.map((name, at) => ({
      stroke: ink.percentiles[at],
      width: name === 'p99' ? 2 : 1.5,
      ...(name === 'max' && { dash: [2, 3], width: 1.25 }),
      points: alone(ink.percentiles[at]!),
    })),
    bands: [{ series: [3, 1], fill: ink.fan }],
    ...logMs(),
    legend: names.map((name, at) => ({
      name,
      colour: ink.percentiles[at]!,
      look: name === 'max' ? 'dashes' : 'line',
    })),
    valuesAt: (index) => names.map((name) => text(index === null ? null : windows[name][index], msText)),
    whenAt: (index) => windowText(windows, index),
  };
}

/** Draws stacked layers; the first one is at the bottom. */
export function stackPlot(windows: Windows, layers: readonly Layer[], unit: string, ink: Ink): Plot {
  const tops: number[][] = [];
  for (const { values } of layers) tops.push(values.map((value, at) => value + (tops.at(-1)?.[at] ?? 0)));
  const shown = [...layers].reverse();
  return {
    heightPx: STACK_PX,
    // The highest first: each is drawn from zero, over the one above it.
    data: [middles(windows), ...[...tops].reverse()],
    series: shown.map(({ colour }) => ({ fill: ink.of(colour), width: 0, paths: bars, points: { show: false } })),
    scale: { range: (_, __, max) => [0, max > 0 ? max * 1.08 : 1] },
    axis: {
      values: (_, splits) => splits.map((split) => (Number.isInteger(split) || unit !== '' ? countText(split) : '')),
    },
    legend: layers.map(({ name, colour }) => ({ name, colour: ink.of(colour), look: 'box' })),
    valuesAt: (index) =>
      layers.map(({ values }) => text(index === null ? null : values[index], (value) => countText(value) + unit)),
    whenAt: (index) => windowText(windows, index),
  };
}

/** A log axis of milliseconds with lines at 1, 2 and 5. */
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
      const isThere = (at: number): boolean => values[at] !== null && values[at] !== undefined;
      return Array.from(values.keys()).filter((at) => isThere(at) && !isThere(at - 1) && !isThere(at + 1));
    },
  };
}

export function text(value: number | null | undefined, say: (value: number) => string): string {
  return value === null || value === undefined ? '–' : say(value);
}

function middles({ secs, p50 }: Windows): number[] {
  return p50.map((_, at) => (at + 0.5) * secs);
}

function windowText({ secs }: Windows, index: number | null): string {
  return index === null ? '' : `${secsText(index * secs)} to ${secsText((index + 1) * secs)}`;
}
