/** Runs the `server` command: a server with its files, image workers and metrics, until a signal stops it. */
import type { Readable } from 'node:stream';
import { ClusterError, EXIT } from '../core/errors';
import { type Clock, isLogged, type Logger, type LogLevel } from '../core/environment';
import { logLine } from '../core/log-line';
import { catchStopSignals, type StopSignal } from '../core/system/stop-signals';
import { ImagePool } from '../imaging/pool';
import type { Compression } from '../imaging/carrier-plan';
import { ownKernelStart } from '../files/kernel-start';
import { RecordFile, type RecordFileOptions } from '../files/record-file';
import type { ServerMetrics } from '../metrics/server-metrics';
import { type FittedConnections, fitConnections } from './open-files';
import { EventsFile } from './events-file';
import { PidFile } from './pid-file';
import { Server, type ServerOptions } from './server';

/** Each event is in the file before its effect leaves: a killed server loses none (docs/decisions/0030). */
const EVENTS_FLUSH_MS = 0;
const LOG_FLUSH_MS = 200;

export interface RunServerOptions {
  member: ServerOptions['member'];
  address: string;
  /** Default: no TLS. */
  secure?: ServerOptions['secure'];
  /** Logged once it listens. */
  warnings?: readonly string[];
  limits: ServerOptions['limits'];
  workers: number;
  compression: Compression;
  /** The cover file's content, and its name in errors. */
  cover: { bytes: Uint8Array; name: string };
  workerSource: string;
  eventsFile: string;
  pidFile: string;
  logFile?: string;
  /** The address that serves Prometheus metrics (host:port). */
  metricsAddress?: string;
  logLevel: LogLevel;
  /** At the end of this stream the server leaves as on SIGTERM: the process that held its other end is gone. */
  leaveAtEndOf?: Readable;
  /** Recorded in the pid file. */
  configPath: string | null;
  clock: Clock;
}

/** Runs one server until SIGTERM, SIGHUP or Ctrl-C; returns the exit code. */
export async function runServer(options: RunServerOptions): Promise<number> {
  const { clock } = options;
  const fitted = fittedConnections(options);
  const { maxConnections, maxHandshakes } = fitted;
  const files = await filesOf(options);
  const pool = new ImagePool({
    workers: options.workers,
    cover: options.cover.bytes,
    compression: options.compression,
    workerSource: options.workerSource,
    maxSecretBytes: options.limits.maxSecretBytes,
  });
  let metrics: ServerMetrics | undefined;
  let pidFile: PidFile | undefined;
  const server = new Server({
    member: options.member,
    address: options.address,
    secure: options.secure,
    limits: { ...options.limits, maxConnections, maxHandshakes },
    pool,
    clock,
    log: files.log,
    record: (event) => {
      metrics?.onEvent(event);
      return files.events.append(event);
    },
  });
  const cleanUp = (): void => {
    files.close();
    pidFile?.remove();
  };
  // Before it listens: a caller that sees it listen may stop it.
  const signals = catchSignals(server, files.log, cleanUp);
  try {
    metrics = await metricsOf(options, server);
    pidFile = await preparePidFile(options);
    await startNamed(server);
    if (options.leaveAtEndOf) leaveAtEndOf(options.leaveAtEndOf, server, files.log);
    for (const text of [...(options.warnings ?? []), ...fitted.warnings]) files.log('warn', text);
    await pidFile.publish();
    await untilStopped(server, pool, options.cover.name, files.log);
    return signals.exitCode();
  } catch (error) {
    throw named(options.configPath, error);
  } finally {
    await metrics?.close();
    await server.close();
    await pool.close();
    cleanUp();
    signals.release();
  }
}

function fittedConnections(options: RunServerOptions): FittedConnections {
  const { limits, member, workers, metricsAddress, secure, configPath } = options;
  const { maxConnections } = limits;
  const uses = { hasMetrics: metricsAddress !== undefined, hasTls: secure !== undefined };
  try {
    return fitConnections({ maxConnections, peerCount: member.peers.length, workers, ...uses });
  } catch (error) {
    throw named(configPath, error);
  }
}

/** Listens for `end` too: a file and /dev/null, which replaces a closed standard input, never report `close`. */
function leaveAtEndOf(input: Readable, server: Server, log: Logger): void {
  let hasEnded = false;
  const end = (how: string): void => {
    if (hasEnded) return;
    hasEnded = true;
    log('info', `standard input ${how}: leaving`);
    server.leave();
  };
  for (const event of ['end', 'close']) input.on(event, () => end('has ended'));
  input.on('error', ({ code }: NodeJS.ErrnoException) => end(`cannot be read (${code})`));
  if (input.destroyed) end('has ended');
  else input.resume();
}

