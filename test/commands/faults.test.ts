import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { FaultEvent } from '../../src/core/metrics/record';
import { buildAgent } from '../faults/agent-program';
import { LikenessLab } from '../faults/likeness-lab';
import { faultIn } from '../support/fault-events';
import { cli, linesOf } from './capture';

// Every test starts processes, which takes long on a busy machine.
jest.setTimeout(60_000);
const ROOT = process.cwd();
const [, ownScript] = process.argv;
const program = buildAgent();
let lab: LikenessLab;

/** Makes the files of three servers, and a stand-in for the server that can be restarted. */
beforeEach(async () => {
  lab = await LikenessLab.create(3);
  process.chdir(lab.folder);
  // In this process it would be jest, which has no `fault-agent`.
  process.argv[1] = program.script;
  mkdirSync('config');
  const entries = lab.servers.map(
    ({ id }) => `[[servers]]\nid = ${id}\nconfig = "server.toml"\nwork_dir = "s${id}"\nbinary = "../program"`,
  );
  writeFileSync('config/faults.toml', entries.join('\n'));
});

afterEach(async () => {
  process.argv[1] = ownScript!;
  process.chdir(ROOT);
  await lab.stop();
});
afterAll(() => program.remove());

const FAST = ['--cycles', '2', '--interval', '0.01', '--restart-delay', '0.02'];

function events(): FaultEvent[] {
  return linesOf(readFileSync('fault_events.ndjson', 'utf8')).flatMap(faultIn);
}

it('kills and restarts every server in every cycle; its output equals the log', async () => {
  await lab.start(1, 2, 3);
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
  expect(lines.at(-1)).toMatch(/^\[.*\] Faults: 6, healed: 6, failed: 0; servers UP: 1, 2, 3$/);
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

it('prints only JSON with --json; every kind of process fault in random order', async () => {
  await lab.start(1, 2, 3);
  const kinds = ['kill', 'terminate', 'pause', 'restart'].flatMap((kind) => ['--kind', kind]);
  const random = ['--pattern', 'random', '--seed', '3', ...kinds];
  const { code, stdout } = await cli('faults', ...FAST, ...random, '--json', '--log', 'x.log');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({
    faults: 6,
    healed: 6,
    failed: 0,
    interrupted: false,
    ended_early: null,
    condition: null,
    down: [],
    log_file: 'x.log',
    events_file: 'x.ndjson',
    is_logged: true,
  });
  expect(existsSync('x.log')).toBe(true);
  expect(existsSync('fault_probe.ndjson')).toBe(false);
});

it('reports everything that keeps it from starting, and does nothing', async () => {
  await lab.start(2);
  const { code, stderr } = await cli('faults', ...FAST);
  expect(code).toBe(4);
  expect(linesOf(stderr)).toEqual([
    'Error: Server 1 on localhost: it is not running',
    'Error: Server 3 on localhost: it is not running',
  ]);
  expect(await lab.state(2)).toBe('up');
});

it('a different program version beside the servers is refused', async () => {
  await lab.start(1, 2, 3);
  writeFileSync('other.cjs', `process.env.AGENT_VERSION = '9.9.9'; require(${JSON.stringify(program.script)});`);
  process.argv[1] = 'other.cjs';
  const { code, stderr } = await cli('faults', ...FAST);
  expect(code).toBe(4);
  expect(stderr).toMatch(/^Error: localhost: the program there is version 9.9.9, this one is \d/);
});

it('an agent that cannot be started: its last words', async () => {
  await lab.start(1, 2, 3);
  writeFileSync('broken.cjs', 'throw new Error("no such thing")');
  process.argv[1] = 'broken.cjs';
  const { code, stderr } = await cli('faults', ...FAST);
  expect(code).toBe(4);
  expect(stderr).toMatch(/^Error: the fault agent on localhost is gone: it ended with exit code 1: .*such thing/);
});

it('ends with 3, healed, when an abort condition is met', async () => {
  // The stand-ins accept every connection and answer nothing.
  await lab.start(1, 2, 3);
  const flags = ['--cycles', '1', '--restart-delay', '600', '--kind', 'pause', '--abort-when', 'failure_rate>20%'];
  const { code, stdout } = await cli('faults', ...flags);
  expect(code).toBe(3);
  expect(stdout).toMatch(
    /ABORTED: failure_rate>20% \(100 % over the last \d+ probes\); healing the active faults\n.*\n.*SUCCESS: Resumed Server 1/,
  );
  expect(await lab.state(1)).toBe('up');
  const records = linesOf(readFileSync('fault_probe.ndjson', 'utf8')).map((line) => JSON.parse(line) as object);
  expect(records[0]).toMatchObject({ success: false, image: 'probe', outcome: 'failure' });
});

it('a dry run shows the timetable, needs no servers and writes nothing', async () => {
  const { code, stdout } = await cli('faults', '--dry-run', '--cycles', '1');
  expect(code).toBe(0);
  expect(linesOf(stdout).slice(-8)).toEqual([
    ' +0s  cycle 1/1  kill     Server 1 on localhost  kill -KILL PID',
    '+10s  cycle 1/1  restart  Server 1 on localhost  cd s1 && ../program server --config server.toml',
    '+40s  cycle 1/1  kill     Server 2 on localhost  kill -KILL PID',
    '+50s  cycle 1/1  restart  Server 2 on localhost  cd s2 && ../program server --config server.toml',
    '+80s  cycle 1/1  kill     Server 3 on localhost  kill -KILL PID',
    '+90s  cycle 1/1  restart  Server 3 on localhost  cd s3 && ../program server --config server.toml',
    '',
    'Dry run: no fault was injected. The plan takes 90s plus the time of the restarts themselves.',
  ]);
  expect(existsSync('fault_events.log')).toBe(false);
  const { plan } = JSON.parse((await cli('faults', '--dry-run', '--json')).stdout) as { plan: unknown[] };
  expect(plan).toHaveLength(9);
});

it.each([
  [['--cycles', 'many'], '--cycles: expected a whole number from 1 to 100000, got "many"'],
  [['--pattern', 'circle'], 'Expected --pattern=circle to be one of: ring, random, simultaneous, rolling'],
  [
    ['--kind', 'stab'],
    '--kind: expected one of kill, terminate, pause, partition, delay, loss, restart, each once, with a weight above 0 if any (kill=3), got "stab"',
  ],
  [['--log', 'no/such/folder/f.log'], '--log: cannot write no/such/folder/f.log: does not exist'],
  [['--config', 'none.toml'], 'none.toml: no such file'],
])('%j: one clear line, exit 2', async (flags, text) => {
  const { code, stderr } = await cli('faults', ...flags);
  expect(code).toBe(2);
  expect(linesOf(stderr)[0]).toBe(`Error: ${text}`);
});
