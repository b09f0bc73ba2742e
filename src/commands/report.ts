import { Flags } from '@oclif/core';
import { loadReportConfig, remoteProblem } from '../config/report-config';
import { ClusterError, EXIT } from '../core/errors';
import { parseThreshold } from '../core/metrics/threshold';
import type { RunChoice } from '../report/read-requests';
import type { Report as ReportResult } from '../report/report';
import { runReport } from '../report/run-report';
import { BaseCommand } from './base';

const DEFAULT_CONFIG = 'config/report.toml';
const OUTPUTS = ['final_report.json', 'final_report.txt'];
const repeatable = { multiple: true, multipleNonGreedy: true } as const;

export class Report extends BaseCommand {
  static override summary = 'aggregate what clients, servers and faults left into one report';
  static override description =
    'Reads the metrics folders, the fault events and the event files of the servers, and writes final_report.json and ' +
    'final_report.txt. Without --config it reads config/report.toml if that is there. It exits with 3 if a threshold ' +
    'is crossed or its value unknown, else with 4 if something that was named could not be read.';
  static override examples = [
    '<%= config.bin %> report',
    '<%= config.bin %> report --metrics client1/metrics --metrics client2/metrics --events servers --out report.txt',
    "<%= config.bin %> report --threshold 'failure_rate<1%' --threshold 'p99<800ms' --threshold 'recovery<2s'",
    { description: 'the numbers for a script', command: '<%= config.bin %> report --json | jq .latency_stats' },
  ];
  static override flags = {
    metrics: Flags.string({ ...repeatable, helpValue: 'DIR', summary: 'a folder of metrics, repeatable' }),
    faults: Flags.string({ helpValue: 'FILE', summary: 'the events of `faults`' }),
    events: Flags.string({ ...repeatable, helpValue: 'FILE', summary: "a server's events, or a folder, repeatable" }),
    out: Flags.string({ ...repeatable, helpValue: 'FILE', summary: 'where to write: .txt or .json, repeatable' }),
    run: Flags.string({ helpValue: 'ID|all', summary: 'the run to take, instead of the newest' }),
    threshold: Flags.string({
      ...repeatable,
      helpValue: 'EXPR',
      summary: 'what must hold, like p99<800ms, repeatable',
    }),
  };

  /** Writes the report and returns it. */
  async run(): Promise<ReportResult> {
    const { flags } = await this.parse(Report);
    const config = loadReportConfig(flags.config ?? DEFAULT_CONFIG, { required: flags.config !== undefined });
    const required = (file: string) => ({ path: file, required: true });
    const optional = (file: string) => ({ path: file, required: false });
    const report = runReport({
      metrics: local('--metrics', flags.metrics) ?? config.clientMachines,
      faults: local('--faults', flags.faults && [flags.faults])?.map(required)[0] ?? optional(config.faultsLog),
      events: local('--events', flags.events)?.map(required) ?? config.serverMachines.map(optional),
      outFiles: flags.out ?? OUTPUTS.map((name) => `${config.outputDir.replace(/\/+$/, '')}/${name}`),
      runs: runChoice(flags.run),
      thresholds: (flags.threshold ?? []).map((each) => parseThreshold(each)),
      say: (line) => this.log(line),
    });
    if (report.thresholds.some(({ passed }) => !passed)) this.endWith(EXIT.checkFailed);
    else if (report.inputs.missing.length > 0) this.endWith(EXIT.incomplete);
    return report;
  }
}

function local(flag: string, places: string[] | '' | undefined): string[] | undefined {
  if (!places) return undefined;
  const problem = places.map(remoteProblem).find((text) => text !== null);
  if (problem !== undefined) throw new ClusterError('bad_usage', `${flag}: ${problem}`);
  return places;
}

function runChoice(run: string | undefined): RunChoice {
  if (run === undefined) return { take: 'newest' };
  return run === 'all' ? { take: 'all' } : { take: 'id', runId: run };
}
