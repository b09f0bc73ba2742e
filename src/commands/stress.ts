import { randomInt } from 'node:crypto';
import { oneLine, printable } from '../core/printable';
import { type StressConfig, stressConfigOf } from '../config/stress-config';
import { EXIT } from '../core/errors';
import { logLine } from '../core/log-line';
import { withInterrupt } from '../core/stop-signals';
import { systemClock } from '../core/system-clock';
import type { StressReport } from '../stress/options';
import { runStress } from '../stress/runner';
import { Screen } from '../stress/screen';
import { BaseCommand } from './base';
import { clientConfigOf } from './client/overrides';
import { secureOf } from './client/secure';
import { metricsWarnings } from './server/reach';
import { programMetadata } from './stress/run-metadata';
import { withEndSignal } from './stress/end-signal';
import { stressFlags, stressOverridesOf } from './stress/flags';
import { imagesOf } from './stress/images';
import { stressThresholds } from './stress/thresholds';

export class Stress extends BaseCommand {
  static override summary = 'load the servers with many concurrent clients on this machine';
  static override description =
    'Without --config it reads config/stress.toml if it exists. Each client waits a random think time between its ' +
    'requests, or all clients together send at a fixed --rate, however slow the servers are; latencies are measured ' +
    'from the time a request was due. The clients verify every carrier; every request is in the metrics folder. ' +
    'Ctrl-C stops it: requests in flight count as interrupted, and files are complete. Exits with 3 if a carrier was ' +
    'wrong, a threshold failed or the run was aborted, with 4 if no server answered or a file could not be written.';
  static override examples = [
    '<%= config.bin %> stress',
    '<%= config.bin %> stress --machine-id 2 --clients 200 --requests 50',
    '<%= config.bin %> stress --clients 20 --min-delay-ms 0 --max-delay-ms 0 --duration 60 --server 127.0.0.1:8001',
    "<%= config.bin %> stress --rate 50 --duration 60 --ramp-up 10 --warmup 15 --threshold 'p99<800ms'",
    "<%= config.bin %> stress --rate 50 --arrivals poisson --duration 600 --abort-on 'failure_rate<5%'",
  ];
  static override flags = stressFlags;

  async run(): Promise<StressReport> {
    const { flags } = await this.parse(Stress);
    const { overrides, waitMs, ...together } = stressOverridesOf(flags);
    const config = stressConfigOf(flags.config, overrides);
    const { clientConfig, isClientConfigRequired, seed = randomInt(2 ** 31), settings } = config;
    const thresholds = stressThresholds(config, flags);
    const file = isClientConfigRequired ? clientConfig : undefined;
    const { serverAddresses, requestTimeoutMs, tls, saysRequests } = clientConfigOf(file, { servers: flags.server });
    const { images, name } = imagesOf(config.imageDirectory);
    const load = { ...settings, seed, server_addresses: serverAddresses };
    const secure = await secureOf(tls);
    const options = {
      ...config,
      ...thresholds,
      ...together,
      seed,
      waitMs,
      images,
      serverAddresses,
      requestTimeoutMs,
      secure,
    };
    const report = await withEndSignal((endSignal) =>
      withInterrupt((signal) =>
        runStress({
          ...{ ...options, signal, endSignal, clock: systemClock },
          ...{ names: { images: name, clientConfig }, notes: notesOf(config, saysRequests) },
          metadata: { ...programMetadata(['stress', ...this.argv]), config: load },
          logLevel: flags['log-level'],
          screen: this.jsonEnabled() ? undefined : new Screen(process.stdout, systemClock),
        }),
      ),
    );
    if (report.problem !== null) process.stderr.write(`Error: files are not complete: ${oneLine(report.problem)}\n`);
    if (report.interrupted) this.endWith(EXIT.interrupted);
    else if (hasFailed(report)) this.endWith(EXIT.checkFailed);
    else if (report.problem !== null || !report.reached) this.endWith(EXIT.incomplete);
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

function hasFailed({ aggregated_stats: stats, thresholds, aborted_by }: StressReport): boolean {
  const isWrong = stats.failure_reasons['Verification failed'] !== undefined;
  return isWrong || aborted_by !== null || thresholds.some(({ passed }) => !passed);
}
