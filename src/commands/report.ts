/** The command `report`: aggregates the files of a run, or compares the reports of two runs. */
import { Flags } from '@oclif/core';
import { flagsOf } from '../cli/setting-flags';
import { reportConfigOf, reportSettings } from '../config/report-config';
import { ClusterError } from '../core/errors';
import { withInterrupt } from '../core/system/stop-signals';
import { systemClock } from '../core/system/system-clock';
import { goesToStdout, outputPath } from '../files/target';
import type { Comparison } from '../report/compare/comparison';
import { runCompare } from '../report/run-compare';
import type { Report as ReportResult } from '../report/report';
import type { RunChoice } from '../report/read/files/read-requests';
import { exitCodeOfCompare, exitCodeOfReport } from '../report/exit-code.pure';
import { runReport } from '../report/run-report';
import { BaseCommand } from './base';

const OUTPUTS = ['final_report.json', 'final_report.txt', 'final_report.html'];

export class Report extends BaseCommand {
  static override summary = 'aggregate the results of a run into one report';
  static override description =
    'Reads the metrics folders, the fault events and the event files of the servers, and writes final_report.json, ' +
    'final_report.txt and final_report.html. Without --config it reads config/report.toml if it exists. Exits with 3 ' +
    'if anything is wrong (also in a run that is compared), or a threshold failed or its value is unknown; else with 4 if ' +
    'a load was invalid (also in a run that is compared), the audit is unknown (it needs the event files of the servers) ' +
    'or an input that was named could not be read.';
  static override examples = [
    '<%= config.bin %> report',
    '<%= config.bin %> report --metrics client1/metrics --metrics client2/metrics --events servers --out report.txt',
    {
      description: 'collect from other machines over SSH',
      command:
        '<%= config.bin %> report --metrics anna@client1:/srv/cloudp2p/metrics --events anna@server1:/srv/cloudp2p',
    },
    "<%= config.bin %> report --threshold 'failure_rate<1%' --threshold 'p99<800ms' --threshold 'recovery<2s'",
    {
      description: 'compare two runs: what changed, and which changes exceed the noise',
      command: '<%= config.bin %> report --compare runs/before runs/after --out change.html',
    },
    { description: 'the numbers for a script', command: '<%= config.bin %> report --json | jq .latency_stats' },
  ];
  static override flags = {
    ...flagsOf(reportSettings),
    out: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'FILE',
      summary: 'file to write: .json, .txt, .html, .xml (JUnit) or .csv; - is standard output (text); repeatable',
    }),
    run: Flags.string({ helpValue: 'ID|all', summary: 'run to report (default: the newest)' }),
    compare: Flags.string({
      multiple: true,
      helpValue: 'FILE',
      exclusive: ['metrics', 'faults', 'events', 'run', 'threshold', 'slow-limit'],
      summary: 'compare two runs, A and B: final_report.json or its folder; --out writes .txt, .html or .json',
    }),
  };

  /** Writes the report, or compares two, and returns it. */
  async run(): Promise<ReportResult | Comparison> {
    const { flags } = await this.parse(Report);
    const out = flags.out?.map(outputPath);
    const isData = out?.some(goesToStdout) ?? false;
    if (isData && this.jsonEnabled()) throw new ClusterError('bad_usage', '--json needs --out FILE');
    const say = (line: string): void => (isData ? this.logToStderr(line) : this.log(line));
    if (flags.compare) {
      const comparison = await runCompare({ places: flags.compare, outFiles: out ?? [], say });
      this.endWith(exitCodeOfCompare(comparison));
      return comparison;
    }
    const config = reportConfigOf(flags);
    const outputDir = config.outputDir.replace(/\/+$/, '');
    const report = await runReport({
      metrics: config.metrics,
      faults: config.faults,
      events: config.events,
      outFiles: out ?? OUTPUTS.map((name) => `${outputDir}/${name}`),
      inputs: [{ path: config.file, name: 'the configuration' }],
      runs: runChoice(flags.run),
      thresholds: config.thresholds,
      slowLimitMs: config.slowLimitMs,
      remote: {
        into: `${outputDir}/collected`,
        clock: systemClock,
        interruptible: withInterrupt,
        output: this.jsonEnabled() || isData ? undefined : process.stdout,
      },
      here: systemClock.look?.(),
      say,
    });
    this.endWith(exitCodeOfReport(report));
    return report;
  }
}

function runChoice(run: string | undefined): RunChoice {
  if (run === undefined) return { take: 'newest' };
  return run === 'all' ? { take: 'all' } : { take: 'id', runId: run };
}
