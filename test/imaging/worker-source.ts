import { buildSync } from 'esbuild';
import { createRequire } from 'node:module';
import { join } from 'node:path';

declare const KERNEL: string;

/** Bundles a module of src/imaging as the product's build does: CommonJS, the JPEG decoder's WebAssembly inlined. */
export function bundle(name: string): string {
  const { outputFiles } = buildSync({
    entryPoints: [join(__dirname, '../../src/imaging', name)],
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    loader: { '.wasm': 'binary' },
    define: { KERNEL: JSON.stringify(KERNEL) },
    logLevel: 'error',
    logOverride: { 'empty-import-meta': 'silent' },
  });
  return outputFiles[0]!.text;
}

/** The worker's source, as the product has it in WORKER_SOURCE. */
export function workerSource(): string {
  return bundle('image-worker.ts');
}

/** A bundled module's exports: for modules that jest cannot import because of the WebAssembly in them. */
export function importBundled<T>(name: string): T {
  const module = { exports: {} };
  new Function('module', 'exports', 'require', bundle(name))(module, module.exports, createRequire(__filename));
  return module.exports as T;
}
