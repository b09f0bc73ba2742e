/** The report's page in a real browser. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { renderHtml } from '../../src/report/render/html';
import type { Report } from '../../src/report/report';
import { sampleReport } from '../report/render/sample';
import { Chromium, findChromium, type Tab, type View } from '../support/chromium';
import { inFolder } from '../support/program';

const program = findChromium();
if (program === null) console.log('skipped: the page in a browser, because there is no chromium');
const inBrowser = program === null ? describe.skip : describe;

const REASONS = Array.from(
  { length: 40 },
  (_, at) => `Server error: reason ${at} ${'that goes on and on '.repeat(at % 7)}`,
);
const LONG_HOST = `user@${'a-very-long-host-name.'.repeat(5)}example.com`;

/** A report with twenty servers, forty reasons and names of maximum length. */
function manyReport(): Report {
  const report = sampleReport({ servers: 20, secs: 120, reasons: REASONS });
  return {
    ...report,
    clocks: [{ machine: LONG_HOST, offset_ms: 3, uncertainty_ms: 1 }],
    loads: report.loads.map((load) => ({ ...load, host: LONG_HOST.replaceAll('-', ''), run_id: 'r'.repeat(100) })),
    runs: report.runs.map((run) => ({ ...run, run_id: 'r'.repeat(100) })),
    inputs: { ...report.inputs, missing: [`${LONG_HOST.replaceAll('-', '')}: no route to host`] },
  };
}

