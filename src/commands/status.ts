/** The command `status`: asks every server once, until they agree on a leader, or every second. */
import { Flags } from '@oclif/core';
import { whenOutputFails } from '../cli/output';
import { flagsOf } from '../cli/setting-flags';
import { statusConfigOf, statusSettings } from '../config/status-config';
import { EXIT } from '../core/errors';
import { withInterrupt } from '../core/system/stop-signals';
import type { Secure } from '../core/transport/network';
import { paintFor } from '../status/paint';
import { reportOf, type StatusReport } from '../status/report.pure';
import { look, type Look, waitForAgreement, watch } from '../status/status';
import { renderStatus } from '../status/table.pure';
import { BaseCommand } from './base';
import { loadTls } from '../cli/load-tls';

const CLEAR_SCREEN = '\u001b[H\u001b[2J';

export class Status extends BaseCommand {
  static override summary = 'show the leader, the term, and the load, tasks and uptime of each server';
  static override description =
    'Asks every server (--server, else server_addresses of the configuration, else 127.0.0.1:8001 to 8003) and prints ' +
    'a table. Exits with 0 if every server answers and all follow the same leader in the same term, else with 4.';
  static override examples = [
    '<%= config.bin %> status',
    '<%= config.bin %> status --server 127.0.0.1:8001 --server 127.0.0.1:8002',
    { description: 'wait until the servers have a leader', command: '<%= config.bin %> status --wait 10' },
    { description: 'redraw every second', command: '<%= config.bin %> status --watch' },
    { description: 'the leader, for a script', command: '<%= config.bin %> status --json | jq .leader_id' },
  ];
  static override flags = {
    ...flagsOf(statusSettings),
    watch: Flags.boolean({ summary: 'refresh every second until Ctrl-C', exclusive: ['wait'] }),
  };

  /** Prints and returns the status of all servers. */
  async run(): Promise<StatusReport | undefined> {
    const { flags } = await this.parse(Status);
    const { serverAddresses: addresses, tls, waitMs } = statusConfigOf(flags);
    const secure = await loadTls(tls);
    return withInterrupt(async (signal) => {
      try {
        if (!flags.watch) return await this.once(addresses, waitMs, signal, secure);
        // Stops when nothing can be printed any more.
        await watch(addresses, AbortSignal.any([signal, whenOutputFails]), (latest) => this.showAgain(latest), secure);
        return undefined;
      } finally {
        if (signal.aborted) this.endWith(EXIT.interrupted);
      }
    });
  }

  private async once(
    addresses: string[],
    waitMs: number | undefined,
    stop: AbortSignal,
    secure: Secure | undefined,
  ): Promise<StatusReport> {
    const { answers, agreement } = await (waitMs === undefined
      ? look(addresses, stop, undefined, secure)
      : waitForAgreement(addresses, waitMs, stop, secure));
    if (!agreement.agreed) this.endWith(EXIT.incomplete);
    this.log(renderStatus(answers, agreement, paintFor(process.env)));
    return reportOf(answers, agreement);
  }

  private showAgain({ answers, agreement }: Look): void {
    const clear = process.stdout.isTTY ? CLEAR_SCREEN : '';
    if (this.jsonEnabled()) process.stdout.write(`${JSON.stringify(reportOf(answers, agreement))}\n`);
    else process.stdout.write(`${clear}${renderStatus(answers, agreement, paintFor(process.env))}\n\n`);
  }
}
