/** The command `run`: servers, load, faults and a report in one, on this machine or over SSH. */
import { randomInt, randomUUID } from 'node:crypto';
import { Flags } from '@oclif/core';
import path from 'node:path';
import { printsItsResult } from '../cli/output';
import { flagsOf } from '../cli/setting-flags';
import {
  type RunConfig,
  runConfigOf,
  runFaultSettings,
  runFlagSettings,
  runReportSettings,
  runSettings,
  runStressSettings,
} from '../config/run-config';
import { timestamp } from '../core/log-line';
import { withInterrupt } from '../core/system/stop-signals';
import { systemClock } from '../core/system/system-clock';
import { exitCodeOfRun } from '../run/exit-code.pure';
import { planText } from '../run/plan-text.pure';
import type { RunResult } from '../run/recorder';
import { runRemotely } from '../run/remote/remote-run';
import { remotePlanText } from '../run/remote/plan-text.pure';
import { type PlacesOptions, wantedPlaces } from '../run/remote/places';
import { runAll } from '../run/run';
import { Screen } from '../stress/screen';
import { BaseCommand } from './base';
import { programMetadata } from '../cli/run-metadata';
import { remotePartsOf } from './run/remote-parts';
import { selfExecCommand } from '../cli/self-exec';
import { imagesOf } from '../cli/images';

export class Run extends BaseCommand {
  static override summary = 'run the whole workflow: servers, clients, faults, wait, report';
  static override description =
    'Starts servers, loads them with clients, kills and restarts each server in turn under load, and writes a report; ' +
    'on this machine, or over SSH on the [[servers]] and [[clients]]. All its files are in one folder. Exits with 0 if ' +
    'at most 5 % of the requests failed and all checks passed, with 3 if not, if a threshold failed or an abort ' +
    'condition was met, with 4 if the load was invalid, a check is unknown or something is incomplete, with 130 after ' +
    'Ctrl-C. Stops everything it started.';
  static override examples = [
    '<%= config.bin %> run',
    '<%= config.bin %> run --clients 50 --cycles 3 --interval 20 --restart-delay 5',
    "<%= config.bin %> run --servers 5 --threshold 'p99<800ms' --threshold 'recovery<2s'",
    { description: 'show the plan only', command: '<%= config.bin %> run --plan' },
  ];
  static override flags = {
    ...flagsOf(runSettings),
    ...flagsOf(runStressSettings),
    ...flagsOf(runFaultSettings),
    ...flagsOf({ ...runReportSettings, ...runFlagSettings }),
    plan: Flags.boolean({ summary: 'print the plan and exit' }),
    keep: Flags.boolean({ summary: 'keep the servers running after the report, until Ctrl-C' }),
  };

  async run(): Promise<RunResult | RunConfig> {
    const { flags } = await this.parse(Run);
    const seed = randomInt(2 ** 31);
    const { config, thresholds, ...named } = runConfigOf(flags, seed);
    const startedAt = systemClock.unixMs();
    const { folder = path.join(config.outputDir, folderName(new Date(startedAt))) } = named;
    const load = imagesOf(config.imageDirectory);
    const far = config.lab && (await remotePartsOf(config, config.lab, load.images));
    if (flags.plan) {
      printsItsResult();
      this.log(far ? farPlan({ ...far, config, seed }, folder, flags.keep) : planText(config, folder));
      return config;
    }
    const program = { ...programMetadata(['run', ...this.argv]), seed: config.seed ?? seed, config: config.settings };
    const metadata = { run_id: randomUUID(), ...program, started_at: startedAt, ended_at: null };
    const output = this.jsonEnabled() ? undefined : process.stdout;
    const screen = output && new Screen(output, systemClock);
    const result = await withInterrupt((signal) => {
      const common = { config, folder, thresholds, metadata, keep: flags.keep, clock: systemClock, signal, screen };
      if (far) return runRemotely({ ...common, ...far, output });
      const { images, name: imagesName } = load;
      return runAll({ ...common, images, imagesName, command: selfExecCommand(), logLevel: flags['log-level'] });
    });
    this.endWith(exitCodeOfRun(result));
    return result;
  }
}

/** The plan text of a run over SSH. The seed goes into the copied files and is not shown. */
function farPlan(options: PlacesOptions, folder: string, keep: boolean): string {
  return remotePlanText({ ...options, folder, keep, places: wantedPlaces(options) });
}

/** 2025-10-31_10-00-00 */
function folderName(at: Date): string {
  return timestamp(at).slice(1, -1).replace(' ', '_').replaceAll(':', '-');
}