inBrowser('the page', () => {
  let browser: Chromium;
  beforeAll(async () => (browser = await Chromium.start(program!)), 60_000);
  afterAll(() => browser?.close());

  const show = (report: Report, view: View, look: (tab: Tab) => Promise<void>): Promise<void> =>
    inFolder(async (folder) => {
      const file = path.join(folder, 'final_report.html');
      writeFileSync(file, renderHtml(report));
      const tab = await browser.open(pathToFileURL(file).href, view);
      await look(tab);
      expect({ errors: tab.errors, requests: tab.requests, dialogs: tab.dialogs }).toEqual({
        errors: [],
        requests: [],
        dialogs: [],
      });
    });

  /** The middle of a chart's plot, in the viewport, and its width. */
  const plotOf = (tab: Tab, name: string): Promise<{ left: number; top: number; width: number }> =>
    tab.evaluate(`(() => {
      const over = document.querySelector('[data-chart=${name}] .u-over');
      over.scrollIntoView({ block: 'center' });
      const { left, top, width, height } = over.getBoundingClientRect();
      return { left, top: top + height / 2, width };
    })()`);
  /** The text of a chart's legend. */
  const saidBy = (tab: Tab, name: string): Promise<string> =>
    tab.evaluate(`document.querySelector('[data-chart=${name}] .legend').innerText.replace(/\\s+/g, ' ').trim()`);
  /** The number of drawn pixels of each canvas; 0 if it is blank. */
  const inkOf = (tab: Tab): Promise<number[]> =>
    tab.evaluate(`[...document.querySelectorAll('canvas')].map((canvas) => {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return data.filter((value, at) => at % 4 === 3 && value > 0).length;
    })`);
  const widths = (tab: Tab): Promise<number> => tab.evaluate('document.documentElement.scrollWidth');

  it('draws every chart', async () => {
    await show(sampleReport(), { widthPx: 1400 }, async (tab) => {
      const ink = await inkOf(tab);
      // Four on the time axis, four panels per server, three of the generator, the curve.
      expect(ink).toHaveLength(4 + 3 * 4 + 3 + 1);
      expect(Math.min(...ink)).toBeGreaterThan(500);
      expect(await widths(tab)).toBe(1400);
    });
  }, 60_000);

  it.each([360, 1280])(
    'breaks no word of a tile, %i pixels wide',
    async (widthPx) => {
      const report = sampleReport();
      const { all_stats: stats } = report;
      const unknown: Report = {
        ...report,
        total_requests: 12_345_678,
        failed_requests: 1_234_567,
        undecided_requests: 1000,
        missing_records: 1000,
        never_sent_requests: 1000,
        goodput_per_s: null,
        all_stats: { ...stats, median_ms: null, p95_ms: null, p99_ms: null, p99_9_ms: null },
        balance: { ...report.balance, total_max_over_mean: null },
        faults: report.faults!.map((fault) => ({ ...fault, felt_ms: null })),
      };
      const broken = `[...document.querySelectorAll('.tile dt, .tile dd')].flatMap((each) => {
      const walker = document.createTreeWalker(each, NodeFilter.SHOW_TEXT);
      const found = [];
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        for (const { 0: word, index } of node.data.matchAll(/\\S+/g)) {
          const range = document.createRange();
          range.setStart(node, index);
          range.setEnd(node, index + word.length);
          if (range.getClientRects().length > 1) found.push(word);
        }
      }
      return found;
    })`;
      for (const each of [unknown, report]) {
        await show(each, { widthPx }, async (tab) => {
          expect(await tab.evaluate(broken)).toEqual([]);
          expect(await widths(tab)).toBe(widthPx);
        });
      }
    },
    60_000,
  );

  it('shows names from outside as text', async () => {
    const evil = `<script>alert(1)</script></script>"><img src=x onerror=alert(1)>`;
    const report = sampleReport({ reasons: [evil] });
    const named: Report = {
      ...report,
      images: report.images.map((share) => ({ ...share, image: evil })),
      clocks: [{ machine: evil, offset_ms: 1, uncertainty_ms: 1 }],
      loads: report.loads.map((load) => ({ ...load, host: evil, command_line: [evil] })),
      self_check: [evil],
    };
    await show(named, { widthPx: 1400 }, async (tab) => {
      expect(await tab.evaluate(`document.querySelectorAll('img, iframe, object, [onerror]').length`)).toBe(0);
      expect(await tab.evaluate(`document.querySelectorAll('script').length`)).toBe(2);
      expect(await tab.evaluate(`document.querySelector('.notes li').textContent.trim()`)).toBe(evil);
      expect(await saidBy(tab, 'failures')).toContain(evil);
      expect(await tab.evaluate(`document.querySelector('#failures tbody th').textContent`)).toBe(evil);
    });
  }, 60_000);

  it('shows the values at the cursor in all charts', async () => {
    await show(sampleReport(), { widthPx: 1400 }, async (tab) => {
      const report = sampleReport();
      const { left, top, width } = await plotOf(tab, 'throughput');
      await tab.mouse('mouseMoved', left + (width * 42.5) / 60, top);
      expect(await saidBy(tab, 'throughput')).toContain('42 s to 43 s');
      const [one, two] = report.timeline!.by_server.map(({ requests }) => requests[42]);
      expect(await saidBy(tab, 'throughput')).toContain(`server 1 ${one}/s server 2 ${two}/s server 3 0/s`);
      expect(await saidBy(tab, 'latency')).toMatch(/^p50 40\.6 ms p95 318 ms p99 1\.09 s max 1\.5\d s 42 s to 43 s$/);
      expect(await saidBy(tab, 'leaders')).toMatch(/leader – no leader now several leaders – 42\.\d+ s/);
      await tab.mouse('mouseMoved', left + (width * 30.5) / 60, top);
      expect(await saidBy(tab, 'leaders')).toContain('leader server 3, term 2 no leader –');
      expect(await tab.evaluate(`document.querySelector('.panels .legend').innerText`)).toMatch(/CPU\s+\d+(\.\d)? %/);
      await tab.mouse('mouseMoved', left - 50, top - 400);
      expect(await saidBy(tab, 'latency')).toBe('p50 p95 p99 max');
    });
  }, 60_000);

  it('zooms all charts together, and back', async () => {
    await show(sampleReport(), { widthPx: 1400 }, async (tab) => {
      const before = await inkOf(tab);
      const isWhole = (): Promise<boolean> => tab.evaluate(`document.getElementById('reset').disabled`);
      expect(await isWhole()).toBe(true);
      const { left, top, width } = await plotOf(tab, 'latency');
      await tab.mouse('mouseMoved', left + width / 3, top);
      await tab.mouse('mousePressed', left + width / 3, top);
      await tab.mouse('mouseMoved', left + width / 2, top);
      await tab.mouse('mouseReleased', left + width / 2, top);
      expect(await isWhole()).toBe(false);
      // The left edge of another chart is at 20 s now, its right edge at 30 s.
      const other = await plotOf(tab, 'leaders');
      const timeAt = async (x: number): Promise<number> => {
        await tab.mouse('mouseMoved', x, other.top);
        return Number(/([\d.]+) s$/.exec(await saidBy(tab, 'leaders'))![1]);
      };
      expect(await timeAt(other.left + 1)).toBeCloseTo(20, 0);
      expect(await timeAt(other.left + other.width - 1)).toBeCloseTo(30, 0);
      await tab.mouse('mousePressed', other.left + 300, other.top, 1);
      await tab.mouse('mouseReleased', other.left + 300, other.top, 1);
      await tab.mouse('mousePressed', other.left + 300, other.top, 2);
      await tab.mouse('mouseReleased', other.left + 300, other.top, 2);
      expect(await isWhole()).toBe(true);
      expect(await timeAt(other.left + other.width - 1)).toBeCloseTo(60, 0);
      expect(await inkOf(tab)).toEqual(before);
    });
  }, 60_000);

  it('can be used by keyboard', async () => {
    await show(sampleReport(), { widthPx: 1400 }, async (tab) => {
      await tab.evaluate(`document.querySelector('[data-chart=latency] [tabindex]').focus()`);
      await tab.key('ArrowRight');
      expect(await saidBy(tab, 'throughput')).toContain('31 s to 32 s');
      await tab.key('+');
      expect(await tab.evaluate(`document.getElementById('reset').disabled`)).toBe(false);
      await tab.key('Escape');
      expect(await tab.evaluate(`document.getElementById('reset').disabled`)).toBe(true);
    });
  }, 60_000);

  it.each([
    ['an ordinary run', sampleReport],
    ['many servers, reasons and long names', manyReport],
  ])(
    'fits into 400 pixels: %s',
    async (_, report) => {
      await show(report(), { widthPx: 400 }, async (tab) => {
        expect(await widths(tab)).toBe(400);
        expect(Math.min(...(await inkOf(tab)))).toBeGreaterThan(200);
      });
      await show(report(), { widthPx: 1400 }, async (tab) => expect(await widths(tab)).toBe(1400));
    },
    120_000,
  );

  it('is dark where that is preferred, and light again by the button', async () => {
    const paper = 'getComputedStyle(document.body).backgroundColor';
    await show(sampleReport(), { widthPx: 1400, dark: true }, async (tab) => {
      expect(await tab.evaluate(paper)).toBe('rgb(20, 22, 26)');
      await tab.evaluate(`document.getElementById('theme').click()`);
      expect(await tab.evaluate(paper)).toBe('rgb(255, 255, 255)');
      expect(Math.min(...(await inkOf(tab)))).toBeGreaterThan(500);
    });
    await show(sampleReport(), { widthPx: 1400 }, async (tab) => {
      expect(await tab.evaluate(paper)).toBe('rgb(255, 255, 255)');
    });
  }, 60_000);

  it('prints black on white with its charts, without on-screen controls', async () => {
    await show(sampleReport(), { widthPx: 703, dark: true, print: true }, async (tab) => {
      await tab.evaluate(`dispatchEvent(new Event('beforeprint'))`);
      const colours = `(({ backgroundColor, color }) => [backgroundColor, color])(getComputedStyle(document.body))`;
      expect(await tab.evaluate(colours)).toEqual(['rgb(255, 255, 255)', 'rgb(26, 28, 32)']);
      expect(await tab.evaluate(`getComputedStyle(document.querySelector('button')).display`)).toBe('none');
      expect(await widths(tab)).toBe(703);
      expect(Math.min(...(await inkOf(tab)))).toBeGreaterThan(500);
    });
  }, 60_000);

  it('draws its charts for paper, and again for the screen', async () => {
    await show(sampleReport(), { widthPx: 1400, dark: true }, async (tab) => {
      const width = `document.querySelector('canvas').width`;
      const before = await tab.evaluate(width);
      await tab.evaluate(`addEventListener('beforeprint', () => (window.printedPx = ${width}), { once: true })`);
      const pdf = await tab.pdf();
      expect(await tab.evaluate('printedPx')).toBe(680);
      expect(await tab.evaluate(width)).toBe(before);
      await tab.evaluate(`document.querySelectorAll('[data-chart]').forEach((place) => place.remove())`);
      // Charts are vector graphics, not images; without them it is much shorter.
      expect(pdf.length - (await tab.pdf()).length).toBeGreaterThan(50_000);
      expect(pdf.includes('/Subtype /Image')).toBe(false);
    });
  }, 60_000);
});
