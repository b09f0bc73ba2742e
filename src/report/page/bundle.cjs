// Builds the script (with the charts in it) and the style that every page of a report contains, as texts. The build puts
// them into the program as PAGE; the tests take them from here.
const { buildSync } = require('esbuild');
const path = require('node:path');
const { version } = require('uplot/package.json');

const NOTICE = `/*! With uPlot ${version}, Copyright (c) Leon Sorokin, MIT License */`;

function textOf(entry, more) {
  const { outputFiles } = buildSync({
    entryPoints: [path.join(__dirname, entry)],
    bundle: true,
    minify: true,
    write: false,
    legalComments: 'none',
    logLevel: 'warning',
    ...more,
  });
  return outputFiles[0].text;
}

/** Equal sources give equal texts. */
exports.pageParts = () => ({
  script: textOf('page.ts', { format: 'iife', target: 'es2022', banner: { js: NOTICE } }),
  style: textOf('page.css', {}),
});
