#!/usr/bin/env node
// Bundles the sources as they are now, and runs the result.
const path = require('node:path');

async function main() {
  const { bundle } = await import('../esbuild.config.mjs');
  const outfile = path.join(__dirname, '..', 'dist', 'dev.cjs');
  await bundle(outfile, { sourcemap: 'inline' });
  process.setSourceMapsEnabled(true);
  require(outfile);
}

void main();
