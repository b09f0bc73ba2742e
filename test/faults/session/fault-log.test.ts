import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { FaultEvent } from '../../../src/core/metrics/record';
import { ClusterError } from '../../../src/core/errors';
import { systemClock } from '../../../src/core/system/system-clock';
import type { ClusterViewModel } from '../../../src/faults/cluster-view-model';
import { FaultLog } from '../../../src/faults/session/fault-log';

let folder = '';
const at = (name: string): string => path.join(folder, name);
beforeEach(() => void (folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-faultlog-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const nowMs = new Date(2025, 9, 31, 10, 1, 0).getTime();
const clock = { monotonicMs: () => 0, unixMs: () => 0, wallMs: () => nowMs, after: systemClock.after };
const EVENT: FaultEvent = {
  time: 1.5,
  cycle: 1,
  server_id: 2,
  host: 'localhost',
  action: 'kill',
  outcome: 'done',
  pid: 3,
  detail: null,
};
const VIEW: ClusterViewModel = { servers: [{ id: 1, state: 'down', fault: 'kill' }] };

function config(logFile = at('f.log')): ConstructorParameters<typeof FaultLog>[0] {
  return { logFile, eventsFile: at('f.ndjson'), logSource: '--log' };
}

/** A display that records its text. */
function screen(isTTY: boolean, columns?: number) {
  let shown = '';
  return { display: { isTTY, columns, write: (text: string) => void (shown += text) }, shown: () => shown };
}

it('writes each line at once, to the file and the display; both files are appended to', () => {
  const { display, shown } = screen(false);
  for (const word of ['one', 'two']) {
    const log = new FaultLog(config(), clock, display);
    log.plain(['===', word]);
    log.line('SUCCESS: \u001b[31mred');
    log.record(EVENT);
    log.show(VIEW);
    // Before it is closed, for readers that follow the file.
    expect(readFileSync(at('f.log'), 'utf8')).toMatch(new RegExp(`${word}\n.*red\n$`));
    expect(readFileSync(at('f.ndjson'), 'utf8')).toMatch(/}\n$/);
    log.close();
  }
  const run = (word: string): string => `===\n${word}\n[2025-10-31 10:01:00] SUCCESS: \\u001b[31mred\n`;
  expect(readFileSync(at('f.log'), 'utf8')).toBe(run('one') + run('two'));
  expect(shown()).toBe(run('one') + run('two'));
  const fields = '"time":1.5,"cycle":1,"server_id":2,"host":"localhost","action":"kill","outcome":"done","pid":3';
  expect(readFileSync(at('f.ndjson'), 'utf8')).toBe(`{${fields},"detail":null}\n`.repeat(2));
});

it('on a terminal the ring is below the lines, cut to its width, until the end; the file has none', () => {
  const { display, shown } = screen(true, 7);
  const log = new FaultLog(config(), clock, display);
  log.show({ servers: [...VIEW.servers, { id: 2, state: 'up', fault: null }] });
  log.line('text');
  log.close();
  const clear = '\r\u001b[2K';
  expect(shown()).toBe(`${clear}1 DOWN${clear}[2025-10-31 10:01:00] text\n${clear}1 DOWN${clear}`);
  expect(readFileSync(at('f.log'), 'utf8')).toBe('[2025-10-31 10:01:00] text\n');
});

it('a terminal without a known width still shows it', () => {
  const { display, shown } = screen(true, 0);
  const log = new FaultLog(config(), clock, display);
  log.show(VIEW);
  log.close();
  expect(shown()).toContain('1 DOWN');
});

it.each([
  ['in a file', (): string => (writeFileSync(at('x'), ''), at('x/f.log'))],
  ['that is a folder', (): string => (mkdirSync(at('d.log')), at('d.log'))],
])('a log %s: an error that names the flag and the file', (_, make) => {
  const file = make();
  expect(() => new FaultLog(config(file), clock)).toThrow(`--log: cannot write ${file}: `);
});

it('a full disk: reported once, and everything else continues', () => {
  // Every write to this device fails as on a full disk.
  expect(existsSync('/dev/full')).toBe(true);
  const { display, shown } = screen(false);
  const log = new FaultLog(config('/dev/full'), clock, display);
  expect(log.isIncomplete).toBe(false);
  log.line('one');
  log.line('two');
  log.record(EVENT);
  log.close();
  expect(log.isIncomplete).toBe(true);
  const lines = shown().trimEnd().split('\n');
  expect(lines.filter((line) => line.includes('ERROR'))).toEqual([
    '[2025-10-31 10:01:00] ERROR: cannot write /dev/full: no space left on the device',
  ]);
  expect(lines).toHaveLength(3);
  expect(readFileSync(at('f.ndjson'), 'utf8')).toContain('"kill"');
});

it('reasons for not starting are in the file only: the caller displays them', () => {
  const { display, shown } = screen(false);
  const log = new FaultLog(config(), clock, display);
  log.notBegun(new ClusterError('not_reachable', 'one: no\u001b route\ntwo: it is not running'));
  log.close();
  expect(readFileSync(at('f.log'), 'utf8').split('\n')).toEqual([
    '[2025-10-31 10:01:00] ERROR: one: no\\u001b route',
    '[2025-10-31 10:01:00] ERROR: two: it is not running',
    '[2025-10-31 10:01:00] ===== FAULT SIMULATION NOT BEGUN =====',
    '',
  ]);
  expect(shown()).toBe('');
});

it('records the clocks at its start and when one is set, and warns with the new time', () => {
  let wallMs = nowMs;
  const look = () => ({ unixMs: nowMs, wallMs, machineMs: 5, suspendedMs: 0, bootId: 'b' });
  const { display, shown } = screen(false);
  const log = new FaultLog(config(), { ...clock, unixMs: () => nowMs, wallMs: () => wallMs, look }, display);
  log.record(EVENT);
  wallMs += 7_200_000;
  log.close();
  const [first, fault, second, ...rest] = readFileSync(at('f.ndjson'), 'utf8').trimEnd().split('\n');
  expect(rest).toEqual([]);
  expect(JSON.parse(first!)).toEqual({
    time: nowMs,
    event: 'clock',
    by_ms: null,
    ahead_ms: 0,
    machine_ms: 5,
    suspended_ms: 0,
    boot_id: 'b',
  });
  expect(JSON.parse(fault!)).toEqual(EVENT);
  expect(JSON.parse(second!)).toMatchObject({ time: nowMs, event: 'clock', by_ms: 7_200_000, ahead_ms: 7_200_000 });
  expect(shown()).toMatch(/^\[2025-10-31 12:01:00\] WARN: The wall clock went forward by 7200\.0 s: .*\n$/);
});
