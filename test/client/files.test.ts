import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { resolveAddressAliases } from '../../src/client/address-aliases';
import { loadImages } from '../../src/client/images';
import { LogFiles } from '../../src/client/log-files';
import { clientMetrics, writeClientMetrics } from '../../src/client/metrics-file';
import { readInputFile } from '../../src/files/input-file';
import { writeWhole } from '../../src/files/write-whole';
import type { ClusterError } from '../../src/core/errors';
import { Summary } from '../../src/core/metrics/summary';
import { systemClock } from '../../src/core/system/system-clock';

let folder = '';
const at = (...names: string[]): string => path.join(folder, ...names);

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-client-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('images', () => {
  it('by name and sorted, without covers, folders and other files', () => {
    for (const name of [
      'b.png',
      'A.JPG',
      'c.jpeg',
      'd.bmp',
      'e.webp',
      'f.gif',
      'cover.jpg',
      'Cover.png',
      'x.txt',
      'png',
    ]) {
      writeFileSync(at(name), name);
    }
    mkdirSync(at('folder.png'));
    const images = loadImages(folder);
    expect(images.map(({ name }) => name)).toEqual(['A.JPG', 'b.png', 'c.jpeg', 'd.bmp', 'e.webp', 'f.gif']);
    expect(Buffer.from(images[1]!.bytes).toString()).toBe('b.png');
  });

  it.each([
    ['nothing', () => undefined, 'no images'],
    ['only a cover', () => writeFileSync(at('cover.png'), 'x'), 'no images'],
    ['an empty image', () => writeFileSync(at('a.png'), ''), 'a.png: is empty'],
    ['no folder', () => rmSync(folder, { recursive: true }), 'does not exist'],
  ])('%s: an error that names it', (_what, prepare, text) => {
    prepare();
    const error = thrownBy(() => loadImages(folder));
    expect(error.message).toContain(text);
    expect(error.message).toContain(folder);
    mkdirSync(folder, { recursive: true });
  });
});

describe('a file named by the user', () => {
  it.each([
    ['missing', () => undefined, 'bad_usage', 'does not exist'],
    ['a folder', () => mkdirSync(at('f')), 'bad_usage', 'is a folder'],
    ['empty', () => writeFileSync(at('f'), ''), 'secret_empty', 'is empty'],
    ['huge', () => hugeFile(at('f')), 'bad_usage', 'at most 1000 are supported'],
  ])('%s: one clear line', (_what, prepare, code, text) => {
    prepare();
    const error = thrownBy(() => readInputFile(at('f'), 1000));
    expect(error).toMatchObject({ code });
    expect(error.message).toBe(`${at('f')}: ${error.message.slice(at('f').length + 2)}`);
    expect(error.message).toContain(text);
  });

  it('a device is not a file', () => {
    expect(thrownBy(() => readInputFile('/dev/zero', 1000)).message).toBe('/dev/zero: is not a regular file');
  });
});

describe('writing', () => {
  it('atomically, in new folders or over an old file, without leftovers', async () => {
    await writeWhole(at('new', 'a.bin'), [Buffer.from('first')]);
    await writeWhole(at('new', 'a.bin'), [Buffer.from('sec'), Buffer.from('ond')]);
    expect(readFileSync(at('new', 'a.bin'), 'utf8')).toBe('second');
    expect(readdirSync(at('new'))).toEqual(['a.bin']);
  });

  it('to an impossible place: an error that names the file, and no leftovers', async () => {
    writeFileSync(at('file'), 'x');
    mkdirSync(at('folder'));
    await expect(writeWhole(at('file', 'a.json'), 'x')).rejects.toMatchObject({ code: 'bad_usage' });
    await expect(writeWhole(at('folder'), 'x')).rejects.toThrow(at('folder'));
    expect(readdirSync(folder).sort()).toEqual(['file', 'folder']);
  });

  it('the metrics of a client', async () => {
    const summary = new Summary();
    const done = { outcome: 'success', success: true, failure_reason: null, assigned_server_id: 1 } as const;
    for (const latency_ms of [2, 1]) {
      summary.add({ ...done, latency_ms, retry_count: 0, hedged: false, bytes_sent: 1, bytes_received: 2 });
    }
    const head = { client_name: 'Machine_1_Client_2', machine_id: 1, client_id: 2, run_id: 'r' };
    const metrics = clientMetrics({ ...head, started_at: 1.5, test_duration_secs: 3, interrupted: false }, summary);
    await writeClientMetrics(at('machine_1_client_2.json'), metrics);
    const text = readFileSync(at('machine_1_client_2.json'), 'utf8');
    expect(JSON.parse(text)).toEqual(metrics);
    expect(text).toContain('"latency_digest": [[1,1],[2,1]]\n}');
    expect(Object.keys(metrics)).toEqual([
      ...['client_name', 'machine_id', 'client_id', 'run_id', 'started_at', 'test_duration_secs', 'interrupted'],
      ...['aggregated_stats', 'latency_digest'],
    ]);
  });
});

