import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { FaultEvent } from '../../src/core/metrics/record';
import { fromProc } from '../../src/faults/drivers/process-info';
import { until } from '../faults/until';
import { freePorts } from '../support/cluster';
import { cli, linesOf } from './capture';

const ROOT = process.cwd();
const LIKENESS = path.join(__dirname, '../faults/likeness.cjs');
const children: ChildProcess[] = [];
let folder = '';
let ports: number[] = [];

/** Three servers' files, and a program that looks like a server and can be started again. */
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-faults-'));
  process.chdir(folder);
  mkdirSync('config');
  ports = await freePorts(3);
  writeFileSync('program', `#!/bin/sh\nexec "${process.execPath}" "${LIKENESS}" "$@"\n`, { mode: 0o755 });
  const servers = ports.map((port, index) => {
    const id = index + 1;
    mkdirSync(`s${id}`);
    writeFileSync(`s${id}/server.json`, JSON.stringify({ id, port, pidFile: `server_${id}.pid` }));
    writeFileSync(`s${id}/server.toml`, `[server]\nid = ${id}\naddress = "127.0.0.1:${port}"\n`);
    return `[[servers]]\nid = ${id}\nconfig = "server.toml"\nwork_dir = "s${id}"\nbinary = "../program"`;
  });
  writeFileSync('config/faults.toml', servers.join('\n'));
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const id of [1, 2, 3]) {
    const file = `s${id}/server_${id}.pid`;
    const pid = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { pid: number }).pid : 0;
    const isOurs = pid > 0 && (await fromProc(pid))?.words.includes(LIKENESS);
    if (isOurs) process.kill(pid, 'SIGKILL');
  }
  process.chdir(ROOT);
  rmSync(folder, { recursive: true });
});

async function startAll(...ids: number[]): Promise<void> {
  for (const id of ids) {
    children.push(spawn('../program', ['server', '--config', 'server.toml'], { cwd: `s${id}`, stdio: 'ignore' }));
  }
  const isThere = (id: number): boolean => {
    const file = `s${id}/server_${id}.pid`;
    return existsSync(file) && readFileSync(file, 'utf8').endsWith('}');
  };
  await until('all have started', () => ids.every(isThere));
}

const FAST = ['--cycles', '2', '--interval', '0.01', '--restart-delay', '0.02'];

function events(): FaultEvent[] {
  return linesOf(readFileSync('fault_events.ndjson', 'utf8')).map((line) => JSON.parse(line) as FaultEvent);
}

it('kills and restarts every server in every cycle; what it says is what the log says', async () => {
  await startAll(1, 2, 3);
  const { code, stdout, stderr } = await cli('faults', ...FAST);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(readFileSync('fault_events.log', 'utf8')).toBe(stdout);
  const lines = linesOf(stdout);
  expect(lines.slice(0, 9)).toEqual([
    '=========================================',
    'CloudP2P Fault Simulation - Ring Algorithm',
    '=========================================',
    'Number of Servers:   3',
    'Fault Interval:      0.01s',
    'Restart Delay:       0.02s',
    'Number of Cycles:    2',
    'Log File:            ./fault_events.log',
    '=========================================',
  ]);
  expect(lines.at(-1)).toMatch(/^\[.*\] Kills: 6, restarts: 6, failed: 0; servers UP: 1, 2, 3$/);
  expect(
    events()
      .filter(({ outcome }) => outcome === 'done')
      .map(({ cycle, server_id, action }) => `${cycle} ${server_id} ${action}`),
  ).toEqual([1, 2].flatMap((cycle) => [1, 2, 3].flatMap((id) => [`${cycle} ${id} kill`, `${cycle} ${id} restart`])));
  const pids = events()
    .filter(({ action, outcome }) => action === 'kill' && outcome === 'done')
    .map(({ pid }) => pid);
  expect(new Set(pids).size).toBe(6);
});

it('reports as JSON, and nothing else', async () => {
  await startAll(1, 2, 3);
  const { code, stdout } = await cli('faults', ...FAST, '--json', '--log', 'x.log');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({
    ...{ kills: 6, restarts: 6, failed: 0, interrupted: false, down: [] },
    ...{ log_file: 'x.log', events_file: 'x.ndjson', is_logged: true },
  });
  expect(existsSync('x.log')).toBe(true);
});

it('ends with 4 when a fault could not be performed', async () => {
  await startAll(1, 3);
  const { code, stdout } = await cli('faults', ...FAST);
  expect(code).toBe(4);
  expect(stdout).toContain('ERROR: Cannot kill Server 2 on localhost: it is not running');
});

it('ends with 4 when no server is up, and says what it looked for', async () => {
  const { code, stderr } = await cli('faults', ...FAST);
  expect(code).toBe(4);
  expect(stderr).toMatch(/^Error: no server is up, there is nothing to break \(Server 1: not running; .*\)\n$/);
});

it('a dry run shows the timetable, needs no servers and writes nothing', async () => {
  const { code, stdout } = await cli('faults', '--dry-run', '--cycles', '1');
  expect(code).toBe(0);
  expect(linesOf(stdout).slice(-8)).toEqual([
    ' +0s  cycle 1/1  kill     Server 1',
    '+10s  cycle 1/1  restart  Server 1',
    '+40s  cycle 1/1  kill     Server 2',
    '+50s  cycle 1/1  restart  Server 2',
    '+80s  cycle 1/1  kill     Server 3',
    '+90s  cycle 1/1  restart  Server 3',
    '',
    'Nothing was done. It takes 90s and the time that the restarts themselves need.',
  ]);
  expect(existsSync('fault_events.log')).toBe(false);
  const { plan } = JSON.parse((await cli('faults', '--dry-run', '--json')).stdout) as { plan: unknown[] };
  expect(plan).toHaveLength(18);
});

it.each([
  [['--cycles', 'many'], '--cycles: expected a whole number from 1 to 100000, got "many"'],
  [['--pattern', 'random'], 'Expected --pattern=random to be one of: ring'],
  [['--kind', 'pause'], 'Expected --kind=pause to be one of: kill'],
  [['--log', 'no/such/folder/f.log'], '--log: cannot write no/such/folder/f.log: does not exist'],
  [['--config', 'none.toml'], 'none.toml: no such file'],
])('%j: one clear line, exit 2', async (flags, text) => {
  const { code, stderr } = await cli('faults', ...flags);
  expect(code).toBe(2);
  expect(linesOf(stderr)[0]).toBe(`Error: ${text}`);
});
