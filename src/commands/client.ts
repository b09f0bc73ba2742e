/** The command `client`: one client that sends images at a rate or with think times, and verifies the carriers. */
import { randomInt } from 'node:crypto';
import { Flags } from '@oclif/core';
import path from 'node:path';
import { printsItsResult } from '../cli/output';
import { flagsOf } from '../cli/setting-flags';
import { clientConfigOf, clientFlagSettings, clientSettings } from '../config/client-config';
import { type ClientReport, hasFailed, hasWrongCarrier, logFileOf, runClient } from '../client/run-client';
import { EXIT } from '../core/errors';
import { goesToStdout, type NamedFile, outputPath, refuseOverwriting } from '../files/target';
import { withInterrupt } from '../core/system/stop-signals';
import { systemClock } from '../core/system/system-clock';
import { BaseCommand } from './base';
import { loadTls } from '../cli/load-tls';
import { configFilesOf } from '../cli/config-files';
import { imagesOf } from '../cli/images';

export class Client extends BaseCommand {
  static override summary = 'send images at the configured rate and verify the carriers';
  static override description =
    'Without --config it reads config/client_stress.toml if it exists. Ctrl-C stops it: requests in flight count as ' +
    'interrupted, and files are complete. Exits with 3 if a carrier was wrong or no request succeeded, with 4 if no ' +
    'server could be reached.';
  static override examples = [
    '<%= config.bin %> client',
    '<%= config.bin %> client --server 127.0.0.1:8001 --requests 100 --min-delay-ms 0 --max-delay-ms 0',
    '<%= config.bin %> client --rate 50 --duration 60 --metrics-output metrics/machine_1_client_1.json',
  ];
  static override flags = {
    ...flagsOf({ ...clientSettings, ...clientFlagSettings }),
    'metrics-output': Flags.string({
      helpValue: 'FILE',
      summary:
        'file to write the metrics to (JSON), with the log beside it (.log); - is standard output, without a log',
    }),
  };

  async run(): Promise<ClientReport> {
    const { flags } = await this.parse(Client);
    const config = clientConfigOf(flags);
    const { machineId, clientId, seed = randomInt(2 ** 31) } = config;
    const found = imagesOf(config.imageDirectory);
    const { 'metrics-output': metricsOutput } = flags;
    const metricsFile = metricsOutput === undefined ? undefined : outputPath(metricsOutput);
    if (metricsFile !== undefined) {
      const read = [...configFilesOf(flags.config, config), ...filesOf(found)];
      refuseOverwriting([metricsFile, logFileOf(metricsFile)], read);
    }
    const isData = metricsFile !== undefined && goesToStdout(metricsFile);
    if (isData) printsItsResult();
    const output = isData ? process.stderr : process.stdout;
    const { isTTY: isTerminal = false, columns } = output;
    const display = { write: (text: string) => void output.write(text), isTerminal, columns };
    const secure = await loadTls(config.tls);
    const report = await withInterrupt((signal) =>
      runClient({
        config,
        images: found.images,
        machineId,
        clientId,
        seed,
        clock: systemClock,
        signal,
        secure,
        metricsFile,
        logLevel: flags['log-level'],
        display: this.jsonEnabled() ? undefined : display,
      }),
    );
    if (hasWrongCarrier(report)) this.endWith(EXIT.checkFailed);
    else if (report.interrupted) this.endWith(EXIT.interrupted);
    else if (!report.reached) this.endWith(EXIT.incomplete);
    else if (hasFailed(report)) this.endWith(EXIT.checkFailed);
    return report;
  }
}

/** Returns the images of a folder; those inside the program are not files. */
function filesOf({ images, name: folder }: ReturnType<typeof imagesOf>): NamedFile[] {
  return images.map(({ name }) => ({ path: path.join(folder, name), name: `an image to send (${name})` }));
}
