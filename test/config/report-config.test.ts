import path from 'node:path';
import { loadReportConfig } from '../../src/config/report-config';
import { configErrorLines, useTempFolder } from './helpers';

const temp = useTempFolder();
const load = (toml: string) => loadReportConfig(temp.file('r.toml', toml), { required: true });
const linesOf = (toml: string) => configErrorLines(() => load(toml)).map((line) => line.replace(`${temp.folder}/`, ''));

const DEFAULTS = {
  outputDir: './aggregated_metrics',
  clientMachines: ['./metrics'],
  serverMachines: ['.'],
  faultsLog: './fault_events.ndjson',
  thresholds: [],
};

test('may be missing or empty, and the shipped file contains the defaults', () => {
  expect(loadReportConfig('none.toml', { required: false })).toEqual(DEFAULTS);
  expect(load('[report]')).toEqual(DEFAULTS);
  const shipped = path.join(__dirname, '../../config/report.toml');
  expect(loadReportConfig(shipped, { required: true })).toEqual(DEFAULTS);
});

test('sets all places', () => {
  const toml =
    '[report]\noutput_dir = "o"\nclient_machines = ["a", "b"]\nserver_machines = []\nfaults_log = "f"\nthresholds = ["p99<1s"]';
  expect(load(toml)).toEqual({
    outputDir: 'o',
    clientMachines: ['a', 'b'],
    serverMachines: [],
    faultsLog: 'f',
    thresholds: ['p99<1s'],
  });
});

test('places on other machines', () => {
  const toml =
    '[report]\nclient_machines = ["./metrics", "user@client1:/m"]\nfaults_log = "ctl:/x/fault_events.ndjson"';
  const { clientMachines, faultsLog } = load(toml);
  expect({ clientMachines, faultsLog }).toEqual({
    clientMachines: ['./metrics', 'user@client1:/m'],
    faultsLog: 'ctl:/x/fault_events.ndjson',
  });
  const bad = 'client_machines = ["user@-oProxyCommand=x:/m"]\nserver_machines = ["u@h:22"]\noutput_dir = "u@h:/x"';
  expect(linesOf(`[report]\n${bad}`)).toEqual([
    'r.toml: report.output_dir: expected a path on this machine, got "u@h:/x"',
    'r.toml: report.client_machines[0]: expected a path, or [user@]host[:port]:/path on another machine, ' +
      'got "user@-oProxyCommand=x:/m"',
    'r.toml: report.server_machines[0]: expected a path, or [user@]host[:port]:/path on another machine, got "u@h:22"',
  ]);
});

test('all errors of a file are named', () => {
  expect(linesOf('[report]\nclient_machines = []')).toEqual([
    'r.toml: report.client_machines: expected at least one folder, got an empty list',
  ]);
  expect(linesOf('[report]\noutput_dir = 5\nfaults = "x"')).toEqual([
    'r.toml: report.faults: unknown key, did you mean "report.faults_log"?',
    'r.toml: report.output_dir: expected a path, got 5',
  ]);
});
