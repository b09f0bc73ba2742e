import { randomInt, randomUUID } from 'node:crypto';
import { Flags } from '@oclif/core';
import { availableParallelism, hostname } from 'node:os';
import path from 'node:path';
import packageJson from '../../package.json';
import { withInterrupt } from '../client/interrupt';
import { type RunConfig, runConfigOf } from '../config/run-config';
import { EXIT } from '../core/errors';
import { timestamp } from '../core/log-line';
import { systemClock } from '../core/system-clock';
import { exitCodeOfRun, planText } from '../run/outcome';
import { runAll, type RunResult } from '../run/run';
import { Screen } from '../stress/screen';
import { BaseCommand } from './base';
import { ownCommand } from './run/own-command';
import { runFlags, runOverridesOf } from './run/flags';
import { thresholdsOf } from './run/thresholds';
import { imagesOf } from './stress/images';

export class Run extends BaseCommand {
  static override summary = 'the whole workflow: servers, clients, faults, wait, report';
  static override description =
    'Starts servers on this machine, loads them with clients, kills and restarts every server in a ring meanwhile, and ' +
    'prints the report. Everything it writes is in one folder. It exits with 0 if at most 5 % of the requests failed ' +
    'and all checks hold, with 3 if not or a threshold is crossed, with 4 if something is incomplete, with 130 after ' +
    'Ctrl-C. No server is left behind, however it ends.';
  static override examples = [
    '<%= config.bin %> run',
    '<%= config.bin %> run --clients 50 --cycles 3 --interval 20 --restart-delay 5',
    "<%= config.bin %> run --servers 5 --threshold 'p99<800ms' --threshold 'recovery<2s'",
    { description: 'only show what would be done', command: '<%= config.bin %> run --plan' },
  ];
  static override flags = {
    ...runFlags,
    plan: Flags.boolean({ summary: 'print what would be done, and do nothing' }),
    keep: Flags.boolean({ summary: 'keep the servers up after the report, until Ctrl-C' }),
  };

  async run(): Promise<RunResult | RunConfig> {
    const { flags } = await this.parse(Run);
    const config = runConfigOf(flags.config, runOverridesOf(flags));
    const startedAt = systemClock.unixMs();
    const folder = flags.out ?? path.join(config.outputDir, folderName(new Date(startedAt)));
    const thresholds = thresholdsOf(config.thresholds, flags);
    const { images, name: imagesName } = imagesOf(config.imageDirectory);
    if (flags.plan) {
      this.log(planText(config, folder));
      return config;
    }
    const seed = config.seed ?? randomInt(2 ** 31);
    const screen = this.jsonEnabled() ? undefined : new Screen(process.stdout, systemClock);
    const result = await withInterrupt((signal) =>
      runAll({
        ...{ config, folder, images, imagesName, thresholds, keep: flags.keep, signal, screen },
        ...{ command: ownCommand(), clock: systemClock, logLevel: flags['log-level'] },
        facts: {
          ...{ run_id: randomUUID(), command_line: ['cloudp2p', 'run', ...this.argv], version: packageJson.version },
          ...{ node_version: process.version, host: hostname(), cores: availableParallelism(), seed },
          ...{ started_at: startedAt, ended_at: null, config: config.settings },
        },
      }),
    );
    this.endWith(result.interrupted ? EXIT.interrupted : exitCodeOfRun(result));
    return result;
  }
}

/** 2025-10-31_10-00-00 */
function folderName(at: Date): string {
  return timestamp(at).slice(1, -1).replace(' ', '_').replaceAll(':', '-');
}
