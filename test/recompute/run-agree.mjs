// Bundles the comparison (it is TypeScript) and runs it; passes its arguments to agree-main.ts.
import { build } from 'esbuild';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const outfile = path.join(here, '..', '..', 'dist', 'agree.cjs');
const options = { bundle: true, platform: 'node', format: 'cjs', target: 'node20', external: ['node-ssh', 'ssh2'] };
await build({ ...options, entryPoints: [path.join(here, 'agree-main.ts')], outfile, logLevel: 'error' });
process.setSourceMapsEnabled(true);
await import(outfile);
