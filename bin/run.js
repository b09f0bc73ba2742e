#!/usr/bin/env node
// Runs the bundle that `npm run bundle` or `npm run build` made.
const { existsSync } = require('node:fs');
const path = require('node:path');

const bundle = path.join(__dirname, '..', 'dist', 'cloudp2p.cjs');
if (existsSync(bundle)) {
  require(bundle);
} else {
  console.error('Error: cloudp2p is not built yet: run "npm run build" first (or use bin/dev.js)');
  process.exitCode = 1;
}
