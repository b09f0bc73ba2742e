// jest's console adds a stack to every line and hides output from capture helpers.
globalThis.console = require('node:console');
// Every test file loads oclif anew in the same worker, and each time it listens for errors of stdout.
process.stdout.setMaxListeners(0);
// As esbuild.config.mjs puts it into the program; made only for tests that write a page.
let page;
Object.defineProperty(globalThis, 'PAGE', {
  get: () => (page ??= require('../src/report/page/bundle.cjs').pageParts()),
});
// Assembled once: jest caches it.
Object.defineProperty(globalThis, 'KERNEL', { get: () => require('../src/imaging/kernel.wat') });
