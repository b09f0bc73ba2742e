/** The command `faults`: injects faults into servers by a plan, or only prints the plan. */
import { randomInt } from 'node:crypto';
import { Flags } from '@oclif/core';
import packageJson from '../../package.json';
import { printsItsResult } from '../cli/output';
import { flagsOf } from '../cli/setting-flags';
import { type FaultsConfig, faultsConfigOf, faultsFile, faultsSettings } from '../config/faults-config';
import { EXIT } from '../core/errors';
import { withInterrupt } from '../core/system/stop-signals';
import { systemClock } from '../core/system/system-clock';
import { isSpecial } from '../files/target';
import { dryRun, type FaultsReport, simulateFaults } from '../faults/session/simulate';
import { BaseCommand } from './base';
import { loadTls } from '../cli/load-tls';
import { refuseSharedFiles } from './faults/own-files';
import { selfExecCommand } from '../cli/self-exec';

export class Faults extends BaseCommand {
  static override summary = 'inject faults into servers on a plan, and heal them';
  static override description =
    'The servers are those of --config (default config/faults.toml, else config/server*.toml), on this machine or over ' +
    'SSH. Ctrl-C heals every active fault; if this program dies, the agents it started beside the servers heal them. ' +
    'Never takes down the last running server without --allow-total-outage. Exits with 3 if an abort condition was ' +
    'met, with 4 if a server did not come back or a fault could not be injected.';
  static override examples = [
    '<%= config.bin %> faults',
    { description: 'show the plan only', command: '<%= config.bin %> faults --dry-run' },
    '<%= config.bin %> faults --cycles 1 --interval 5 --restart-delay 2',
    '<%= config.bin %> faults --pattern random --kind kill=3 --kind pause=1 --seed 7',
    '<%= config.bin %> faults --kind partition --target leader --partition-from peers',
    "<%= config.bin %> faults --pattern simultaneous --count 2 --abort-when 'failure_rate>20%'",
    { description: 'a graceful rolling restart', command: '<%= config.bin %> faults --pattern rolling --kind restart' },
  ];
  static override flags = {
    ...flagsOf(faultsSettings),
    'dry-run': Flags.boolean({ summary: 'print the timetable and exit' }),
  };

  async run(): Promise<FaultsReport | ReturnType<typeof dryRun>> {
    const { flags } = await this.parse(Faults);
    const config = filesBeside(faultsConfigOf(flags, { ownCommand: selfExecCommand(), seed: randomInt(2 ** 31) }));
    refuseSharedFiles(config, flags.config ?? faultsFile.path);
    const display = this.jsonEnabled() ? undefined : process.stdout;
    if (flags['dry-run']) {
      printsItsResult();
      return dryRun(config, display);
    }
    const secure = await loadTls(config.tls);
    const program = { version: packageJson.version, command: selfExecCommand() };
    const report = await withInterrupt((signal) =>
      simulateFaults({ config, program, secure, clock: systemClock, signal, display }),
    );
    this.endWith(exitCodeOf(report));
    return report;
  }
}

/** Drops the other files if the log goes to a device or standard output: no files are created beside those. */
function filesBeside(config: FaultsConfig): FaultsConfig {
  return isSpecial(config.logFile) ? { ...config, eventsFile: null, probeFile: null } : config;
}

function exitCodeOf(report: FaultsReport): number {
  if (report.interrupted) return EXIT.interrupted;
  if (report.condition !== null) return EXIT.checkFailed;
  const isIncomplete = report.failed > 0 || report.ended_early !== null || !report.is_logged;
  return isIncomplete ? EXIT.incomplete : EXIT.ok;
}
