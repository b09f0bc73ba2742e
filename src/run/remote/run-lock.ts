/** Locks a work folder for one run: taken before anything is copied, released when everything is stopped. */
import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { oneLine, printable } from '../../core/printable';
import { shellWord } from '../../core/shell-word';
import { lookAtProcess } from '../../faults/drivers/process-info';
import { ownKernelStart } from '../../files/kernel-start';
import { LOCK_FILE } from './files.pure';
import type { Machine } from './machine';
import { GIVE_BACK, TAKE, valuesOf } from './scripts.pure';
import { sshCommand } from './ssh-command';

/** The content of the file, one line of JSON. */
export interface Holder {
  run_id: string;
  /** The work folder as named by this run, `host:path`. */
  place: string;
  controller: string;
  pid: number;
  /** See ../../files/kernel-start: a pid may be reused. */
  kernel_start: string | null;
  /** The pid namespace; null if unknown. */
  pid_scope: string | null;
  /** Unix milliseconds. */
  since: number;
}

export interface LockPlace {
  machine: Machine;
  /** The absolute path. */
  dir: string;
  serverIds: readonly number[];
}

const MAX_WORDS = 200;
/** A short time limit for the release at the end. */
const GIVE_BACK_MS = 10_000;

/** Returns the text of a lock of this process. */
export function holderHere(run_id: string, place: string, since: number): Holder {
  const { pid } = process;
  return { run_id, place, controller: hostname(), pid, kernel_start: ownKernelStart(), pid_scope: pidScope(), since };
}

/**
 * Takes the lock of a work folder.
 * @returns conflicts, one line each: another run, or servers and loads that an earlier one left
 * @throws ClusterError `not_reachable`
 */
export async function takeRunLock({ machine, dir, serverIds }: LockPlace, holder: Holder): Promise<string[]> {
  const text = JSON.stringify(holder);
  const take = (stale: string): Promise<string> =>
    machine.script(TAKE, [dir, holder.run_id, text, stale, ...serverIds.map(String)]);
  let output = await take('');
  const [held] = valuesOf(output, 'held');
  // If several find it stale, the first one takes it.
  if (held !== undefined && (await isStale(held, holder))) output = await take(held);
  const [stillHeld] = valuesOf(output, 'held');
  if (stillHeld !== undefined) return [heldText(machine.host, dir, stillHeld, holder)];
  return [
    ...valuesOf(output, 'server').map((line) => {
      const [id, pid] = line.split(' ');
      const what = `it is already running (PID ${pid}), so this run would not have it to itself`;
      return `server ${id} on ${machine.host}: ${what}: stop it first: ${sshCommand(machine.host, `kill ${pid}`)}`;
    }),
    ...valuesOf(output, 'load').map((pid) => {
      const hint = sshCommand(machine.host, `kill -INT ${pid}`);
      return `${machine.host}: a load is already running there (PID ${pid}), end it first: ${hint}`;
    }),
  ];
}

/** Releases it if it is this run's; does not wait for a machine that is silent. @throws ClusterError `not_reachable` */
export async function releaseRunLock({ machine, dir }: LockPlace, holder: Holder): Promise<void> {
  const limits = { timeoutMs: GIVE_BACK_MS, reconnectMs: 0 };
  await machine.script(GIVE_BACK, [dir, holder.run_id, JSON.stringify(holder)], limits);
}

/**
 * True if the run that holds it is over: its controller was a process on this machine that has ended. Only the controller
 * starts programs, and TAKE looks for leftovers. For a controller elsewhere this is unknown: between two steps, none of
 * its programs may be running.
 */
async function isStale(text: string, own: Holder): Promise<boolean> {
  const { run_id, pid, kernel_start, pid_scope } = holderOf(text);
  if (run_id === own.run_id || own.pid_scope === null || pid_scope !== own.pid_scope) return false;
  if (!Number.isSafeInteger(pid) || pid! < 1) return false;
  const info = await lookAtProcess(pid!);
  return info === null || (typeof kernel_start === 'string' && kernel_start !== info.kernelStart);
}

function heldText(host: string, dir: string, text: string, own: Holder): string {
  const { run_id, place, controller, pid, since } = holderOf(text);
  if (run_id === own.run_id) {
    const [one, other] = [own.place, String(place)].sort();
    const hint = 'use the same name for the machine in both entries, or give each its own folder';
    return `${oneLine(one!)} and ${oneLine(other!)} are the same folder: ${hint}`;
  }
  const by = run_id === undefined ? printable(text, MAX_WORDS) : `run ${printable(run_id, MAX_WORDS)}`;
  const from = controller === undefined ? '' : ` of ${printable(controller, MAX_WORDS)} (process ${pid})`;
  const time = since === undefined ? '' : ` since ${timeOf(since)}`;
  const remove = sshCommand(host, `rm -- ${shellWord(`${dir}/${LOCK_FILE}`)}`);
  return `${host}: ${by}${from} uses ${oneLine(dir)}${time}; if that run is over: ${oneLine(remove)}`;
}

/** Parses a lock of another program defensively. */
function holderOf(text: string): Partial<Holder> {
  try {
    const value = JSON.parse(text) as Record<string, unknown> | null;
    const textOf = (key: string) => (typeof value?.[key] === 'string' ? value[key] : undefined);
    const numberOf = (key: string) => (typeof value?.[key] === 'number' ? value[key] : undefined);
    return {
      run_id: textOf('run_id'),
      place: textOf('place'),
      controller: textOf('controller'),
      pid: numberOf('pid'),
      kernel_start: textOf('kernel_start'),
      pid_scope: textOf('pid_scope'),
      since: numberOf('since'),
    };
  } catch {
    return {};
  }
}

/** A hostile number may be an invalid time. */
function timeOf(ms: number): string {
  return Math.abs(ms) < 8.64e15 ? new Date(ms).toISOString() : String(ms);
}

/** Returns the boot of this machine and its pid namespace: with the same value, a pid names the same process. */
function pidScope(): string | null {
  try {
    if (process.platform === 'darwin') {
      return execFileSync('sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'utf8' }).trim() || null;
    }
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return null;
  }
}
