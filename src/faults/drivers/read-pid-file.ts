/** Reads a server's pid file, and compares the process that it names with the configured server. */
import type { Stats } from 'node:fs';
import path from 'node:path';
import { oneLine } from '../../core/printable';
import { refused } from '../refusal';
import type { LocalServer } from './local-server';
import type { ProcessInfo } from './process-info';
import { isSameFile, isServerCommand } from './server-command';
import { readSmallFile } from './small-file';

/** The content of a pid file, which a server writes at its start (`server.pid_file`). */
export interface PidFile {
  pid: number;
  /** Unix milliseconds. */
  startMs: number;
  /** See ../../files/kernel-start; null if unknown. */
  kernelStart: string | null;
  serverId: number;
  /** As on its command line; null if it was started without a file. */
  config: string | null;
  /** The stats of the file itself. */
  stats: Stats;
}

const MAX_BYTES = 8192;
/** The tolerance between the start times of the kernel and of the program itself, in milliseconds. */
const START_TOLERANCE_MS = 2000;

/** Reads a server's pid file; null if it does not exist. @throws ClusterError for anything that is not a pid file */
export function readPidFile(file: string): PidFile | null {
  const found = readSmallFile(file, MAX_BYTES);
  if (found === null) return null;
  const { text, stats } = found;
  const { pid, start_time: startMs, kernel_start: start = null, server_id: serverId, config } = objectOf(text);
  // Pids below 1 would signal whole process groups.
  const isPid = Number.isSafeInteger(pid) && (pid as number) > 1;
  const isText = (value: unknown): value is string | null => value === null || typeof value === 'string';
  const isStart = typeof startMs === 'number' && isText(start);
  if (!isPid || !isStart || typeof serverId !== 'number' || !isText(config)) {
    throw refused(`${oneLine(file)} is not the pid file of a server`);
  }
  return { pid: pid as number, startMs, kernelStart: start, serverId, config, stats };
}

/** Returns the reason why the process that a pid file names is not this server; undefined if everything agrees. */
export function disagreement(server: LocalServer, named: PidFile, info: ProcessInfo): string | undefined {
  const file = oneLine(server.pidFile);
  const { pid, startMs, serverId, config } = named;
  if (serverId !== server.id) return `${file} is that of server ${serverId}`;
  const expected = path.resolve(server.workDir, server.config);
  if (config === null || !isSameFile(path.resolve(server.workDir, config), expected)) {
    const got = config === null ? 'without a configuration file' : `with ${shown(config)}`;
    return `by ${file} it was started ${got}, not with ${shown(server.config)}`;
  }
  if (!isSameStart(named, info)) {
    return `process ${pid} of ${file} started at ${showTime(info.startMs)}, not at ${showTime(startMs)}`;
  }
  if (!isServerCommand(server, config, info)) {
    const commandLine = shown(info.words.join(' '));
    return `process ${pid} of ${file} is not a cloudp2p server with ${shown(config)}, its command line is ${commandLine}`;
  }
  if (info.cwd === null || isSameFile(path.resolve(info.cwd, config), expected)) return undefined;
  return `process ${pid} of ${file} runs in ${shown(info.cwd)}, where ${shown(config)} is another file`;
}

/** True if the recorded start of a process is the one that the system reports. */
export function isSameStart(named: Pick<PidFile, 'startMs' | 'kernelStart'>, info: ProcessInfo): boolean {
  if (named.kernelStart !== null) return named.kernelStart === info.kernelStart;
  return Math.abs(info.startMs - named.startMs) <= START_TOLERANCE_MS;
}

/** Returns the fields of a JSON object; none for anything else. */
export function objectOf(text: string): Record<string, unknown> {
  try {
    return fieldsIn(JSON.parse(text));
  } catch {
    return {};
  }
}

export function fieldsIn(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function shown(text: string): string {
  return `"${oneLine(text.length > 200 ? `${text.slice(0, 200)}…` : text)}"`;
}

/** A hostile number may be an invalid time. */
function showTime(ms: number): string {
  return Math.abs(ms) < 8.64e15 ? new Date(ms).toISOString() : String(ms);
}
