import { Flags } from '@oclif/core';
import { withInterrupt } from '../client/interrupt';
import { faultsConfigOf } from '../config/faults-config';
import { EXIT } from '../core/errors';
import { systemClock } from '../core/system-clock';
import { localDriver } from '../faults/drivers/local';
import { dryRun, type FaultsReport, simulateFaults } from '../faults/simulate';
import { BaseCommand } from './base';
import { ownCommand } from './run/own-command';

export class Faults extends BaseCommand {
  static override summary = 'kill servers in a ring, and start them again';
  static override description =
    'The servers are those of --config (default config/faults.toml, else config/server*.toml); they must run on this ' +
    'machine. Ctrl-C starts again what is down; a second one ends at once. Never kills the last server that is up. ' +
    'It exits with 4 if a server did not come back or a fault could not be performed.';
  static override examples = [
    '<%= config.bin %> faults',
    { description: 'only show what would be done', command: '<%= config.bin %> faults --dry-run' },
    '<%= config.bin %> faults --cycles 1 --interval 5 --restart-delay 2',
  ];
  // Numbers are texts here: oclif would bury our error message in one of its own.
  static override flags = {
    cycles: Flags.string({ helpValue: 'N', summary: 'how often the ring goes round (default 3)' }),
    interval: Flags.string({ helpValue: 'SECS', summary: 'from a restart to the next kill (default 30)' }),
    'restart-delay': Flags.string({ helpValue: 'SECS', summary: 'how long a server stays down (default 10)' }),
    pattern: Flags.option({ options: ['ring'] as const, default: 'ring', summary: 'which servers, in which order' })(),
    kind: Flags.option({ options: ['kill'] as const, default: 'kill', summary: 'what happens to them' })(),
    log: Flags.string({ helpValue: 'FILE', summary: 'log file (default ./fault_events.log), .ndjson beside it' }),
    'dry-run': Flags.boolean({ summary: 'print the timetable and do nothing' }),
  };

  async run(): Promise<FaultsReport | ReturnType<typeof dryRun>> {
    const { flags } = await this.parse(Faults);
    const config = faultsConfigOf(flags, ownCommand());
    const display = this.jsonEnabled() ? undefined : process.stdout;
    if (flags['dry-run']) return dryRun(config, display);
    const driver = localDriver();
    const report = await withInterrupt((signal) =>
      simulateFaults({ config, driver, clock: systemClock, signal, display }),
    );
    if (report.interrupted) this.endWith(EXIT.interrupted);
    else if (report.failed > 0 || !report.is_logged) this.endWith(EXIT.incomplete);
    return report;
  }
}
