import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildSync } from 'esbuild';
import { RecordFile } from '../../src/files/record-file';
import { makeFifo } from '../support/specials';

const OPTIONS = { flushMs: 60_000, what: 'server.events_file' };
let folder: string;
beforeEach(() => void (folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-records-'))));
afterEach(() => rmSync(folder, { recursive: true }));

function recordFile(file: string, errors: Error[] = []): RecordFile {
  return new RecordFile(file, { ...OPTIONS, onError: (error) => errors.push(error) });
}

it('appends whole lines, on a flush or at the latest on close', () => {
  const file = path.join(folder, 'new', 'a.ndjson');
  const records = recordFile(file);
  records.append('{"a":1}');
  expect(readFileSync(file, 'utf8')).toBe('');
  records.flush();
  expect(readFileSync(file, 'utf8')).toBe('{"a":1}\n');
  records.append('{"b":2}');
  records.close();
  expect(readFileSync(file, 'utf8')).toBe('{"a":1}\n{"b":2}\n');
});

it('without a buffer, every line is in the file once it was appended', () => {
  const file = path.join(folder, 'a.ndjson');
  const records = new RecordFile(file, { ...OPTIONS, flushMs: 0, onError: (error) => expect(error).toBeUndefined() });
  records.append('{"a":1}');
  expect(readFileSync(file, 'utf8')).toBe('{"a":1}\n');
  records.append('{"b":2}');
  expect(readFileSync(file, 'utf8')).toBe('{"a":1}\n{"b":2}\n');
  records.close();
});

it('begins on a line of its own behind a line that a killed process left unfinished', () => {
  const file = path.join(folder, 'a.ndjson');
  writeFileSync(file, '{"a":1}\n{"b":');
  const records = recordFile(file);
  records.append('{"c":3}');
  records.close();
  expect(readFileSync(file, 'utf8')).toBe('{"a":1}\n{"b":\n{"c":3}\n');
});

it('does not wait for the timer with a mebibyte of lines', () => {
  const file = path.join(folder, 'a.ndjson');
  const records = recordFile(file);
  records.append('x'.repeat(1024 * 1024));
  records.append('y');
  records.close();
  expect(readFileSync(file, 'utf8')).toHaveLength(1024 * 1024 + 3);
});

it('names the setting, the file and the cause if it cannot be opened', () => {
  const file = path.join(folder, 'missing', 'twice', 'a.ndjson');
  expect(() => recordFile(file)).toThrow(`server.events_file: cannot write ${file}: does not exist`);
});

it('reports a full disk once, and continues', () => {
  const errors: Error[] = [];
  const records = recordFile('/dev/full', errors);
  for (const line of ['a', 'b']) {
    records.append(line);
    records.flush();
  }
  records.close();
  expect(errors.map(({ message }) => message)).toEqual(['no space left on the device']);
});

// A file size limit cuts a write in the middle, as a disk that fills up does.
it('removes the part of a line that still fitted', () => {
  const script = path.join(folder, 'writer.cjs');
  const entry = path.join(__dirname, '../../src/files/record-file.ts');
  const { outputFiles } = buildSync({
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    write: false,
  });
  const file = path.join(folder, 'a.ndjson');
  const write = `const records = new module.exports.RecordFile(process.argv[2], { flushMs: 1, what: '', onError: ({ message }) => console.log(message),
      onLost: (lines) => console.log(lines[0]) });
    for (let i = 0; i < 1000; i++) records.append(JSON.stringify({ line: i }));
    records.close();`;
  writeFileSync(script, outputFiles[0]!.text + write);
  const said = execFileSync('sh', ['-c', 'ulimit -f 8; exec node "$@"', 'sh', script, file], { encoding: 'utf8' });
  const text = readFileSync(file, 'utf8');
  const lineCount = text.split('\n').length - 1;
  expect(said).toBe(`{"line":${lineCount}}\nthe file exceeds the size limit\n`);
  expect(text.length).toBeGreaterThan(3000);
  expect(text.endsWith('}\n')).toBe(true);
  for (const line of text.trimEnd().split('\n')) JSON.parse(line);
});

it('a FIFO without a reader: reported, not waited for', () => {
  const file = makeFifo(path.join(folder, 'fifo'));
  const why = 'is a FIFO that nobody reads: start its reader first';
  expect(() => recordFile(file)).toThrow(`server.events_file: cannot write ${file}: ${why}`);
});

it('a FIFO that is read too slowly loses whole lines, which is reported once', () => {
  const errors: Error[] = [];
  const file = makeFifo(path.join(folder, 'fifo'));
  const reader = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  const records = recordFile(file, errors);
  let text = '';
  for (let number = 0; number < 300; number++) {
    records.append(JSON.stringify({ number, more: 'x'.repeat(5000) }));
    records.flush();
    // Its buffer holds 64 KiB, and takes part of a line that is longer than a page.
    if (number % 100 === 99) text += drain(reader);
  }
  text += drain(reader);
  records.close();
  text += drain(reader);
  closeSync(reader);
  const numbers = text
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { number: number }).number);
  expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  expect(numbers.length).toBeGreaterThan(30);
  expect(numbers.length).toBeLessThan(300);
  expect(errors.map(({ message }) => message)).toEqual(['the reader is too slow']);
});

function drain(fd: number): string {
  const block = Buffer.alloc(256 * 1024);
  let text = '';
  for (;;) {
    try {
      const bytes = readSync(fd, block);
      if (bytes === 0) return text;
      text += block.toString('utf8', 0, bytes);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return text;
      throw error;
    }
  }
}
