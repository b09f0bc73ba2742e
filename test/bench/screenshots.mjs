// node test/bench/screenshots.mjs final_report.json FOLDER: pictures of the report's page, wide and narrow, light and
// dark.
import { buildSync } from 'esbuild';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { pageParts } from '../../src/report/page/bundle.cjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const outfile = path.join(here, '..', '..', 'dist', 'screenshots.cjs');
const [reportFile, folder] = process.argv.slice(2);
if (folder === undefined) {
  console.error('usage: node test/bench/screenshots.mjs final_report.json FOLDER');
  process.exit(2);
}
const define = { PAGE: JSON.stringify(pageParts()) };
const entryPoints = [path.join(here, 'screenshots.ts')];
buildSync({ entryPoints, bundle: true, platform: 'node', format: 'cjs', outfile, define, logLevel: 'error' });
await createRequire(import.meta.url)(outfile).screenshots(reportFile, folder);
