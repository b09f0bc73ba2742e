/** Draws the small charts of processes: a row of panels for each server or load generator. */
import type { SampleRow } from '../render/html/chart-types';
import { alone, text } from './plots';
import type { Ink } from './theme';
import type { Plot } from './time-axis';
import { countText, msText } from './units';

/** A small chart, drawn once for each row; a second series is dashed. */
interface Panel {
  title: string;
  keys: readonly { key: string; name: string }[];
  say(value: number): string;
  /** The least maximum of the axis: three percent of a processor should not look like a peak. */
  leastMax: number;
}

const HEIGHT_PX = 112;
const percent = (value: number): string => `${countText(value)} %`;

const PROCESS_CPU = cpuPanel('CPU, % of one core');
const MACHINE_CPU = cpuPanel('CPU of its machine, %');
const DELAY: Panel = {
  title: 'Event-loop delay, ms',
  keys: [{ key: 'delay', name: 'delay' }],
  say: msText,
  leastMax: 10,
};

function cpuPanel(title: string): Panel {
  return { title, keys: [{ key: 'cpu', name: 'CPU' }], say: percent, leastMax: 100 };
}

function requestsPanel(...keys: Panel['keys'][number][]): Panel {
  return { title: 'Requests', keys, say: countText, leastMax: 4 };
}

export const SERVER_PANELS: readonly Panel[] = [
  MACHINE_CPU,
  requestsPanel({ key: 'active', name: 'active' }, { key: 'queued', name: 'queued' }),
  DELAY,
  {
    title: 'Memory, MiB',
    keys: [{ key: 'memory', name: 'memory' }],
    say: (mib) => `${countText(mib)} MiB`,
    leastMax: 100,
  },
];

export const GENERATOR_PANELS: readonly Panel[] = [
  PROCESS_CPU,
  DELAY,
  requestsPanel({ key: 'flight', name: 'in flight' }, { key: 'backlog', name: 'to verify' }),
];

/** Gives all rows the same scale, so that they can be compared. */
export function panelPlot(panel: Panel, row: SampleRow, rows: readonly SampleRow[], ink: Ink): Plot {
  const { keys, say } = panel;
  const valuesOf = ({ series }: SampleRow) => keys.flatMap(({ key }) => series[key] ?? []);
  const max = rows.flatMap(valuesOf).reduce<number>((most, value) => Math.max(most, value ?? 0), panel.leastMax);
  const colours = [ink.of(row.colour), ink.soft];
  return {
    heightPx: HEIGHT_PX,
    isSmall: true,
    data: [row.time, ...keys.map(({ key }) => row.series[key]!)],
    series: keys.map((_, at) => ({
      stroke: colours[at],
      width: at > 0 ? 1 : 1.25,
      ...(at > 0 && { dash: [2, 2] }),
      points: alone(colours[at]!),
    })),
    scale: { range: () => [0, max * 1.05] },
    axis: { space: 30, values: (_, splits) => splits.map(countText) },
    legend: keys.map(({ name }, at) => ({ name, colour: colours[at]!, look: at > 0 ? 'dashes' : 'line' })),
    valuesAt: (index) => keys.map(({ key }) => text(index === null ? null : row.series[key]![index], say)),
  };
}

/** Creates a row's name with the placeholders of its panels below. */
export function panelRow(row: SampleRow, panels: readonly Panel[]): { root: HTMLElement; places: HTMLElement[] } {
  const root = document.createElement('div');
  root.className = 'panels';
  const name = document.createElement('h4');
  name.textContent = row.name;
  root.append(name);
  const places = panels.map(({ title }) => {
    const figure = document.createElement('figure');
    const caption = document.createElement('figcaption');
    caption.textContent = title;
    const place = document.createElement('div');
    place.dataset['label'] = `${row.name}: ${title}`;
    figure.append(caption, place);
    root.append(figure);
    return place;
  });
  return { root, places };
}
