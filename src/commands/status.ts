import { Flags } from '@oclif/core';
import { whenOutputFails } from '../cli/output';
import { loadClientConfig } from '../config/client-config';
import { ADDRESS_SHAPE, isDialAddress } from '../core/address';
import { ClusterError, EXIT } from '../core/errors';
import { withInterrupt } from '../core/stop-signals';
import type { TlsFiles } from '../config/tls';
import type { Secure } from '../core/transport/network';
import { paintFor } from '../status/paint';
import { reportOf, type StatusReport } from '../status/report';
import { look, type Look, waitForAgreement, watch } from '../status/status';
import { renderStatus } from '../status/table';
import { BaseCommand } from './base';
import { secureOf } from './client/secure';

const DEFAULT_CONFIG = 'config/client_stress.toml';
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
    server: Flags.string({ multiple: true, helpValue: 'HOST:PORT', summary: 'server to ask; repeatable' }),
    watch: Flags.boolean({ summary: 'refresh every second until Ctrl-C', exclusive: ['wait'] }),
    ca: Flags.string({
      helpValue: 'FILE',
      summary: 'CA certificate of the servers (PEM); with --cert and --key it replaces [tls]',
    }),
    cert: Flags.string({ helpValue: 'FILE', summary: 'client certificate (PEM)' }),
    key: Flags.string({ helpValue: 'FILE', summary: 'private key of the certificate (PEM)' }),
    wait: Flags.integer({
      min: 0,
      max: 86_400,
      helpValue: 'SECS',
      summary: 'wait until all servers are ready and agree on a leader, at most this long',
    }),
  };

  /** Prints and returns the status of all servers. */
  async run(): Promise<StatusReport | undefined> {
    const { flags } = await this.parse(Status);
    const inFile = loadClientConfig(flags.config ?? DEFAULT_CONFIG, { required: flags.config !== undefined });
    const addresses = flags.server ? checked(flags.server) : inFile.serverAddresses;
    const secure = await secureOf(tlsOf(flags) ?? inFile.tls);
    return withInterrupt(async (signal) => {
      try {
        if (!flags.watch) return await this.#once(addresses, flags.wait, signal, secure);
        // Stops when nothing can be printed any more.
        await watch(addresses, AbortSignal.any([signal, whenOutputFails]), (latest) => this.#showAgain(latest), secure);
        return undefined;
      } finally {
        if (signal.aborted) this.endWith(EXIT.interrupted);
      }
    });
  }

  async #once(
    addresses: string[],
    waitSecs: number | undefined,
    stop: AbortSignal,
    secure: Secure | undefined,
  ): Promise<StatusReport> {
    const { answers, verdict } = await (waitSecs === undefined
      ? look(addresses, stop, undefined, secure)
      : waitForAgreement(addresses, waitSecs * 1000, stop, secure));
    if (!verdict.agreed) this.endWith(EXIT.incomplete);
    this.log(renderStatus(answers, verdict, paintFor(process.env)));
    return reportOf(answers, verdict);
  }

  #showAgain({ answers, verdict }: Look): void {
    const clear = process.stdout.isTTY ? CLEAR_SCREEN : '';
    if (this.jsonEnabled()) process.stdout.write(`${JSON.stringify(reportOf(answers, verdict))}\n`);
    else process.stdout.write(`${clear}${renderStatus(answers, verdict, paintFor(process.env))}\n\n`);
  }
}

function checked(addresses: string[]): string[] {
  const wrong = addresses.filter((address) => !isDialAddress(address));
  if (wrong.length === 0) return addresses;
  const lines = wrong.map((address) => `--server: expected ${ADDRESS_SHAPE}, got ${JSON.stringify(address)}`);
  throw new ClusterError('bad_usage', lines.join('\n'));
}

function tlsOf({ ca, cert, key }: { ca?: string; cert?: string; key?: string }): TlsFiles | undefined {
  if (ca === undefined && cert === undefined && key === undefined) return undefined;
  if (ca === undefined || cert === undefined || key === undefined) {
    throw new ClusterError('bad_usage', '--ca, --cert and --key: expected all three or none');
  }
  const at = (path: string, place: string) => ({ path, place });
  return { ca: at(ca, '--ca'), cert: at(cert, '--cert'), key: at(key, '--key') };
}