/** The first signal makes the server leave, the second ends the process at once, still with complete files. */
function catchSignals(server: Server, log: Logger, cleanUp: () => void) {
  let exitCode: number = EXIT.ok;
  const exitCodeOf = (signal: StopSignal): number => (signal === 'SIGINT' ? EXIT.interrupted : EXIT.ok);
  const release = catchStopSignals({
    first: (signal) => {
      exitCode = exitCodeOf(signal);
      log('info', `${signal}: leaving; a second signal ends at once`);
      server.leave();
    },
    second: (signal) => {
      cleanUp();
      process.exit(exitCodeOf(signal));
    },
  });
  return { exitCode: () => exitCode, release };
}

/** Waits for the end of the drain, or for a cover that turns out not to be an image. */
async function untilStopped(server: Server, pool: ImagePool, coverName: string, log: Logger): Promise<void> {
  const badCover = new Promise<never>((_, reject) =>
    pool.ready.catch((error: Error) => reject(named(coverName, error))),
  );
  let failure: Error | undefined;
  // Its peers take over what it can no longer do, and its supervisor restarts it.
  pool.failed.catch((error: Error) => {
    failure = error;
    log('error', `${error.message}: leaving`);
    server.leave();
  });
  await Promise.race([server.stopped, badCover]);
  if (failure) throw failure;
}

async function startNamed(server: Server): Promise<void> {
  try {
    await server.start();
  } catch (error) {
    throw named('server.address', error);
  }
}

/** Loaded only on demand: most servers start sooner without it. */
async function metricsOf({ metricsAddress }: RunServerOptions, server: Server): Promise<ServerMetrics | undefined> {
  if (metricsAddress === undefined) return undefined;
  const { exposeServer } = await import('../metrics/server-metrics');
  return exposeServer(metricsAddress, () => server.look());
}

/** Returns the same error, prefixed with the name of its subject. */
function named(name: string | null, error: unknown): unknown {
  return error instanceof ClusterError && name !== null
    ? new ClusterError(error.code, `${name}: ${error.message}`, { cause: error })
    : error;
}

/** Makes errors about the files name the configuration that named them. */
async function filesOf(options: RunServerOptions): Promise<ReturnType<typeof openFiles>> {
  try {
    // First: the other files may belong to the same running server.
    await PidFile.refuseTaken(options.pidFile);
    return openFiles(options);
  } catch (error) {
    throw named(options.configPath, error);
  }
}

function openFiles(options: RunServerOptions) {
  const complain = (file: string) => (error: Error) =>
    void process.stderr.write(`${logLine(new Date(), 'error', `cannot write ${file}: ${error.message}`)}\n`);
  const recordFile = (file: string, what: string, flushMs: number, onLost?: RecordFileOptions['onLost']): RecordFile =>
    new RecordFile(file, { what, flushMs, onError: complain(file), onLost });
  const events: EventsFile = new EventsFile(
    recordFile(options.eventsFile, 'server.events_file', EVENTS_FLUSH_MS, (lines) => events.lost(lines)),
    (counts) => log('warn', `Left out of the events file and of this log: ${leftOutText(counts)}`),
  );
  const logFile = options.logFile ? recordFile(options.logFile, 'server.log_file', LOG_FLUSH_MS) : null;
  const log: Logger = (level, text) => {
    if (!isLogged(level, options.logLevel)) return;
    const line = logLine(new Date(options.clock.wallMs()), level, text);
    if (logFile) logFile.append(line);
    else process.stdout.write(`${line}\n`);
  };
  let isClosed = false;
  // A second signal may find them closed.
  const close = (): void => {
    if (isClosed) return;
    isClosed = true;
    events.close();
    logFile?.close();
  };
  return { events, log, close };
}

function leftOutText(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([kind, count]) => `${count} ${kind}`);
  return parts.join(', ');
}

/** A program that wants to stop this process checks pid, start time and command line first. */
async function preparePidFile({ pidFile, member, configPath, clock }: RunServerOptions): Promise<PidFile> {
  const startedMs = clock.unixMs() - process.uptime() * 1000;
  const start = { start_time: Math.round(startedMs), kernel_start: ownKernelStart() };
  return PidFile.prepare(pidFile, { pid: process.pid, ...start, server_id: member.id, config: configPath });
}
