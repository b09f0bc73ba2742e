/** Looks up a running process by its pid, in /proc or with `ps`. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { readFile, readlink, stat as statOf } from 'node:fs/promises';
import { promisify } from 'node:util';
import { isDead, kernelStartIn, statFields } from '../../files/kernel-start';

/** Facts of the system about a running process. */
export interface ProcessInfo {
  /** Unix milliseconds; from `ps` it is a whole second. */
  startMs: number;
  /** The start independent of the wall clock; from `ps` it is the start time as shown. */
  kernelStart: string;
  uid: number;
  gid: number;
  /** True if stopped by a signal (SIGSTOP). */
  isPaused: boolean;
  /** The words of its command line. */
  words: string[];
  /** True if the words were split at spaces, as with `ps`. */
  isSplit: boolean;
  /** Its program and its folder, absolute; null if unknown. A replaced program keeps its old path. */
  exe: string | null;
  cwd: string | null;
}

/** The ticks per second in /proc: always 100 for user space on Linux. */
const TICK_MS = 10;
const PS_COLUMNS = ['stat', 'uid', 'gid', 'lstart', 'command'].flatMap((column) => ['-o', `${column}=`]);

/** Returns null if it is not running or a zombie. */
export function lookAtProcess(pid: number): Promise<ProcessInfo | null> {
  return existsSync('/proc/self/stat') ? fromProc(pid) : fromPs(pid);
}

/** Reads /proc (Linux). */
export async function fromProc(pid: number): Promise<ProcessInfo | null> {
  try {
    const [stat = '', commandLine, uptime] = await Promise.all(
      [`/proc/${pid}/stat`, `/proc/${pid}/cmdline`, '/proc/uptime'].map((file) => readFile(file, 'utf8')),
    );
    const { uid, gid } = await statOf(`/proc/${pid}`);
    const fields = statFields(stat);
    const state = fields[0]!;
    if (isDead(state)) return null;
    const kernelStart = kernelStartIn(stat)!;
    const bootMs = Date.now() - Number(uptime!.split(' ')[0]) * 1000;
    const startMs = bootMs + Number(fields[19]) * TICK_MS;
    const words = commandLine!.split('\0').slice(0, -1);
    const [exe, cwd] = await Promise.all(['exe', 'cwd'].map((name) => placeOf(`/proc/${pid}/${name}`)));
    const command = { words, isSplit: false, exe: exe!, cwd: cwd! };
    return { startMs, kernelStart, uid, gid, isPaused: isPaused(state), ...command };
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}

/** Asks `ps`, for systems without /proc (macOS). */
export async function fromPs(pid: number): Promise<ProcessInfo | null> {
  const env = { ...process.env, LC_ALL: 'C' };
  const { stdout } = await promisify(execFile)('ps', ['-ww', '-p', String(pid), ...PS_COLUMNS], { env }).catch(
    (error: { code?: unknown }) => {
      // The exit code of `ps` for an unknown pid.
      if (error.code === 1) return { stdout: '' };
      throw error;
    },
  );
  // S+   1000  1000 Sun Nov 22 17:46:05 2026 /opt/cloudp2p server --config config/server1.toml
  const [, state = 'Z', uid, gid, start = '', command = ''] =
    /^\s*(\S+)\s+(\d+)\s+(\d+)\s+(\S+ +\S+ +\d+ +[\d:]+ +\d+) +(.*)$/m.exec(stdout) ?? [];
  if (isDead(state)) return null;
  const owner = { uid: Number(uid), gid: Number(gid) };
  return {
    startMs: Date.parse(start),
    kernelStart: start,
    ...owner,
    isPaused: isPaused(state),
    words: command.split(/\s+/),
    isSplit: true,
    exe: null,
    cwd: null,
  };
}

/**
 * True if a process still has this start; synchronous, so that it can be signalled right after. True without /proc.
 */
export function isStillThere(pid: number, kernelStart: string): boolean {
  if (!existsSync('/proc/self/stat')) return true;
  try {
    return kernelStartIn(readFileSync(`/proc/${pid}/stat`, 'utf8')) === kernelStart;
  } catch {
    return false;
  }
}

/** Returns null also for another user's process, which only root may inspect. */
async function placeOf(link: string): Promise<string | null> {
  try {
    return (await readlink(link)).replace(/ \(deleted\)$/, '');
  } catch {
    return null;
  }
}

function isPaused(state: string): boolean {
  return /^T/.test(state);
}
