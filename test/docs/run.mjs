// npm run docs: writes docs/configuration.md and config/schema from the tables of settings and the commands.
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '../../esbuild.config.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const outfile = path.join(here, '..', '..', 'dist', 'docs', 'main.cjs');
await bundle(outfile, { entryPoints: [path.join(here, 'main.ts')] });
createRequire(import.meta.url)(outfile).main(path.join(here, '..', '..'));
