import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { makeFolder } from '../../src/files/folders';
import { PreparedFile, writeAll, writeWhole } from '../../src/files/write-whole';
import { isNullDevice, makeFifo, makeFullDevice, makeNullDevice, readFifo, testWithDevices } from '../support/specials';

let folder = '';
const at = (...names: string[]): string => path.join(folder, ...names);
const read = (...names: string[]): string => readFileSync(at(...names), 'utf8');

beforeEach(() => void (folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-write-'))));
afterEach(() => rmSync(folder, { recursive: true }));

testWithDevices('a device stays one, even through a link', async () => {
  symlinkSync(makeNullDevice(at('null')), at('link'));
  await writeAll([at('null'), at('link')].map((file) => ({ path: file, content: 'gone' })));
  expect(isNullDevice(at('null'))).toBe(true);
  expect(readlinkSync(at('link'))).toBe(at('null'));
  expect(readdirSync(folder).sort()).toEqual(['link', 'null']);
});

testWithDevices('a device that accepts nothing: reported, and no other file appears', async () => {
  const files = [at('a'), makeFullDevice(at('full')), at('b')];
  await expect(writeAll(files.map((file) => ({ path: file, content: 'x' })))).rejects.toThrow(
    `cannot write ${at('full')}: no space left on the device`,
  );
  expect(readdirSync(folder)).toEqual(['full']);
});

it("a FIFO is waited for and filled, whatever its reader's block size", async () => {
  const content = Buffer.alloc(1_000_000, 'x');
  const written = writeWhole(makeFifo(at('fifo')), [content, Buffer.from('end')]);
  const received = await readFifo(at('fifo'));
  await written;
  expect(received.equals(Buffer.concat([content, Buffer.from('end')]))).toBe(true);
  expect(lstatSync(at('fifo')).isFIFO()).toBe(true);
});

it('links stay, and their targets are replaced atomically, with their permissions', async () => {
  mkdirSync(at('real'));
  writeFileSync(at('real', 'old'), 'old');
  chmodSync(at('real', 'old'), 0o640);
  symlinkSync('real/old', at('link'));
  symlinkSync('real/deeper/new', at('dangling'));
  await writeAll(['link', 'dangling'].map((name) => ({ path: at(name), content: name })));
  expect([read('real', 'old'), read('real', 'deeper', 'new')]).toEqual(['link', 'dangling']);
  expect(statSync(at('real', 'old')).mode & 0o777).toBe(0o640);
  expect(lstatSync(at('link')).isSymbolicLink() && lstatSync(at('dangling')).isSymbolicLink()).toBe(true);
  expect(readdirSync(at('real')).sort()).toEqual(['deeper', 'old']);
});

testWithDevices('a file of another user stays theirs when root replaces it', async () => {
  writeFileSync(at('theirs'), '');
  chownSync(at('theirs'), 12345, 54321);
  chmodSync(at('theirs'), 0o600);
  await writeWhole(at('theirs'), 'new');
  expect(statSync(at('theirs'))).toMatchObject({ uid: 12345, gid: 54321, mode: 0o100600 });
});

it('one file by two names: written once with one content, refused with two', async () => {
  symlinkSync('a', at('b'));
  await writeAll([at('a'), `${folder}/./a`].map((file) => ({ path: file, content: 'same' })));
  expect(read('a')).toBe('same');
  const files = ['a', 'b'].map((name) => ({ path: at(name), content: name }));
  await expect(writeAll(files)).rejects.toThrow(`cannot write ${at('b')}: ${at('a')} and ${at('b')} are the same file`);
  expect(read('a')).toBe('same');
  expect(readdirSync(folder).sort()).toEqual(['a', 'b']);
});

it('the longest possible file name', async () => {
  const name = 'é'.repeat(127);
  await writeWhole(at(name), 'x');
  expect(readdirSync(folder)).toEqual([name]);
});

it('a discarded file leaves nothing', async () => {
  const prepared = await PreparedFile.prepare(at('a'), 'x');
  expect(readdirSync(folder)).toHaveLength(1);
  prepared.discard();
  expect(readdirSync(folder)).toEqual([]);
});

describe('where nothing can be created: the file or folder, and the true reason', () => {
  it.each([
    ['/proc/x', 'its file system does not allow new files and folders there'],
    ['/proc/x/y/z', 'the folder /proc/x cannot be created: its file system does not allow new files and folders there'],
  ])('%s', async (file, why) => {
    await expect(writeWhole(file, '')).rejects.toMatchObject({
      code: 'bad_usage',
      message: `cannot write ${file}: ${why}`,
    });
  });

  it('a folder that is a file, a dangling link, a link cycle', () => {
    writeFileSync(at('file'), '');
    symlinkSync('nowhere', at('dangling'));
    symlinkSync('circle', at('circle'));
    const why = {
      file: 'the name is in use by something else',
      dangling: 'it is a symbolic link to nowhere, which does not exist',
    };
    for (const [name, reason] of Object.entries(why)) {
      expect(() => makeFolder(at(name, 'x'))).toThrow(`the folder ${at(name)} cannot be created: ${reason}`);
    }
    expect(() => makeFolder(at('circle', 'x'))).toThrow(/cannot be created: too many symbolic links/);
  });
});
