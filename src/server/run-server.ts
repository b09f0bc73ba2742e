import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { ClusterError, EXIT } from '../core/errors';
import type { Clock, Logger, LogLevel } from '../core/environment';
import { logLine } from '../core/log-line';
import { ImagePool } from '../imaging/pool';
import type { Compression } from '../imaging/plan';
import { RecordFile } from './record-file';
import { Server, type ServerOptions } from './server';

const LEVELS: LogLevel[] = ['debug', 'info', 'warn', 'error'];
/** What a killed server may lose of its events (docs: files that a run leaves). */
const EVENTS_FLUSH_MS = 100;
const LOG_FLUSH_MS = 200;

export interface RunServerOptions {
  member: ServerOptions['member'];
  address: string;
  limits: ServerOptions['limits'];
  workers: number;
  compression: Compression;
  /** The cover's file, and what to call it in an error. */
  cover: { bytes: Uint8Array; name: string };
  workerSource: string;
  eventsFile: string;
  pidFile: string;
  logFile?: string;
  logLevel: LogLevel;
  /** Named in the pid file. */
  configPath: string | null;
  clock: Clock;
}

/** Runs one server until SIGTERM or Ctrl-C; returns the exit code. */
export async function runServer(options: RunServerOptions): Promise<number> {
  const { clock } = options;
  const files = openFiles(options);
  const pool = new ImagePool({
    workers: options.workers,
    cover: options.cover.bytes,
    compression: options.compression,
    workerSource: options.workerSource,
    maxSecretBytes: options.limits.maxSecretBytes,
  });
  const server = new Server({
    member: options.member,
    address: options.address,
    limits: options.limits,
    pool,
    clock,
    log: files.log,
    record: (event) => files.events.append(JSON.stringify(event)),
  });
  try {
    await server.start();
    writePidFile(options);
    return await untilStopped(server, pool, options.cover.name, files.log);
  } finally {
    await server.close();
    await pool.close();
    files.close();
    removePidFile(options.pidFile);
  }
}

/** Waits for a signal, the end of the drain, or a cover that turns out to be no picture. */
async function untilStopped(server: Server, pool: ImagePool, coverName: string, log: Logger): Promise<number> {
  let exitCode: number = EXIT.ok;
  let signals = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    exitCode = signal === 'SIGINT' ? EXIT.interrupted : EXIT.ok;
    signals += 1;
    if (signals > 1) process.exit(exitCode);
    log('info', `${signal}: leaving; a second signal ends at once`);
    server.leave();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  try {
    const badCover = new Promise<never>((_, reject) =>
      pool.ready.catch((error: Error) => reject(named(coverName, error))),
    );
    await Promise.race([server.stopped, badCover]);
    return exitCode;
  } finally {
    process.off('SIGTERM', onSignal);
    process.off('SIGINT', onSignal);
  }
}

function named(coverName: string, error: Error): Error {
  return error instanceof ClusterError
    ? new ClusterError(error.code, `${coverName}: ${error.message}`, { cause: error })
    : error;
}

function openFiles(options: RunServerOptions) {
  const complain = (file: string) => (error: Error) =>
    void process.stderr.write(`${logLine(new Date(), 'error', `cannot write ${file}: ${error.message}`)}\n`);
  const events = new RecordFile(
    options.eventsFile,
    'server.events_file',
    EVENTS_FLUSH_MS,
    complain(options.eventsFile),
  );
  const logFile = options.logFile
    ? new RecordFile(options.logFile, 'server.log_file', LOG_FLUSH_MS, complain(options.logFile))
    : null;
  const log: Logger = (level, text) => {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(options.logLevel)) return;
    const line = logLine(new Date(options.clock.unixMs()), level, text);
    if (logFile) logFile.append(line);
    else process.stdout.write(`${line}\n`);
  };
  const close = (): void => {
    events.close();
    logFile?.close();
  };
  return { events, log, close };
}

/** Who wants to stop this process checks pid, start time and command line before it does. */
function writePidFile({ pidFile, member, configPath, clock }: RunServerOptions): void {
  const startedMs = clock.unixMs() - process.uptime() * 1000;
  const content = { pid: process.pid, start_time: Math.round(startedMs), server_id: member.id, config: configPath };
  try {
    writeFileSync(pidFile, `${JSON.stringify(content)}\n`);
  } catch (error) {
    throw new ClusterError('bad_config', `server.pid_file: cannot write ${pidFile}: ${(error as Error).message}`);
  }
}

/** Only our own: another server may have been started with the same file since. */
function removePidFile(pidFile: string): void {
  try {
    const { pid } = JSON.parse(readFileSync(pidFile, 'utf8')) as { pid?: number };
    if (pid === process.pid) rmSync(pidFile);
  } catch {
    // gone already, or not ours
  }
}
