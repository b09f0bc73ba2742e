/** The command `server`: resolves and checks the configuration, certificates and cover, and runs one server. */
import { Flags } from '@oclif/core';
import { availableParallelism } from 'node:os';
import packageJson from '../../package.json';
import { defaultCover } from '../assets/assets';
import { flagsOf } from '../cli/setting-flags';
import { advertisedAddress, type ServerConfig, serverConfigOf } from '../config/server-config';
import { peersTable, readServerFile, serverFile, serverTable } from '../config/server-file';
import { systemClock } from '../core/system/system-clock';
import { readCover } from '../server/cover-file';
import { runServer, type RunServerOptions } from '../server/run-server';
import { BaseCommand } from './base';
import { loadTls } from '../cli/load-tls';
import { refuseSharedFiles } from './server/own-files';
import { exposureWarnings } from '../cli/exposure-warnings';

declare const WORKER_SOURCE: string;

/** Time for running tasks to finish on shutdown. */
const DRAIN_MS = 5000;

export class Server extends BaseCommand {
  static override summary = 'run one server';
  static override description =
    'Joins the configured cluster, elects a leader with its peers and hides the images that clients send. Ctrl-C, ' +
    'SIGTERM or a closed terminal (SIGHUP, also under nohup) makes it hand over and finish its running tasks; a second ' +
    'Ctrl-C or SIGTERM ends it at once.';
  static override examples = [
    '<%= config.bin %> server --config config/server1.toml',
    '<%= config.bin %> server --id 1 --address 127.0.0.1:8001 --peer 2@127.0.0.1:8002 --peer 3@127.0.0.1:8003',
    { description: 'a single server on 127.0.0.1:8001, without a file', command: '<%= config.bin %> server' },
  ];
  static override flags = {
    ...flagsOf({ ...serverTable, ...peersTable }),
    'until-stdin-ends': Flags.boolean({
      summary: 'also shut down when standard input ends (at once with /dev/null); for programs that start servers',
    }),
  };

  async run(): Promise<{ server_id: number; exit_code: number }> {
    const { flags } = await this.parse(Server);
    const file = readServerFile(flags.config ?? serverFile.path, { required: flags.config !== undefined });
    const config = serverConfigOf(flags, file, { availableParallelism: availableParallelism() });
    refuseSharedFiles(config, file?.path ?? null);
    const secure = await loadTls(config.tls, 'server');
    const exitCode = await runServer({
      ...runOptions(config, file?.path ?? null),
      secure,
      warnings: exposureWarnings(config, secure),
      logLevel: flags['log-level'],
      leaveAtEndOf: flags['until-stdin-ends'] ? process.stdin : undefined,
    });
    this.endWith(exitCode);
    return { server_id: config.id, exit_code: exitCode };
  }
}

function runOptions(
  config: ServerConfig,
  configPath: string | null,
): Omit<RunServerOptions, 'logLevel' | 'leaveAtEndOf' | 'secure' | 'warnings'> {
  const { election, processing, limits, coverImage } = config;
  return {
    member: {
      id: config.id,
      address: advertisedAddress(config),
      peers: config.peers,
      timings: {
        heartbeatMs: election.heartbeatIntervalMs,
        failureTimeoutMs: election.failureTimeoutMs,
        electionTimeoutMs: election.electionTimeoutMs,
      },
      workers: processing.workers,
      queueLimit: processing.queueLimit,
      version: packageJson.version,
      drainMs: DRAIN_MS,
    },
    address: config.address,
    limits,
    workers: processing.workers,
    compression: processing.compression,
    cover:
      coverImage === undefined
        ? { bytes: defaultCover(), name: 'the built-in cover' }
        : readCover(coverImage, configPath),
    workerSource: WORKER_SOURCE,
    eventsFile: config.eventsFile,
    pidFile: config.pidFile,
    logFile: config.logFile,
    metricsAddress: config.metricsAddress,
    configPath,
    clock: systemClock,
  };
}
