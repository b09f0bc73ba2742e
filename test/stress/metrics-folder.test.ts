import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { prepareFolder } from '../../src/stress/metrics-folder';

let folder = '';
const at = (...names: string[]): string => path.join(folder, ...names);
const now = new Date(2025, 9, 31, 10, 0, 5);

beforeEach(() => void (folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-metrics-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const OURS = [
  ...['machine_1_client_1.json', 'machine_1_client_1.log', 'machine_1_client_22.json', 'machine_1_requests.ndjson'],
  ...['.machine_1_client_3.json.77.1.tmp', 'machine_1_run.json', '.machine_1_run.json.77.1.tmp'],
  'machine_1_generator.ndjson',
];
const OTHERS = ['machine_11_client_1.json', 'machine_2_requests.ndjson', 'machine_1_client_x.json', 'notes.txt'];

it('moves the files of this machine aside, and no others', () => {
  for (const name of [...OURS, ...OTHERS]) writeFileSync(at(name), name);
  expect(prepareFolder(folder, 1, now)).toEqual({ count: 8, folder: at('previous-20251031-100005') });
  expect(readdirSync(at('previous-20251031-100005')).sort()).toEqual([...OURS].sort());
  expect(readFileSync(at('previous-20251031-100005', OURS[0]!), 'utf8')).toBe(OURS[0]);
  expect(readdirSync(folder).sort()).toEqual([...OTHERS, 'previous-20251031-100005'].sort());
  expect(prepareFolder(folder, 1, now)).toBeNull();
});

it('appends a number to a name in use', () => {
  for (const expected of ['', '-2', '-3']) {
    writeFileSync(at('machine_1_requests.ndjson'), 'x');
    expect(prepareFolder(folder, 1, now)?.folder).toBe(at(`previous-20251031-100005${expected}`));
  }
});

it('creates the folder, level by level', () => {
  expect(prepareFolder(at('a', 'b', 'c'), 1, now)).toBeNull();
  expect(readdirSync(at('a', 'b'))).toEqual(['c']);
});

it('a link to a folder is accepted', () => {
  mkdirSync(at('real'));
  symlinkSync(at('real'), at('link'));
  writeFileSync(at('real', 'machine_1_client_1.log'), 'x');
  expect(prepareFolder(at('link'), 1, now)?.count).toBe(1);
});

it.each([
  ['a file', () => at('file')],
  ['below a file', () => at('file', 'x')],
  ['below /proc', () => '/proc/none/such'],
  ['a link to nothing', () => at('dangling')],
  ['too long', () => at('x'.repeat(300))],
])('%s: a one-line error that names it', (_what, target) => {
  writeFileSync(at('file'), '');
  symlinkSync(at('gone'), at('dangling'));
  const expected = {
    code: 'bad_usage',
    message: expect.stringMatching(/^cannot write to [^\n]+: [a-z][^\n]+$/) as string,
  };
  expect(() => prepareFolder(target(), 1, now)).toThrow(expect.objectContaining(expected));
  expect(readdirSync(folder).sort()).toEqual(['dangling', 'file']);
});
