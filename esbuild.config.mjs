// npm run build: bundles src/ into dist/cloudp2p.cjs, packs it with a Node base into dist/cloudp2p, and runs the result.
// With --bundle-only it stops after the bundle.
import { build } from 'esbuild';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import kernel from './src/imaging/kernel-bytes.cjs';
import { pageParts } from './src/report/page/bundle.cjs';

const ROOT = path.dirname(fileURLToPath(import.meta.url));
const DIST = path.join(ROOT, 'dist');
// Newer than the build machine's own Node: half the start-up CPU, and inside its support window. See docs/decisions.
const BASE_NODE_VERSION = '24.21.0';
/** The pictures that src/assets takes along. */
const PICTURES = ['cover.jpg', 'small.png', 'medium.jpg', 'large.png'].map((name) => `test_images/${name}`);

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
  const result = await build({
    ...common,
    entryPoints: ['src/imaging/image-worker.ts'],
    write: false,
    define: kernel.kernelDefine(),
  });
  return result.outputFiles[0].text;
}

/**
 * `asset:` imports (src/assets): a .toml is its text, a picture a function that returns its bytes. Inside the executable
 * the pictures are assets beside the script: as text in it they would cost 40 ms and 9 MB in every command that could
 * want one.
 */
function assetsPlugin(isForExecutable) {
  const pictureCode = (name) =>
    isForExecutable
      ? `new Uint8Array(require('node:sea').getAsset(${JSON.stringify(name)}))`
      : `Buffer.from('${readFileSync(path.join(ROOT, name), 'base64')}', 'base64')`;
  return {
    name: 'assets',
    setup(pluginBuild) {
      pluginBuild.onResolve({ filter: /^asset:/ }, ({ path: asset }) => ({
        path: asset.slice('asset:'.length),
        namespace: 'asset',
      }));
      pluginBuild.onLoad({ filter: /.*/, namespace: 'asset' }, ({ path: name }) => {
        if (name.endsWith('.toml')) return { contents: readFileSync(path.join(ROOT, name)), loader: 'text' };
        if (!PICTURES.includes(name)) throw new Error(`${name} is not in PICTURES of esbuild.config.mjs`);
        return { contents: `export default () => ${pictureCode(name)};`, loader: 'js' };
      });
    },
  };
}

/** ssh2 does without its compiled parts where they are not there, and inside one executable they cannot be. */
const withoutNatives = {
  name: 'without natives',
  setup(pluginBuild) {
    pluginBuild.onResolve({ filter: /\.node$|^cpu-features$/ }, ({ path: name }) => ({
      path: name,
      namespace: 'native',
    }));
    pluginBuild.onLoad({ filter: /.*/, namespace: 'native' }, ({ path: name }) => ({
      contents: `throw Object.assign(new Error(${JSON.stringify(`no ${name} here`)}), { code: 'MODULE_NOT_FOUND' });`,
      loader: 'js',
    }));
  },
};

/**
 * Bundles the program. `extra` goes to esbuild as it is (tests, mutation runs and benches use it); `isForExecutable`:
 * for `pack`, which adds the pictures.
 */
export async function bundle(outfile = path.join(DIST, 'cloudp2p.cjs'), extra = {}, isForExecutable = false) {
  await build({
    ...common,
    entryPoints: ['src/main.ts'],
    outfile,
    define: {
      ...kernel.kernelDefine(),
      WORKER_SOURCE: JSON.stringify(await workerSource()),
      PAGE: JSON.stringify(pageParts()),
    },
    plugins: [assetsPlugin(isForExecutable), withoutNatives],
    ...extra,
  });
  return outfile;
}

