import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ROOT } from '../architecture/import-graph';
import { cli, linesOf } from './capture';

const IMAGES = ['test_images/cover.jpg', 'test_images/large.png', 'test_images/medium.jpg', 'test_images/small.png'];
const CONFIGS = filesIn(path.join(ROOT, 'config')).map((name) => `config/${name}`);
const FILES = [...CONFIGS, ...IMAGES].sort();

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-init-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function filesIn(where: string): string[] {
  const entries = readdirSync(where, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return entries.map((entry) => path.relative(where, path.join(entry.parentPath, entry.name))).sort();
}

it('writes the shipped files, byte for byte, and lists them', async () => {
  const into = path.join(folder, 'new', 'cluster');
  const { code, stdout, stderr } = await cli('init', into);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(filesIn(into)).toEqual(FILES);
  for (const file of FILES) {
    expect(readFileSync(path.join(into, file)).equals(readFileSync(path.join(ROOT, file)))).toBe(true);
    expect(stdout).toContain(path.join(into, file));
  }
  expect(stdout).toContain(`Next: cd ${into}; cloudp2p server`);
});

it('lists them as JSON', async () => {
  const { code, stdout } = await cli('init', folder, '--json');
  expect(code).toBe(0);
  const { written } = JSON.parse(stdout) as { written: { path: string; bytes: number }[] };
  expect(written.map((file) => path.relative(folder, file.path)).sort()).toEqual(FILES);
  expect(written.every(({ bytes }) => bytes > 0)).toBe(true);
});

it('writes nothing if a file exists already, and names it', async () => {
  mkdirSync(path.join(folder, 'config'));
  writeFileSync(path.join(folder, 'config/server2.toml'), 'mine');
  const { code, stdout, stderr } = await cli('init', folder);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(linesOf(stderr)).toEqual([
    `Error: ${path.join(folder, 'config/server2.toml')} already exists`,
    'Error: nothing was written; --force overwrites',
  ]);
  expect(filesIn(folder)).toEqual(['config/server2.toml']);
  expect(readFileSync(path.join(folder, 'config/server2.toml'), 'utf8')).toBe('mine');
});

it('overwrites with --force, and leaves other files alone', async () => {
  mkdirSync(path.join(folder, 'config'));
  writeFileSync(path.join(folder, 'config/server2.toml'), 'mine');
  writeFileSync(path.join(folder, 'config/other.toml'), 'mine');
  expect((await cli('init', folder, '--force')).code).toBe(0);
  expect(filesIn(folder)).toEqual([...FILES, 'config/other.toml'].sort());
  expect(readFileSync(path.join(folder, 'config/server2.toml'), 'utf8')).toContain('[server]');
});

it('reports that the folder is a file', async () => {
  const file = path.join(folder, 'file');
  writeFileSync(file, '');
  const { code, stderr } = await cli('init', file);
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /^Error: cannot write .*client_stress\.toml: the folder [^ ]*\/file cannot be created: the name is in use by something else\n$/,
  );
});

it('leaves no temporary files: a folder in place of a file', async () => {
  mkdirSync(path.join(folder, 'test_images', 'small.png', 'inner'), { recursive: true });
  const { code, stderr } = await cli('init', folder, '--force');
  expect(code).toBe(2);
  expect(stderr).toMatch(/small\.png: is a folder/);
  expect(filesIn(folder).filter((file) => file.endsWith('.tmp'))).toEqual([]);
});

// root may write anywhere
(process.getuid?.() === 0 ? it.skip : it)('reports that the folder is not writable', async () => {
  chmodSync(folder, 0o500);
  const { code, stderr } = await cli('init', folder);
  expect(code).toBe(2);
  expect(stderr).toContain('permission denied');
  expect(existsSync(path.join(folder, 'config'))).toBe(false);
});
