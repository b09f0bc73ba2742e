/** The command `stress`: many concurrent clients; stress.toml has the load, the client's file the servers. */
import { randomInt } from 'node:crypto';
import { oneLine, printable } from '../core/printable';
import { flagsOf } from '../cli/setting-flags';
import { clientConfigOf, clientSettings } from '../config/client-config';
import { type StressConfig, stressConfigOf, stressFlagSettings, stressSettings } from '../config/stress-config';
import { logLine } from '../core/log-line';
import { withInterrupt } from '../core/system/stop-signals';
import { systemClock } from '../core/system/system-clock';
import type { StressReport } from '../stress/options';
import { exitCodeOfStress } from '../stress/exit-code.pure';
import { runStress } from '../stress/runner';
import { Screen } from '../stress/screen';
import { BaseCommand } from './base';
import { loadTls } from '../cli/load-tls';
import { metricsWarnings } from '../cli/exposure-warnings';
import { programMetadata } from '../cli/run-metadata';
import { withEndSignal } from './stress/end-signal';
import { imagesOf } from '../cli/images';

export class Stress extends BaseCommand {
  static override summary = 'load the servers with many concurrent clients on this machine';
  static override description =
    'Without --config it reads config/stress.toml if it exists. Each client waits a random think time between its ' +
    'requests, or all clients together send at a fixed --rate, however slow the servers are; latencies are measured ' +
    'from the time a request was due. The clients verify every carrier; every request is in the metrics folder. ' +
    'Ctrl-C stops it: requests in flight count as interrupted, and files are complete. Exits with 3 if a carrier was ' +
    'wrong, a threshold failed or the run was aborted, with 4 if no server answered, this program was the bottleneck or a ' +
    'file could not be written.';
  static override examples = [
    '<%= config.bin %> stress',
    '<%= config.bin %> stress --machine-id 2 --clients 200 --requests 50',
    '<%= config.bin %> stress --clients 20 --min-delay-ms 0 --max-delay-ms 0 --duration 60 --server 127.0.0.1:8001',
    "<%= config.bin %> stress --rate 50 --duration 60 --ramp-up 10 --warmup 15 --threshold 'p99<800ms'",
    "<%= config.bin %> stress --rate 50 --arrivals poisson --duration 600 --abort-on 'failure_rate<5%'",
  ];
  static override flags = flagsOf({
    ...stressSettings,
    ...stressFlagSettings,
    server: clientSettings.server_addresses,
  });

  async run(): Promise<StressReport> {
    const { flags } = await this.parse(Stress);
    const config = stressConfigOf(flags);
    const { clientConfig, isClientConfigRequired, seed = randomInt(2 ** 31), settings } = config;
    const file = isClientConfigRequired ? clientConfig : undefined;
    const client = clientConfigOf({ config: file, server: flags.server });
    const { images, name } = imagesOf(config.imageDirectory);
    const { serverAddresses, requestTimeoutMs } = client;
    const options = { ...config, seed, images, serverAddresses, requestTimeoutMs, secure: await loadTls(client.tls) };
    const request_timeout_secs = requestTimeoutMs / 1000;
    const load = { ...settings, seed, server_addresses: serverAddresses, request_timeout_secs };
    const report = await withEndSignal((endSignal) =>
      withInterrupt((signal) =>
        runStress({
          ...options,
          signal,
          endSignal,
          clock: systemClock,
          names: { images: name, clientConfig },
          notes: notesOf(config, client.saysRequests),
          metadata: { ...programMetadata(['stress', ...this.argv]), config: load },
          logLevel: flags['log-level'],
          screen: this.jsonEnabled() ? undefined : new Screen(process.stdout, systemClock),
        }),
      ),
    );
    if (report.problem !== null) process.stderr.write(`Error: files are not complete: ${oneLine(report.problem)}\n`);
    this.endWith(exitCodeOfStress(report));
    return report;
  }
}

/** The lines before the banner. */
function notesOf({ clientConfig, metricsAddress }: StressConfig, saysRequests: boolean): string[] {
  const note = `[requests] of ${printable(clientConfig)} is ignored: stress.toml and the flags define the load`;
  const now = new Date(systemClock.unixMs());
  const warnings = metricsWarnings(metricsAddress).map((text) => logLine(now, 'warn', text));
  return saysRequests ? [note, ...warnings] : warnings;
}