/** The Node binary that becomes the executable, from the npm registry: a download that `npm ci` machines can make. */
export function baseNode() {
  const given = process.env.CLOUDP2P_BASE_NODE;
  if (given) return path.resolve(given);
  const name = `node-${process.platform}-${process.arch}`;
  const spec = `${name}@${BASE_NODE_VERSION}`;
  const cache = path.join(ROOT, 'node_modules', '.cache', `${name}-${BASE_NODE_VERSION}`);
  const node = path.join('package', 'bin', 'node');
  if (existsSync(path.join(cache, node))) return path.join(cache, node);
  const download = `${cache}.${process.pid}`;
  mkdirSync(download, { recursive: true });
  try {
    const packed = execFileSync('npm', ['pack', '--loglevel=error', spec], { cwd: download, encoding: 'utf8' }).trim();
    execFileSync('tar', ['-xzf', packed, node], { cwd: download });
    rmSync(path.join(download, packed));
    // Moved when it is whole, so that an interrupted download is no cache.
    if (!existsSync(cache)) renameSync(download, cache);
  } catch (error) {
    const hint = 'set CLOUDP2P_BASE_NODE to the path of a Node binary (20.15 or newer) to build on that one';
    throw new Error(
      `cannot get ${spec} with npm pack, the base of the executable: ${error.message.split('\n')[0]}; ${hint}`,
    );
  } finally {
    rmSync(download, { recursive: true, force: true });
  }
  return path.join(cache, node);
}

/** Packs the program into one executable. pkg swallows failures, so the caller runs the result. */
async function pack(output) {
  const node = baseNode();
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim().slice(1);
  const tmp = path.join(DIST, 'tmp');
  mkdirSync(tmp, { recursive: true });
  const entry = await bundle(path.join(tmp, 'cloudp2p.cjs'), {}, true);
  // pkg takes `node` from PATH to make the blob; it must be the very version that carries it.
  process.env.PATH = `${path.dirname(node)}${path.delimiter}${path.join(ROOT, 'node_modules', '.bin')}${path.delimiter}${process.env.PATH}`;
  const { TMPDIR: before = tmpdir() } = process.env;
  process.env.TMPDIR = tmp;
  const sea = createRequire(import.meta.url)('@yao-pkg/pkg/lib-es5/sea').default;
  const platform = { darwin: 'macos', win32: 'win' }[process.platform] ?? process.platform;
  await sea(entry, {
    targets: [{ nodeRange: `node${version}`, platform, arch: process.arch, output }],
    nodePath: node,
    signature: true,
    seaConfig: {
      disableExperimentalSEAWarning: true,
      useCodeCache: true,
      // No debugger for whoever sends SIGUSR1, and NODE_OPTIONS is for other programs.
      execArgv: ['--disable-sigusr1'],
      execArgvExtension: 'none',
      assets: Object.fromEntries(PICTURES.map((name) => [name, path.join(ROOT, name)])),
    },
  });
  process.env.TMPDIR = before;
  rmSync(tmp, { recursive: true, force: true });
}

/** A build that does not run is no build: the executable must work alone, in an empty folder and environment. */
function verify(executable) {
  const folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-build-'));
  const run = (...args) => execFileSync(executable, args, { env: {}, cwd: folder, encoding: 'utf8' });
  try {
    const wanted = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')).version;
    const said = run('--version').trim();
    if (!said.includes(`/${wanted} `)) throw new Error(`${executable} --version said "${said}", expected ${wanted}`);
    const { written } = JSON.parse(run('init', '--json'));
    for (const { path: name } of written) {
      const isSame = readFileSync(path.join(folder, name)).equals(readFileSync(path.join(ROOT, name)));
      if (!isSame) throw new Error(`${executable} init wrote a wrong ${name}`);
    }
    return said;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main() {
  mkdirSync(DIST, { recursive: true });
  await bundle();
  if (process.argv.includes('--bundle-only')) return;
  // Renamed when it is proven: what an interrupted build leaves must not look like the program.
  const made = path.join(DIST, 'cloudp2p.unverified');
  rmSync(made, { force: true });
  await pack(made);
  const said = verify(made);
  renameSync(made, path.join(DIST, 'cloudp2p'));
  console.log(`dist/cloudp2p: ${said}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main().catch((error) => {
    console.error(`Error: the build failed: ${error.message}`);
    process.exitCode = 1;
  });
}
