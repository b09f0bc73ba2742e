import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { withInterrupt } from '../client/interrupt';
import { oneLine, printable } from '../core/printable';
import { stressConfigOf } from '../config/stress-config';
import { EXIT } from '../core/errors';
import { systemClock } from '../core/system-clock';
import { runStress, type StressReport } from '../stress/runner';
import { Screen } from '../stress/screen';
import { BaseCommand } from './base';
import { clientConfigOf } from './client/overrides';
import { stressFlags, stressOverridesOf } from './stress/flags';
import { imagesOf } from './stress/images';

export class Stress extends BaseCommand {
  static override summary = 'load the servers with many concurrent clients of this machine';
  static override description =
    'Without --config it reads config/stress.toml if that is there. Each client sends its requests with random think ' +
    'times between them and verifies what comes back; the metrics folder gets every request. Ctrl-C stops it: what is ' +
    'in flight counts as interrupted, files are whole. It exits with 3 if a carrier was wrong, with 4 if no server ' +
    'answered or files could not be written.';
  static override examples = [
    '<%= config.bin %> stress',
    '<%= config.bin %> stress --machine-id 2 --clients 200 --requests 50',
    '<%= config.bin %> stress --clients 20 --min-delay-ms 0 --max-delay-ms 0 --duration 60 --server 127.0.0.1:8001',
  ];
  static override flags = stressFlags;

  async run(): Promise<StressReport> {
    const { flags } = await this.parse(Stress);
    const { overrides, waitMs } = stressOverridesOf(flags);
    const { seed = randomInt(2 ** 31), ...config } = stressConfigOf(flags.config, overrides);
    const { clientConfig, isClientConfigRequired } = config;
    const file = isClientConfigRequired ? clientConfig : undefined;
    const { serverAddresses, requestTimeoutMs } = clientConfigOf(file, { servers: flags.server });
    const isIgnored = existsSync(clientConfig);
    const note = `[requests] of ${printable(clientConfig)} is not used: what clients send stands in stress.toml and flags`;
    const { images, name } = imagesOf(config.imageDirectory);
    const report = await withInterrupt((signal) =>
      runStress({
        ...{ ...config, seed, waitMs, images, serverAddresses, requestTimeoutMs, signal },
        ...{ names: { images: name, clientConfig }, notes: isIgnored ? [note] : [], clock: systemClock },
        ...{
          logLevel: flags['log-level'],
          screen: this.jsonEnabled() ? undefined : new Screen(process.stdout, systemClock),
        },
      }),
    );
    if (report.problem !== null) process.stderr.write(`Error: files are not complete: ${oneLine(report.problem)}\n`);
    if (report.interrupted) this.endWith(EXIT.interrupted);
    else if (report.aggregated_stats.failure_reasons['Verification failed']) this.endWith(EXIT.checkFailed);
    else if (report.problem !== null) this.endWith(EXIT.incomplete);
    return report;
  }
}
