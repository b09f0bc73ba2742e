import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { checkTarget, goesToStdout, isSamePlace, isSpecial, targetOf } from '../../src/files/target';
import { makeFifo, makeNullDevice, testWithDevices } from '../support/specials';

let folder = '';
const at = (...names: string[]): string => path.join(folder, ...names);

beforeEach(() => void (folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-target-'))));
afterEach(() => rmSync(folder, { recursive: true }));

it('follows links to the end, even to a missing target', () => {
  mkdirSync(at('deep', 'er'), { recursive: true });
  symlinkSync('two', at('one'));
  symlinkSync('deep/three', at('two'));
  expect(targetOf(at('one'))).toMatchObject({ kind: 'regular', path: at('deep', 'three'), there: null });
  writeFileSync(at('deep', 'three'), 'x');
  expect(targetOf(at('one'))).toMatchObject({ kind: 'regular', there: { size: 1 } });
  // The kernel's "..": the parent of the folder that the link leads to.
  symlinkSync('deep/er', at('short'));
  symlinkSync('../three', at('deep', 'er', 'up'));
  expect(isSamePlace(at('short', 'up'), at('one'))).toBe(true);
  expect(isSamePlace(at('one'), at('other'))).toBe(false);
});

it('a FIFO and standard output are written into, through any links', () => {
  symlinkSync(makeFifo(at('fifo')), at('to-fifo'));
  symlinkSync('/dev/stdout', at('to-stdout'));
  symlinkSync('/proc/self/fd/2', at('to-stderr'));
  expect(targetOf(at('to-fifo'))).toEqual({ kind: 'fifo', path: at('fifo') });
  expect(targetOf(at('to-stdout'))).toEqual({ kind: 'descriptor', fd: 1 });
  expect(targetOf(at('to-stderr'))).toEqual({ kind: 'descriptor', fd: 2 });
  expect([at('to-stdout'), '/dev/fd/1', at('to-stderr'), at('new')].map(goesToStdout)).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect([at('fifo'), at('to-stdout'), at('new'), folder].map(isSpecial)).toEqual([true, true, false, false]);
});

testWithDevices('a device is written into', () => {
  symlinkSync(makeNullDevice(at('null')), at('to-null'));
  expect(targetOf(at('to-null'))).toEqual({ kind: 'device', path: at('null') });
});

it.each([
  ['a folder', () => folder, 'is a folder, expected a file'],
  ['the name of a folder', () => at('new/'), 'expected a file, got the name of a folder'],
  ['links in a circle', () => at('circle'), 'too many symbolic links, or a link that leads back to itself'],
  ['a name that is too long', () => at('x'.repeat(300)), 'the path is too long'],
  ['a descriptor that is not open', () => '/dev/fd/987654', 'is not open for writing'],
])('%s: refused with its name and the reason', (_what, file, why) => {
  symlinkSync('circle', at('circle'));
  expect(() => checkTarget(file())).toThrow(
    expect.objectContaining({ code: 'bad_usage', message: `cannot write ${file()}: ${why}` }),
  );
});

it('an empty path and a socket: refused', async () => {
  expect(() => checkTarget('')).toThrow('cannot write "": the path is empty');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(at('socket'), resolve));
  expect(() => checkTarget(at('socket'))).toThrow(`cannot write ${at('socket')}: is a socket, expected a file`);
  await new Promise((resolve) => server.close(resolve));
});

testWithDevices('a disk: refused, it would be overwritten', () => {
  // No driver has this number: even a program that tries cannot write to it.
  execFileSync('mknod', [at('disk'), 'b', '240', '9']);
  expect(() => checkTarget(at('disk'))).toThrow(`cannot write ${at('disk')}: is a disk, expected a file`);
});
