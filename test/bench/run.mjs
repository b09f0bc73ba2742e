// npm run bench [-- [--old FILE] imaging|events|report|compare|felt|requests|stress-memory|election]: measures the built program; medians, ratios.
// npm run bench -- [--old FILE] overload [SECS [CLIENTS …]]: goodput and fairness where more is asked than can be done.
// npm run bench -- runs [COUNT] [FOLDER]: default runs: what each proved, and its faults beside its raw records.
// npm run bench:faults [-- kill|...|overload|watchdog|ring]: writes the effects of each fault into docs/fault-table.md (root).
// npm run bench:hostile [-- --old FILE] [1 2 …]: measures the cost of the attacks in docs/security.md.
// Never part of the tests: machines are noisy, so compare figures only within one run.
import { build } from 'esbuild';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import kernel from '../../src/imaging/kernel-bytes.cjs';
import { baseNode } from '../../esbuild.config.mjs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.join(here, '..', '..');
const program = path.join(root, 'dist', 'cloudp2p');
const wanted = process.argv.slice(2);

if (!existsSync(program)) execFileSync('npm', ['run', 'build'], { cwd: root, stdio: 'inherit' });

const common = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  loader: { '.wasm': 'binary' },
  define: kernel.kernelDefine(),
};
const worker = await build({
  ...common,
  entryPoints: [path.join(root, 'src/imaging/image-worker.ts')],
  write: false,
  logOverride: { 'empty-import-meta': 'silent' },
});
const define = { ...common.define, WORKER_SOURCE: JSON.stringify(worker.outputFiles[0].text) };
// Two folders deep, as test/support expects.
const outfile = path.join(root, 'dist', 'bench', 'main.cjs');
await build({ ...common, entryPoints: [path.join(here, 'main.ts')], outfile, define, logLevel: 'error' });
// The clients run on the Node that the product includes, not on the one that builds it.
const code = `require(process.argv[1]).main(process.argv[2], process.argv.slice(3))`;
execFileSync(baseNode(), ['-e', code, outfile, program, ...wanted], { cwd: root, stdio: 'inherit' });
