/** Draws both runs over each other in the charts of the comparison page. */
import { curvePoints, shortened } from '../render/html/chart-data';
import type { ChartData, FaultShade, Line } from '../render/html/chart-types';
import { chart, guide, place, ZOOM } from '../render/html/charts';
import { absent } from '../render/html/elements';
import { type Content, html } from '../render/html/template';
import type { Colour } from '../render/html/palette';
import type { Compared } from './comparison';

export const RUN_COLOURS: Record<'a' | 'b', Colour> = { a: ['#0072b2', '#3f9fdc'], b: ['#b34d00', '#ef7b2e'] };

interface Run extends Compared {
  letter: 'A' | 'B';
  colour: Colour;
}

/** Returns the data of the charts; null if there is nothing to draw. */
export function overlaid(a: Compared, b: Compared): ChartData | null {
  const runs: Run[] = [
    { ...a, letter: 'A', colour: RUN_COLOURS.a },
    { ...b, letter: 'B', colour: RUN_COLOURS.b },
  ];
  const lines = runs.flatMap(timeLines);
  const curve = runs.flatMap(curveLine);
  if (lines.length === 0 && curve.length === 0) return null;
  const endSecs = Math.max(...runs.map(endSecsOf));
  return {
    endSecs,
    faults: runs.flatMap((run) => shadesOf(run, endSecs)),
    latency: lines.length === 0 ? null : { lines },
    windows: null,
    leadership: null,
    servers: [],
    generators: [],
    curve: curve.length === 0 ? null : curve,
  };
}

/** Returns the placeholders of the charts: latency over time, and the percentile curve. */
export function chartsOf(data: ChartData | null): Content {
  const shades = data !== null && data.faults.length > 0 && ' Shaded: faults and recovery, in the colour of their run.';
  const overTime =
    'p50 and p99 of A and B in every window, seconds from the start of each run; the table Changes has the figures';
  const byPercentile = 'Latency of all requests by percentile, A and B; the table Whole run has the figures';
  return [
    data && guide(html`Seconds from the start of each run. ${ZOOM}${shades}`),
    data?.latency
      ? chart('Latency over time', 'All requests, failed ones too.', place('latency', overTime))
      : chart('Latency over time', null, absent('There are no records of single requests.')),
    data?.curve
      ? chart('Latency by percentile', 'All requests, from when they were due.', place('curve', byPercentile))
      : chart('Latency by percentile', null, absent('The reports have no percentile curves.')),
  ];
}

function timeLines({ timeline, letter, colour }: Run): (Line & { secs: number })[] {
  if (timeline === null) return [];
  const secs = timeline.window_ms / 1000;
  const p50 = shortened(timeline.p50_ms);
  const p99 = shortened(timeline.p99_ms);
  if (p50.every((ms) => ms === null)) return [];
  return [
    { name: `${letter} p50`, colour, look: 'line', widthPx: 1.8, secs, values: p50 },
    { name: `${letter} p99`, colour, look: 'dashes', widthPx: 1.3, secs, values: p99 },
  ];
}

/** Returns times from the start of the run itself, not of the other. */
function shadesOf({ timeline, faults, letter, colour }: Run, endSecs: number): FaultShade[] {
  if (timeline === null) return [];
  const secs = (unixMs: number): number => (unixMs - timeline.from) / 1000;
  return (faults ?? []).map(({ start, recovered }) => {
    const to = recovered === null ? endSecs : secs(recovered);
    return { server: 0, from: secs(start), to, felt: to, labels: [letter], colour };
  });
}

function endSecsOf({ timeline }: Compared): number {
  return timeline === null ? 0 : (timeline.requests.length * timeline.window_ms) / 1000;
}

function curveLine({ letter, colour, ...run }: Run): NonNullable<ChartData['curve']> {
  const points = curvePoints(run) ?? [];
  if (points.length === 0) return [];
  return [
    {
      name: letter,
      colour,
      look: 'line',
      widthPx: 1.8,
      percentiles: points.map(({ percentile }) => percentile),
      values: shortened(points.map(({ latency_ms: ms }) => ms)),
    },
  ];
}
