import path from 'node:path';
import { loadReportConfig, remoteProblem } from '../../src/config/report-config';
import { configErrorLines, useTempFolder } from './helpers';

const temp = useTempFolder();
const load = (toml: string) => loadReportConfig(temp.file('r.toml', toml), { required: true });
const linesOf = (toml: string) => configErrorLines(() => load(toml)).map((line) => line.replace(`${temp.folder}/`, ''));

const DEFAULTS = {
  outputDir: './aggregated_metrics',
  clientMachines: ['./metrics'],
  serverMachines: ['.'],
  faultsLog: './fault_events.ndjson',
};

test('may be missing or say nothing, and the shipped file says the defaults', () => {
  expect(loadReportConfig('none.toml', { required: false })).toEqual(DEFAULTS);
  expect(load('[report]')).toEqual(DEFAULTS);
  const shipped = path.join(__dirname, '../../config/report.toml');
  expect(loadReportConfig(shipped, { required: true })).toEqual(DEFAULTS);
});

test('says where everything is', () => {
  const toml = '[report]\noutput_dir = "o"\nclient_machines = ["a", "b"]\nserver_machines = []\nfaults_log = "f"';
  expect(load(toml)).toEqual({ outputDir: 'o', clientMachines: ['a', 'b'], serverMachines: [], faultsLog: 'f' });
});

test('another machine is an error that says so', () => {
  expect(linesOf('[report]\nclient_machines = ["./metrics", "user@client1.example.com:/path/metrics"]')).toEqual([
    'r.toml: report.client_machines[1]: expected a path of this machine, got "user@client1.example.com:/path/metrics": ' +
      'collection over SSH comes with another version',
  ]);
  expect(remoteProblem('user@h:/x')).not.toBeNull();
  for (const local of ['./a@b:c', '/x/user@h:/y', 'a@b', 'C:/x']) expect(remoteProblem(local)).toBeNull();
});

test('faults of a file are all named', () => {
  expect(linesOf('[report]\nclient_machines = []')).toEqual([
    'r.toml: report.client_machines: expected at least one folder, got an empty list',
  ]);
  expect(linesOf('[report]\noutput_dir = 5\nfaults = "x"')).toEqual([
    'r.toml: report.faults: unknown key, did you mean "report.faults_log"?',
    'r.toml: report.output_dir: expected a path, got 5',
  ]);
});
