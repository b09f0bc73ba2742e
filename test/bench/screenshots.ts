import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { renderHtml } from '../../src/report/render/html';
import type { Report } from '../../src/report/report';
import { Chromium, findChromium } from '../support/chromium';

/** The part that is seen without much scrolling: the verdict, the figures and the charts. */
const VIEWS = {
  'report-wide-light': { widthPx: 1400, heightPx: 1640 },
  'report-wide-dark': { widthPx: 1400, heightPx: 1640, dark: true },
  'report-narrow-light': { widthPx: 400, heightPx: 2000 },
  'report-narrow-dark': { widthPx: 400, heightPx: 2000, dark: true },
};

/** Takes pictures of the page of a final_report.json, as PNG files in a folder. */
export async function screenshots(reportFile: string, folder: string): Promise<void> {
  const program = findChromium();
  if (program === null) throw new Error('there is no chromium to take pictures with');
  const work = mkdtempSync(path.join(tmpdir(), 'cloudp2p-screenshots-'));
  const browser = await Chromium.start(program);
  try {
    const page = path.join(work, 'final_report.html');
    writeFileSync(page, renderHtml(JSON.parse(readFileSync(reportFile, 'utf8')) as Report));
    mkdirSync(folder, { recursive: true });
    for (const [name, view] of Object.entries(VIEWS)) {
      const tab = await browser.open(pathToFileURL(page).href, view);
      const file = path.join(folder, `${name}.png`);
      writeFileSync(file, await tab.screenshot({ x: 0, y: 0, width: view.widthPx, height: view.heightPx }));
      console.log(file);
    }
  } finally {
    await browser.close();
    rmSync(work, { recursive: true, force: true });
  }
}
