/** The page of a comparison in a real browser. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { compare } from '../../src/report/compare/compare';
import type { Compared } from '../../src/report/compare/comparison';
import { renderCompareHtml } from '../../src/report/compare/html';
import { sampleRun } from '../report/compare/simulate';
import { Chromium, findChromium, type Tab, type View } from '../support/chromium';
import { inFolder } from '../support/program';

const program = findChromium();
if (program === null) console.log('skipped: the page of a comparison in a browser, because there is no chromium');
const inBrowser = program === null ? describe.skip : describe;

const HOSTILE = '</style></script><script>alert(1)</script><img src="http://127.0.0.1:9/x" onerror="alert(2)">';

/** For each chart, the number of runs whose colour it has. */
const COLOURS_DRAWN = `[...document.querySelectorAll('.chart canvas')].map((canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const has = (r, g, b) => data.some((_, at) => at % 4 === 0 && data[at] === r && data[at + 1] === g && data[at + 2] === b);
  return [has(0x00, 0x72, 0xb2), has(0xb3, 0x4d, 0x00)].filter(Boolean).length;
})`;

/** Long and hostile names wherever a report has names. */
function hostileRun(): Compared {
  const facts = { version: '1', node_version: '1', host: 'h'.repeat(200), cores: 1, seed: 1 };
  return {
    ...sampleRun(1.3),
    run: undefined,
    loads: [{ ...facts, config: { [HOSTILE]: HOSTILE, address: 'a'.repeat(300) } }],
    images: [{ image: HOSTILE }],
    generators: [{ machine_id: 1, saturated: true, why: HOSTILE }],
  };
}

inBrowser('the comparison page', () => {
  let browser: Chromium;
  beforeAll(async () => (browser = await Chromium.start(program!)), 60_000);
  afterAll(() => browser?.close());

  const show = (view: View, look: (tab: Tab) => Promise<void>): Promise<void> =>
    inFolder(async (folder) => {
      const [a, b] = [{ ...sampleRun(), run: undefined }, hostileRun()];
      const file = path.join(folder, 'change.html');
      const comparison = compare({ name: 'runs/a', report: a }, { name: `runs/${'b'.repeat(150)}`, report: b });
      writeFileSync(file, renderCompareHtml(comparison, { a, b }));
      const tab = await browser.open(pathToFileURL(file).href, view);
      await look(tab);
      expect({ errors: tab.errors, requests: tab.requests, dialogs: tab.dialogs }).toEqual({
        errors: [],
        requests: [],
        dialogs: [],
      });
    });

  test.each([400, 1400])('is no wider than %i pixels, whatever it shows', (widthPx) =>
    show({ widthPx }, async (tab) => {
      expect(await tab.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(widthPx);
      // Both charts exist, each with the curves of both runs.
      expect(await tab.evaluate(`document.querySelectorAll('.chart canvas').length`)).toBe(2);
      expect(await tab.evaluate(COLOURS_DRAWN)).toEqual([2, 2]);
    }),
  );

  test('shows names from outside as text', () =>
    show({ widthPx: 1400 }, async (tab) => {
      expect(await tab.evaluate('document.images.length')).toBe(0);
      expect(await tab.evaluate('document.body.innerText')).toContain('<script>alert(1)</script>');
    }));

  test('is dark where that is preferred, and light again by the button', () =>
    show({ widthPx: 1400, dark: true }, async (tab) => {
      const paper = 'getComputedStyle(document.body).backgroundColor';
      expect(await tab.evaluate(paper)).toBe('rgb(20, 22, 26)');
      await tab.evaluate(`document.getElementById('theme').click()`);
      expect(await tab.evaluate(paper)).toBe('rgb(255, 255, 255)');
    }));

  test('prints all of it on white', () =>
    show({ widthPx: 1400, dark: true, print: true }, async (tab) => {
      expect(await tab.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(255, 255, 255)');
      expect((await tab.pdf()).length).toBeGreaterThan(10_000);
    }));
});