describe('log files', () => {
  it('have lines of many clients, formatted, above the level', async () => {
    const logs = new LogFiles({ clock: systemClock, level: 'info', onError: fail });
    const [one, two] = [await logs.begin(at('logs', 'one.log')), await logs.begin(at('logs', 'two.log'))];
    one('info', 'first');
    two('error', 'bad');
    one('debug', 'not this');
    await logs.flush();
    one('warn', 'second\nline');
    await logs.flush();
    const lines = readFileSync(at('logs', 'one.log'), 'utf8').split('\n');
    expect(lines).toEqual([
      expect.stringMatching(/^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] INFO first$/),
      expect.stringMatching(/ WARN second\\nline$/),
      '',
    ]);
    expect(readFileSync(at('logs', 'two.log'), 'utf8')).toContain(' ERROR bad\n');
  });

  it('are on disk within a second without a flush', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate'] });
    const logs = new LogFiles({ clock: systemClock, level: 'info', onError: fail });
    const log = await logs.begin(at('a.log'));
    log('info', 'soon');
    jest.advanceTimersByTime(1000);
    jest.useRealTimers();
    await logs.flush();
    expect(readFileSync(at('a.log'), 'utf8')).toContain('soon');
  });

  it('a file that cannot be created is an error, a later write error is reported once', async () => {
    const errors: ClusterError[] = [];
    const logs = new LogFiles({ clock: systemClock, level: 'info', onError: (error) => errors.push(error) });
    writeFileSync(at('file'), '');
    await expect(logs.begin(at('file', 'a.log'))).rejects.toMatchObject({ code: 'bad_usage' });
    const log = await logs.begin(at('gone', 'a.log'));
    rmSync(at('gone'), { recursive: true });
    for (let i = 0; i < 3; i++) {
      log('info', 'lost');
      await logs.flush();
    }
    expect(errors.map(({ message }) => message)).toEqual([`cannot write ${at('gone', 'a.log')}: does not exist`]);
  });
});

describe('aliases', () => {
  it('have every numeric address of a configured name, and none for numeric ones', async () => {
    const hosts: Record<string, string[]> = { lab: ['10.0.0.1', 'fd00::1'], both: ['10.0.0.2'] };
    const resolve = (host: string): Promise<string[]> =>
      hosts[host] ? Promise.resolve(hosts[host]) : Promise.reject(new Error('unknown'));
    const aliases = await resolveAddressAliases(
      ['lab:8001', 'both:8001', '10.0.0.2:8001', 'gone:8001', '[::1]:1'],
      resolve,
    );
    expect(Object.fromEntries(aliases)).toEqual({ '10.0.0.1:8001': 'lab:8001', '[fd00::1]:8001': 'lab:8001' });
  });

  it('include localhost, by the system', async () => {
    expect((await resolveAddressAliases(['localhost:8001'])).get('127.0.0.1:8001')).toBe('localhost:8001');
  });
});

function thrownBy(act: () => unknown): ClusterError {
  try {
    act();
  } catch (error) {
    return error as ClusterError;
  }
  throw new Error('nothing was thrown');
}

function hugeFile(file: string): void {
  writeFileSync(file, 'x');
  truncateSync(file, 5_000_000_000);
}

function fail(error: Error): void {
  throw error;
}
