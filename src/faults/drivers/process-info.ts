import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { readFile, readlink, stat as statOf } from 'node:fs/promises';
import { promisify } from 'node:util';
import { kernelStartIn, statFields } from '../../files/kernel-start';

/** What the system knows of a process that lives. */
export interface ProcessInfo {
  /** Unix milliseconds; from `ps` it is a whole second. */
  startMs: number;
  /** The same whatever becomes of the clock; from `ps` it is what that says of the start. */
  kernelStart: string;
  uid: number;
  gid: number;
  /** Stopped by a signal (SIGSTOP). */
  isStopped: boolean;
  /** Its command line. */
  words: string[];
  /** Those words were told apart by their spaces, as `ps` shows them. */
  isSplit: boolean;
  /** Its program and its folder, absolute; null: the system does not say. A program that was replaced is where it was. */
  exe: string | null;
  cwd: string | null;
}

/** Of /proc: Linux shows every program 100 ticks a second, whatever the kernel counts in. */
const TICK_MS = 10;
const PS_COLUMNS = ['stat', 'uid', 'gid', 'lstart', 'command'].flatMap((column) => ['-o', `${column}=`]);

/** Null when it does not live; a zombie does not. */
export function lookAtProcess(pid: number): Promise<ProcessInfo | null> {
  return existsSync('/proc/self/stat') ? fromProc(pid) : fromPs(pid);
}

/** From /proc, which Linux has. */
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
    return { startMs, kernelStart, uid, gid, isStopped: isStopped(state), ...command };
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}

/** From `ps`, where there is no /proc (macOS). */
export async function fromPs(pid: number): Promise<ProcessInfo | null> {
  const env = { ...process.env, LC_ALL: 'C' };
  const { stdout } = await promisify(execFile)('ps', ['-ww', '-p', String(pid), ...PS_COLUMNS], { env }).catch(
    (error: { code?: unknown }) => {
      // Its way to say that there is no such process.
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
    ...{ startMs: Date.parse(start), kernelStart: start, ...owner },
    ...{ isStopped: isStopped(state), words: command.split(/\s+/), isSplit: true, exe: null, cwd: null },
  };
}

/**
 * Whether a process is still the one that started then, asked without a pause, so that it can be signalled at once.
 * Where there is no /proc it is taken to be.
 */
export function isStillThere(pid: number, kernelStart: string): boolean {
  if (!existsSync('/proc/self/stat')) return true;
  try {
    return kernelStartIn(readFileSync(`/proc/${pid}/stat`, 'utf8')) === kernelStart;
  } catch {
    return false;
  }
}

/** Null also for a process of somebody else, of whom only root may know this. */
async function placeOf(link: string): Promise<string | null> {
  try {
    return (await readlink(link)).replace(/ \(deleted\)$/, '');
  } catch {
    return null;
  }
}

function isDead(state: string): boolean {
  return /^[ZX]/.test(state);
}

function isStopped(state: string): boolean {
  return /^T/.test(state);
}
