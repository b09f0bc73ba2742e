// jest's console adds a stack trace to every line and hides output from capture helpers.
globalThis.console = require('node:console');
// Every test file loads oclif again in the same worker, which listens for errors of stdout every time.
process.stdout.setMaxListeners(0);
// As esbuild.config.mjs puts it into the program; made only for tests that render a page.
let page;
Object.defineProperty(globalThis, 'PAGE', {
  get: () => (page ??= require('../src/report/page/bundle.cjs').pageParts()),
});
// Assembled once: jest caches it.
Object.defineProperty(globalThis, 'KERNEL', { get: () => require('../src/imaging/kernel.wat') });
