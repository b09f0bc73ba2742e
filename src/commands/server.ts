/** The command `server`: resolves and checks the configuration, certificates and cover, and runs one server. */
import { Flags } from '@oclif/core';
import { availableParallelism } from 'node:os';
import packageJson from '../../package.json';
import { defaultCover } from '../assets/assets';
import { readInputFile } from '../client/images';
import { flagsOf } from '../cli/setting-flags';
import { advertisedAddress, type ServerConfig, serverConfigOf } from '../config/server-config';
import { peersTable, readServerFile, serverFile, serverTable } from '../config/server-file';
import { ClusterError } from '../core/errors';
import { systemClock } from '../core/system/system-clock';
import { checkCover } from '../imaging/cover-check';
import { runServer, type RunServerOptions } from '../server/run-server';
import { BaseCommand } from './base';
import { secureOf } from '../cli/secure';
import { refuseSharedFiles } from './server/own-files';
import { reachWarnings } from '../cli/reach';

declare const WORKER_SOURCE: string;

/** Time for running tasks to finish on shutdown. */
const DRAIN_MS = 5000;
/** Above the size of 100 megapixels, the limit for a cover. */
const MAX_COVER_FILE_BYTES = 512 * 1024 * 1024;

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
    const secure = await secureOf(config.tls, 'server');
    const exitCode = await runServer({
      ...runOptions(config, file?.path ?? null),
      secure,
      warnings: reachWarnings(config, secure),
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
  const { election, processing, limits } = config;
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
    cover: readCover(config.coverImage, configPath),
    workerSource: WORKER_SOURCE,
    eventsFile: config.eventsFile,
    pidFile: config.pidFile,
    logFile: config.logFile,
    metricsAddress: config.metricsAddress,
    configPath,
    clock: systemClock,
  };
}

/** Reads and checks the cover before the server listens; the rest is checked by its decoding. */
function readCover(file: string | undefined, configPath: string | null): { bytes: Uint8Array; name: string } {
  if (file === undefined) return { bytes: defaultCover(), name: 'the built-in cover' };
  const place = configPath === null ? '' : `${configPath}: `;
  let bytes: Uint8Array;
  try {
    bytes = readInputFile(file, MAX_COVER_FILE_BYTES);
  } catch (error) {
    throw new ClusterError('bad_config', `${place}server.cover_image: ${(error as Error).message}`);
  }
  const name = `server.cover_image ${file}`;
  try {
    checkCover(bytes);
  } catch (error) {
    throw error instanceof ClusterError ? new ClusterError(error.code, `${place}${name}: ${error.message}`) : error;
  }
  return { bytes, name };
}
