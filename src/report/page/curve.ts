/** Draws the percentile curve like HdrHistogram: each further nine of a percentile takes the same space. */
import uPlot from 'uplot';
import type { ChartData, Values } from '../render/html/chart-types';
import { Legend } from './legend';
import { item, logMs, stroke, text } from './plots';
import { font } from './shades';
import type { Ink } from './theme';
import { msText } from './units';

const HEIGHT_PX = 300;
const TICKS = [0, 50, 90, 99, 99.9, 99.99, 99.999, 99.9999];
/** The maximum has no finite position on this axis; it is drawn at the next tick. */
const HIGHEST = 99.9999;
/** The distance from the last percentile to the maximum, in nines. */
const MAX_GAP = 0.3;

export function drawCurve(target: HTMLElement, lines: NonNullable<ChartData['curve']>, ink: Ink): uPlot {
  const joined = uPlot.join(lines.map(({ percentiles, values }) => [percentiles, values]));
  const percentiles = Array.from(joined[0]);
  const columns = joined.slice(1) as Values[];
  const last = nines(percentiles.findLast((percentile) => percentile < 100) ?? 0);
  const x = percentiles.map((percentile) => (percentile < 100 ? nines(percentile) : last + MAX_GAP));
  const hasMax = percentiles.at(-1) === 100;
  // The label of such a tick would overlap that of the maximum.
  const isTight = (at: number): boolean => hasMax && last - at < 0.1 && at > 1;
  const legend = new Legend(lines.map((line) => item(line, ink)));
  const holder = document.createElement('div');
  holder.setAttribute('role', 'img');
  holder.setAttribute('aria-label', target.dataset['label'] ?? '');
  target.replaceChildren(legend.root, holder);
  const say = (u: uPlot): void => {
    const index = u.cursor.left! >= 0 ? u.cursor.idx : null;
    if (index === null || index === undefined) return legend.say('', []);
    const percentile = Number(percentiles[index]!.toFixed(5));
    legend.say(
      percentile === 100 ? 'the maximum' : `p${percentile}`,
      columns.map((values) => text(values[index], msText)),
    );
  };
  const axis = { stroke: ink.soft, font: font(11, 1), grid: { stroke: ink.grid, width: 1 }, ticks: { show: false } };
  const { scale, axis: y } = logMs();
  return new uPlot(
    {
      width: Math.max(120, target.clientWidth),
      height: HEIGHT_PX,
      padding: [10, 24, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
      scales: { x: { time: false, range: (_, min, max) => [min, max] }, y: scale },
      axes: [
        {
          ...axis,
          size: 28,
          splits: () => [
            ...TICKS.map(nines).filter((at) => at <= last + 1e-9 && !isTight(at)),
            ...(hasMax ? [last + MAX_GAP] : []),
          ],
          values: (_, splits) =>
            splits.map((at) => (at > last + 1e-9 ? 'max' : `${Number((100 - 10 ** (2 - at)).toFixed(4))} %`)),
        },
        { ...axis, size: 62, gap: 6, ...y },
      ],
      series: [{}, ...lines.map((line) => ({ ...stroke(line, ink), points: { show: false } }))],
      hooks: { setCursor: [say] },
    },
    [x, ...columns],
    holder,
  );
}

/** Returns 0 at 0 %, 1 at 90 %, 2 at 99 % … */
function nines(percentile: number): number {
  return -Math.log10(1 - Math.min(percentile, HIGHEST) / 100);
}
