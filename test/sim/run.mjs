// Bundles the simulator (it is TypeScript) and runs it; passes its arguments to main.ts.
import { build } from 'esbuild';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import kernel from '../../src/imaging/kernel-bytes.cjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const outfile = path.join(here, '..', '..', 'dist', 'sim.cjs');
const options = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  sourcemap: 'inline',
  define: kernel.kernelDefine(),
};
await build({ ...options, entryPoints: [path.join(here, 'main.ts')], outfile });
process.setSourceMapsEnabled(true);
await import(outfile);
