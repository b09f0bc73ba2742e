import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { livingStart, ownKernelStart } from '../../src/files/kernel-start';
import { PidFile } from '../../src/server/pid-file';

const OWN = { pid: process.pid, kernel_start: ownKernelStart(), server_id: 1 };
let folder: string;
let file: string;
let other: ChildProcess;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-pid-'));
  file = path.join(folder, 'server_1.pid');
  other = spawn('sleep', ['60']);
  await new Promise((resolve) => other.once('spawn', resolve));
});

afterEach(() => {
  other.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

const write = (content: unknown): void => writeFileSync(file, JSON.stringify(content));
const ofOther = () => ({ pid: other.pid!, kernel_start: livingStart(other.pid!), server_id: 7 });

it('does not take the pid file of a running process', async () => {
  write(ofOther());
  const message = `server.pid_file: ${file} belongs to the running server 7, pid ${other.pid}: expected a file of its own`;
  await expect(PidFile.refuseTaken(file)).rejects.toMatchObject({ code: 'bad_config', message });
});

it('nor one whose process came between check and write', async () => {
  await PidFile.refuseTaken(file);
  const own = await PidFile.prepare(file, OWN);
  write(ofOther());
  await expect(own.publish()).rejects.toMatchObject({ code: 'bad_config' });
  own.remove();
  expect(readdirSync(folder)).toEqual(['server_1.pid']);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(ofOther());
});

it('waits for a process that is being killed', async () => {
  write(ofOther());
  const taken = PidFile.refuseTaken(file);
  other.kill('SIGKILL');
  await expect(taken).resolves.toBeUndefined();
});

it.each([
  ['another start of that number', () => ({ ...ofOther(), kernel_start: 'another boot/1' })],
  ['no start', () => ({ ...ofOther(), kernel_start: null })],
  ['this process', () => OWN],
  ['no process', () => ({ ...ofOther(), pid: 4194305 })],
  ['a number alone', () => other.pid],
  ['hostile numbers', () => ({ ...ofOther(), pid: -1 })],
])('takes the pid file of %s', async (_, content) => {
  write(content());
  await PidFile.refuseTaken(file);
  await (await PidFile.prepare(file, OWN)).publish();
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(OWN);
});

it('removes only its own in the end', async () => {
  const own = await PidFile.prepare(file, OWN);
  await own.publish();
  // In another container the number may be the same.
  write({ ...OWN, kernel_start: 'another boot/1' });
  own.remove();
  expect(existsSync(file)).toBe(true);
  const again = await PidFile.prepare(file, OWN);
  await again.publish();
  again.remove();
  expect(existsSync(file)).toBe(false);
});
