// npm run build: bundles src/ into dist/cloudp2p.cjs, packs it with a Node base into dist/cloudp2p, and runs the result.
// With --bundle-only it stops after the bundle (tests and bin/dev.js use that).
import { build } from 'esbuild';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(fileURLToPath(import.meta.url));
const DIST = path.join(ROOT, 'dist');
// Newer than the build machine's own Node: half the start-up CPU, and inside its support window. See docs/decisions.
const BASE_NODE_VERSION = '24.21.0';

const common = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  absWorkingDir: ROOT,
  logLevel: 'warning',
  // Readable stacks cost nothing at start-up, so nothing is minified.
  supported: { 'dynamic-import': false },
  external: ['typescript', 'ts-node', 'tsx', 'pnpapi'],
  loader: { '.wasm': 'binary' },
};

/** The image worker as a string: inside one executable there is no file that a Worker could load. */
async function workerSource() {
  const result = await build({ ...common, entryPoints: ['src/imaging/image-worker.ts'], write: false });
  return result.outputFiles[0].text;
}

/** What travels inside the executable for `init` and for a start in an empty folder. */
const assetsPlugin = {
  name: 'assets',
  setup(pluginBuild) {
    pluginBuild.onResolve({ filter: /^asset:/ }, ({ path: asset }) => ({
      path: path.join(ROOT, asset.slice('asset:'.length)),
      namespace: 'asset',
    }));
    pluginBuild.onLoad({ filter: /.*/, namespace: 'asset' }, ({ path: file }) => ({
      contents: readFileSync(file),
      loader: file.endsWith('.toml') ? 'text' : 'binary',
      watchFiles: [file],
    }));
  },
};

/** Bundles the program. `extra` goes to esbuild as it is (bin/dev.js, mutation runs and benches use it). */
export async function bundle(outfile = path.join(DIST, 'cloudp2p.cjs'), extra = {}) {
  await build({
    ...common,
    entryPoints: ['src/main.ts'],
    outfile,
    define: { WORKER_SOURCE: JSON.stringify(await workerSource()) },
    plugins: [assetsPlugin],
    ...extra,
  });
  return outfile;
}

/** The Node binary that becomes the executable, from the npm registry: a download that `npm ci` machines can make. */
function baseNode() {
  const name = `node-${process.platform}-${process.arch}`;
  const cache = path.join(ROOT, 'node_modules', '.cache', `${name}-${BASE_NODE_VERSION}`);
  const node = path.join(cache, 'package', 'bin', 'node');
  if (existsSync(node)) return node;
  mkdirSync(cache, { recursive: true });
  const spec = `${name}@${BASE_NODE_VERSION}`;
  const packed = execFileSync('npm', ['pack', '--silent', spec], { cwd: cache, encoding: 'utf8' }).trim();
  execFileSync('tar', ['-xzf', packed], { cwd: cache });
  rmSync(path.join(cache, packed));
  return node;
}

/** Packs the bundle into one executable. pkg swallows failures, so the caller runs the result. */
async function pack(entry, output) {
  const node = baseNode();
  const tmp = path.join(DIST, 'tmp');
  mkdirSync(tmp, { recursive: true });
  // pkg takes `node` from PATH to make the blob; it must be the very version that carries it.
  process.env.PATH = `${path.dirname(node)}${path.delimiter}${path.join(ROOT, 'node_modules', '.bin')}${path.delimiter}${process.env.PATH}`;
  process.env.TMPDIR = tmp;
  const sea = createRequire(import.meta.url)('@yao-pkg/pkg/lib-es5/sea').default;
  const platform = { darwin: 'macos', win32: 'win' }[process.platform] ?? process.platform;
  const target = { nodeRange: `node${BASE_NODE_VERSION}`, platform, arch: process.arch, output };
  await sea(entry, {
    targets: [target],
    nodePath: node,
    signature: true,
    seaConfig: { disableExperimentalSEAWarning: true, useCodeCache: true },
  });
  rmSync(tmp, { recursive: true, force: true });
}

/** A build that does not run is no build: the executable must start alone, without PATH, HOME or a working folder of ours. */
function verify(executable) {
  const wanted = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')).version;
  const said = execFileSync(executable, ['--version'], { env: {}, cwd: '/', encoding: 'utf8' });
  if (!said.includes(wanted)) throw new Error(`${executable} --version said ${JSON.stringify(said)}, expected ${wanted}`);
  return said.trim();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(DIST, { recursive: true });
  const entry = await bundle();
  if (!process.argv.includes('--bundle-only')) {
    const output = path.join(DIST, 'cloudp2p');
    rmSync(output, { force: true });
    await pack(entry, output);
    console.log(`dist/cloudp2p: ${verify(output)}`);
  }
}
