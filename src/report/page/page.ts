/** The script of a report's page: draws its charts and switches the theme. Everything else works without it. */
import type uPlot from 'uplot';
import type { ChartData, SampleRow } from '../render/html/chart-types';
import { drawCurve } from './curve';
import { leadershipPlot } from './leadership-chart';
import { GENERATOR_PANELS, panelPlot, panelRow, SERVER_PANELS } from './panels';
import { latencyPlot, stackPlot } from './plots';
import { inkNow, setPrinting, themeNow } from './theme';
import { TimeAxis } from './time-axis';

/** Draws a chart into its placeholder in the page. */
type Draw = (place: HTMLElement) => void;

class Page {
  private readonly axis: TimeAxis;
  private curve: uPlot | null = null;
  private widthPx = 0;

  constructor(private readonly data: ChartData) {
    this.axis = new TimeAxis(data.endSecs, data.faults);
    const reset = document.getElementById('reset') as HTMLButtonElement | null;
    this.axis.onZoom = (isZoomed) => reset && (reset.disabled = !isZoomed);
    reset?.addEventListener('click', () => this.axis.reset());
  }

  /** Redraws everything in the current colours. */
  draw(): void {
    this.axis.clear();
    this.curve?.destroy();
    const draws = this.draws();
    for (const place of document.querySelectorAll<HTMLElement>('[data-chart]')) draws[place.dataset['chart']!]?.(place);
    this.widthPx = document.body.clientWidth;
  }

  resize(): void {
    if (document.body.clientWidth === this.widthPx) return;
    this.widthPx = document.body.clientWidth;
    this.axis.resize();
    const holder = this.curve?.root.parentElement;
    if (holder) this.curve!.setSize({ width: holder.clientWidth, height: this.curve!.height });
  }

  private draws(): Record<string, Draw> {
    const { latency, windows, leadership, servers, generators, curve } = this.data;
    const ink = inkNow();
    const rows = (place: HTMLElement, all: readonly SampleRow[], panels: typeof SERVER_PANELS): void => {
      const made = all.map((row) => ({ row, ...panelRow(row, panels) }));
      // Added to the page first: a detached element has no width.
      place.replaceChildren(...made.map(({ root }) => root));
      for (const { row, places } of made) {
        panels.forEach((panel, at) => this.axis.mount(places[at]!, panelPlot(panel, row, all, ink), ink));
      }
    };
    return {
      ...(latency && { latency: (place) => this.axis.mount(place, latencyPlot(latency, ink), ink) }),
      ...(windows && {
        throughput: (place) => this.axis.mount(place, stackPlot(windows, windows.servers, '/s', ink), ink),
        failures: (place) => this.axis.mount(place, stackPlot(windows, windows.reasons, '', ink), ink),
      }),
      ...(leadership && {
        leaders: (place) => this.axis.mount(place, leadershipPlot(leadership, this.data, ink), ink),
      }),
      servers: (place) => rows(place, servers, SERVER_PANELS),
      generators: (place) => rows(place, generators, GENERATOR_PANELS),
      ...(curve && { curve: (place) => void (this.curve = drawCurve(place, curve, ink)) }),
    };
  }
}

function start(): void {
  document.documentElement.classList.add('script');
  const data = document.getElementById('data');
  const page = data && new Page(JSON.parse(data.textContent ?? '') as ChartData);
  page?.draw();
  const toggle = document.getElementById('theme');
  toggle?.addEventListener('click', () => {
    document.documentElement.dataset['theme'] = themeNow() === 'dark' ? 'light' : 'dark';
    page?.draw();
  });
  if (page === null) return;
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => page.draw());
  addEventListener('resize', () => page.resize());
  for (const [event, isPrinting] of [
    ['beforeprint', true],
    ['afterprint', false],
  ] as const) {
    addEventListener(event, () => {
      setPrinting(isPrinting);
      document.documentElement.classList.toggle('printing', isPrinting);
      page.draw();
    });
  }
}

start();
