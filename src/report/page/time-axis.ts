/** Charts on the same time axis: they share cursor and zoom. */
import uPlot from 'uplot';
import type { FaultShade } from '../render/html/chart-types';
import { type Item, Legend } from './legend';
import { drawShades, font, LABEL_PX } from './shades';
import type { Ink } from './theme';
import { secsText } from './units';

/** The properties that distinguish a chart on the shared axis. */
export interface Plot {
  heightPx: number;
  /** Options of the left axis. */
  axis: Partial<uPlot.Axis>;
  scale: uPlot.Scale;
  /** Seconds into the run, followed by the values of each series. */
  data: uPlot.AlignedData;
  series: uPlot.Series[];
  bands?: uPlot.Band[];
  legend: Item[];
  /** Returns the legend's texts for the cursor at a time, nearest to the data at `index`. */
  valuesAt(index: number | null, secs: number): string[];
  whenAt?(index: number | null, secs: number): string;
  /** Drawn over the shades and below the series. */
  draw?(u: uPlot): void;
  /** A small panel: no fault labels, a shorter axis. */
  isSmall?: boolean;
}

const LEFT_PX = 62;
const SMALL_LEFT_PX = 46;
const RIGHT_PX = 14;
const X_AXIS_PX = 28;
const INCREMENTS = [
  0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800,
];
const ZOOM_STEP = 0.5;

export class TimeAxis {
  private charts: uPlot[] = [];
  private zoom: { min: number; max: number };
  onZoom: (isZoomed: boolean) => void = () => {};

  constructor(
    private readonly endSecs: number,
    private readonly faults: readonly FaultShade[],
  ) {
    this.zoom = { min: 0, max: endSecs };
  }

  /** Removes all charts; the zoom stays. */
  clear(): void {
    for (const chart of this.charts) chart.destroy();
    this.charts = [];
  }

  reset(): void {
    this.show(0, this.endSecs);
  }

  /** Adds the chart with its legend to `target`, at its width. */
  mount(target: HTMLElement, plot: Plot, ink: Ink): void {
    const legend = new Legend(plot.legend);
    const holder = document.createElement('div');
    target.replaceChildren(legend.root, holder);
    const u = new uPlot(this.optionsOf(target, plot, ink, legend), plot.data, holder);
    this.charts.push(u);
    holder.tabIndex = 0;
    holder.setAttribute('role', 'img');
    holder.setAttribute('aria-label', target.dataset['label'] ?? '');
    holder.addEventListener('keydown', (event) => this.onKey(u, event));
  }

  /** Resizes to the current width. */
  resize(): void {
    for (const u of this.charts) {
      const width = widthOf(u.root.parentElement!);
      if (width !== u.width) u.setSize({ width, height: u.height });
    }
  }

  private show(min: number, max: number): void {
    this.zoom = { min: Math.max(0, min), max: Math.min(this.endSecs, max) };
    for (const chart of this.charts) chart.setScale('x', this.zoom);
    this.onZoom(this.zoom.min > 0 || this.zoom.max < this.endSecs);
  }

  private onKey(u: uPlot, event: KeyboardEvent): void {
    const { min, max } = this.zoom;
    const middle = u.cursor.left! >= 0 ? u.posToVal(u.cursor.left!, 'x') : (min + max) / 2;
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const factor = { '+': ZOOM_STEP, '-': 1 / ZOOM_STEP }[event.key];
    if (step !== undefined) {
      const secs = Math.min(max, Math.max(min, middle + (step * (max - min)) / 50));
      for (const chart of this.charts) chart.setCursor({ left: chart.valToPos(secs, 'x'), top: 1 });
    } else if (factor !== undefined) this.show(middle - (middle - min) * factor, middle + (max - middle) * factor);
    else if (event.key === 'Escape') this.reset();
    else return;
    event.preventDefault();
  }

  private optionsOf(target: HTMLElement, plot: Plot, ink: Ink, legend: Legend): uPlot.Options {
    const small = plot.isSmall === true;
    return {
      width: widthOf(target),
      height: plot.heightPx,
      padding: [small ? 6 : LABEL_PX, RIGHT_PX, 0, 0],
      legend: { show: false },
      cursor: this.cursor(),
      scales: { x: { time: false, range: () => [this.zoom.min, this.zoom.max] }, y: plot.scale },
      axes: axes(plot, ink, small),
      series: [{}, ...plot.series],
      bands: plot.bands ?? [],
      hooks: {
        drawClear: [
          (u) => {
            drawShades(u, this.faults, ink, !small);
            plot.draw?.(u);
          },
        ],
        setCursor: [(u) => say(u, plot, legend)],
        setSelect: [(u) => this.zoomTo(u)],
      },
    };
  }

  private cursor(): uPlot.Cursor {
    return {
      y: false,
      points: { show: false },
      drag: { x: true, y: false, setScale: false, dist: 4 },
      // Only the cursor: zoomTo applies the zoom of one chart to the others, with the same bounds for all.
      sync: { key: 'time', setSeries: false, filters: { pub: (type) => ['mousemove', 'mouseleave'].includes(type) } },
      bind: {
        dblclick: () => () => {
          this.reset();
          return null;
        },
      },
    };
  }

  /** Applies a zoom to all charts. */
  private zoomTo(u: uPlot): void {
    const { left, width } = u.select;
    if (width === 0) return;
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.show(u.posToVal(left, 'x'), u.posToVal(left + width, 'x'));
  }
}

function say(u: uPlot, plot: Plot, legend: Legend): void {
  const { left, idx } = u.cursor;
  if (left === undefined || left < 0) return legend.say('', []);
  const secs = u.posToVal(left, 'x');
  const index = idx ?? null;
  legend.say(plot.whenAt?.(index, secs) ?? secsText(secs), plot.valuesAt(index, secs));
}

function axes(plot: Plot, ink: Ink, small: boolean): uPlot.Axis[] {
  const common = {
    stroke: ink.soft,
    font: font(small ? 10 : 11, 1),
    grid: { stroke: ink.grid, width: 1 },
    ticks: { show: false },
  };
  const x: uPlot.Axis = {
    ...common,
    size: X_AXIS_PX,
    space: small ? 60 : 70,
    incrs: INCREMENTS,
    values: (_, splits) => splits.map(secsText),
    grid: { show: false },
    ticks: { stroke: ink.soft, width: 1, size: 4 },
  };
  return [x, { ...common, size: small ? SMALL_LEFT_PX : LEFT_PX, gap: 6, ...plot.axis }];
}

function widthOf(element: HTMLElement): number {
  return Math.max(120, Math.floor(element.clientWidth));
}
