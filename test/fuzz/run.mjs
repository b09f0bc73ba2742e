// npm run fuzz -- --secs 3600 [--seed N]: bundles the fuzzer (it is TypeScript) and runs it against dist/cloudp2p;
// passes its arguments to main.ts.
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import kernel from '../../src/imaging/kernel-bytes.cjs';
import { baseNode } from '../../esbuild.config.mjs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
// Two folders deep, as test/support expects.
const outfile = path.join(here, '..', '..', 'dist', 'fuzz', 'main.cjs');
const options = { bundle: true, platform: 'node', format: 'cjs', target: 'node20', sourcemap: 'inline' };
const define = kernel.kernelDefine();
await build({ ...options, entryPoints: [path.join(here, 'main.ts')], outfile, define, logLevel: 'error' });
// On the Node that the product carries, not on the one that builds it.
const { status } = spawnSync(baseNode(), ['--enable-source-maps', outfile, ...process.argv.slice(2)], {
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
