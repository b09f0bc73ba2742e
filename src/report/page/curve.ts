import uPlot from 'uplot';
import type { ChartData } from '../render/html/chart-types';
import { Legend } from './legend';
import { logMs, text } from './plots';
import { font } from './shades';
import type { Ink } from './theme';
import { msText } from './units';

const HEIGHT_PX = 300;
const TICKS = [0, 50, 90, 99, 99.9, 99.99, 99.999, 99.9999];
/** The maximum has no finite position on this axis; it is drawn at the next tick. */
const HIGHEST = 99.9999;
/** The distance from the last percentile to the maximum, in nines. */
const MAX_GAP = 0.3;

/** Draws the curve like HdrHistogram: each further nine of a percentile takes the same space. */
export function drawCurve(target: HTMLElement, curve: NonNullable<ChartData['curve']>, ink: Ink): uPlot {
  const finite = curve.percentile.filter((percentile) => percentile < 100);
  const last = nines(finite.at(-1) ?? 0);
  const x = curve.percentile.map((percentile) => (percentile < 100 ? nines(percentile) : last + MAX_GAP));
  const hasMax = curve.percentile.at(-1) === 100;
  // Its label would overlap that of the maximum.
  const isTight = (at: number): boolean => hasMax && last - at < 0.1 && at > 1;
  const series = [
    { name: 'latency, from the intended start', colour: ink.percentiles[2], values: curve.latency },
    { name: 'service time, from the actual send', colour: ink.percentiles[0], values: curve.service },
  ];
  const legend = new Legend(
    series.map(({ name, colour }, at) => ({ name, colour, look: at === 0 ? 'line' : 'dashes' })),
  );
  const holder = document.createElement('div');
  holder.setAttribute('role', 'img');
  holder.setAttribute('aria-label', target.dataset['label'] ?? '');
  target.replaceChildren(legend.root, holder);
  const say = (u: uPlot): void => {
    const index = u.cursor.left! >= 0 ? u.cursor.idx : null;
    if (index === null || index === undefined) return legend.say('', []);
    const percentile = Number(curve.percentile[index]!.toFixed(5));
    legend.say(
      percentile === 100 ? 'the maximum' : `p${percentile}`,
      series.map(({ values }) => text(values[index], msText)),
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
      series: [
        {},
        ...series.map(({ colour }, at) => ({
          stroke: colour,
          width: 2,
          points: { show: false },
          ...(at > 0 && { dash: [4, 4] }),
        })),
      ],
      hooks: { setCursor: [say] },
    },
    [x, ...series.map(({ values }) => values)],
    holder,
  );
}

/** Returns 0 at 0 %, 1 at 90 %, 2 at 99 % … */
function nines(percentile: number): number {
  return -Math.log10(1 - Math.min(percentile, HIGHEST) / 100);
}
