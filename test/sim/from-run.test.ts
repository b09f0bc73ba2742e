import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runScenario } from '../scenarios/scenario';
import { scenarioOfRun } from './from-run';

const GOLDEN = path.join(__dirname, '..', 'report', 'golden', 'run');

let folder = '';
beforeEach(() => void (folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-from-run-'))));
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, ...values: object[]): void {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, values.map((value) => `${JSON.stringify(value)}\n`).join(''));
}

const fault = (time: number, server_id: number, action: string, outcome = 'done') => ({
  time,
  cycle: 1,
  server_id,
  host: 'h',
  action,
  outcome,
  pid: 1,
  detail: null,
});

it('a run becomes a scenario with its kills and restarts, which holds', () => {
  const { title, script } = scenarioOfRun(GOLDEN);
  expect(title).toEqual(['# The faults and timings of the run in run']);
  expect(script.slice(0, 2)).toEqual(['seed 14', 'servers 3']);
  expect(script).toContain('timings 1000 3000 2000');
  expect(script).toContain('think 300');
  const steps = script.filter((line) => line.startsWith('at ')).map((line) => line.split(' ').slice(2, 4).join(' '));
  expect(steps).toEqual(['kill 1', 'restart 1', 'kill 2', 'restart 2', 'kill 3', 'restart 3', 'expect done']);
  expect(runScenario(script).failures).toEqual([]);
});

it('timings, queue, an open loop and faults of links are as in the run', () => {
  write('run.json', { seed: 7, config: { faults: { partition_from: 'peers', delay_ms: 50, loss_percent: 5 } } });
  for (const id of [1, 2]) write(`server_${id}_events.ndjson`, { time: 1000 + id, server_id: id, event: 'started' });
  mkdirSync(path.join(folder, 'server1'));
  const toml = '[election]\nheartbeat_interval_secs = 0.1\nfailure_timeout_secs = 0.3\n[processing]\nqueue_limit = 9\n';
  writeFileSync(path.join(folder, 'server1', 'server.toml'), toml);
  write('metrics/machine_1_run.json', { started_at: 1500, config: { num_clients: 80, rate_per_second: 100 } });
  write('metrics/machine_1_requests.ndjson', ...Array.from({ length: 150 }, () => ({ request_id: 1 })));
  const lines = [
    fault(2001, 1, 'partition', 'started'),
    fault(2002, 1, 'partition'),
    fault(3002, 1, 'heal'),
    fault(4001, 2, 'delay'),
    fault(4500, 2, 'heal', 'failed'),
    fault(5001, 2, 'heal'),
    fault(6001, 2, 'loss'),
    fault(7001, 2, 'heal'),
  ];
  write('fault_events.ndjson', ...lines);
  expect(scenarioOfRun(folder).script).toEqual([
    'seed 7',
    'servers 2',
    'start 0.000 1.000',
    'timings 100 300 2000',
    'workers 2',
    'queue 9',
    'clients 50 tasks 3',
    'think 800',
    'begin 499',
    'at 1001.000 cut 1 from server2 packets both',
    'at 2001.000 heal 1',
    'at 3000.000 slow 2 by 50',
    'at 4000.000 heal 2',
    'at 5000.000 slow 2 by 0 loss 0.05',
    'at 6000.000 heal 2',
    'at 36000.000 expect done',
  ]);
});

it('a folder that is none of a run is refused with its name', () => {
  expect(() => scenarioOfRun(folder)).toThrow(`${path.join(folder, 'run.json')}: does not exist`);
  write('run.json', { config: {} });
  expect(() => scenarioOfRun(folder)).toThrow(`${folder}: there is no file of a server's events`);
});
