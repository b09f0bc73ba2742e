/** The keys of final_report.json are public: programs of others read them. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseThreshold } from '../../../src/core/metrics/threshold';
import { renderJson } from '../../../src/report/render/json';
import type { RuleResult } from '../../../src/core/rule-result';
import type { InputFile, MachineClock, RunMetadata } from '../../../src/report/report';
import { buildReport } from '../../../src/report/analyze/build';
import { clientFile, event, executed, fault, generated, lines, request, runFile, sample, T0, useLab } from '../lab';

const lab = useLab();
const LIST = path.join(__dirname, 'report-keys.txt');

/** Objects whose keys are data or the settings of a file. */
const OPEN = ['server_distribution', 'failure_reasons', 'slow_limits_ms', 'loads[].config', 'run.config'];

const RUN: RunMetadata = {
  run_id: 'run-1',
  seed: 7,
  started_at: T0,
  ended_at: T0 + 60_000,
  servers: ['127.0.0.1:8001'],
  command_line: ['cloudp2p', 'run'],
  version: '1',
  node_version: 'v20',
  host: 'h',
  cores: 4,
  config: {},
};
const RULES: RuleResult[] = [{ rule: 'S1 one leader a term', verdict: true, problems: [] }];
/** Only collection from other machines adds it. */
const CLOCK: MachineClock = { machine: 'user@client1.example.com', offset_ms: 3, uncertainty_ms: 1 };

/** The paths of all keys, `[]` for the elements of a list. */
function keyPaths(value: unknown, at = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((each) => keyPaths(each, `${at}[]`));
  if (typeof value !== 'object' || value === null || OPEN.includes(at)) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const here = at === '' ? key : `${at}.${key}`;
    return [here, ...keyPaths(inner, here)];
  });
}

/** Writes a run with a fault of a leader, damaged lines and everything else that has keys of its own. */
function writeEverything(): void {
  const records = Array.from({ length: 400 }, (_, id) =>
    request(
      id,
      id * 50,
      id === 100
        ? { outcome: 'failure' }
        : id === 102
          ? { wrong_carriers: [1] }
          : id % 2 === 0
            ? { image: 'a.png' }
            : {},
    ),
  );
  lab.requests([...records, records[1]!, { damaged: true }]);
  lab.write('metrics/machine_2_client_1.json', clientFile('Machine_2_Client_1'));
  lab.write('metrics/machine_1_run.json', runFile());
  lab.write('metrics/machine_1_generator.ndjson', lines([generated(1000), generated(2000)]));
  lab.faults([fault(4000, 1, 'kill'), fault(6000, 1, 'restart')]);
  lab.events(1, [
    event(1, 1, { event: 'leader', term: 1, leader_id: 1, reason: 'won' }),
    sample(1000, 1),
    executed(55, 1, 1),
    sample(3900, 1),
  ]);
  lab.events(2, [
    event(1, 2, { event: 'leader', term: 1, leader_id: 1, reason: 'followed' }),
    event(4000, 2, { event: 'peer_down', peer_id: 1, reason: 'silent' }),
    event(4300, 2, { event: 'leader', term: 2, leader_id: 2, reason: 'won' }),
    event(7000, 2, { event: 'stepped_down', term: 2, leader_id: null, reason: 'lost' }),
  ]);
  lab.events(3, [
    event(5000, 3, { event: 'leader', term: 3, leader_id: 3, reason: 'won' }),
    event(6500, 3, { event: 'peer_up', peer_id: 1 }),
  ]);
}

/** Makes the leaders unknown. */
function setAClock(): void {
  const note = { suspended_ms: 0, boot_id: 'b' };
  lab.events(4, [
    event(0, 4, { event: 'clock', by_ms: null, ahead_ms: 0, machine_ms: 1000, ...note }),
    event(7000, 4, { event: 'clock', by_ms: 90_000, ahead_ms: 90_000, machine_ms: 8000, ...note }),
  ]);
}

test('the keys of the report are those of the list, no more and no less', () => {
  const options = { thresholds: [parseThreshold('p99<1s')], rules: RULES, run: RUN };
  const keysNow = () => keyPaths(JSON.parse(renderJson(buildReport({ ...lab.read(), clocks: [CLOCK] }, options))));
  writeEverything();
  const found = keysNow();
  setAClock();
  const keys = [...new Set([...found, ...keysNow()])].sort();
  expect(`${keys.join('\n')}\n`).toBe(readFileSync(LIST, 'utf8'));
});

test('every kind of file is among its inputs', () => {
  writeEverything();
  const kinds: InputFile['kind'][] = ['records', 'client', 'events', 'faults', 'generator', 'run'];
  expect(lab.report().inputs.files.map(({ kind }) => kind)).toEqual(expect.arrayContaining(kinds));
});
