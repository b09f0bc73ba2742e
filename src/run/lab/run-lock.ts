/** What keeps a second run out of a work folder: a file there, from before anything is copied until all is stopped. */
import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { oneLine, printable } from '../../core/printable';
import { lookAtProcess } from '../../faults/drivers/process-info';
import { ownKernelStart } from '../../files/kernel-start';
import { LOCK_FILE } from './files';
import type { Machine } from './machine';
import { GIVE_BACK, TAKE, valuesOf } from './scripts';
import { shellWord, sshCommand } from './ssh-command';

/** Stands in the file as one line of JSON. */
export interface Holder {
  run_id: string;
  /** The work folder as this run names it, `host:path`. */
  place: string;
  controller: string;
  pid: number;
  /** See ../../files/kernel-start: a number may be another process's by now. */
  kernel_start: string | null;
  /** Where that number means that process; null: not known. */
  pid_scope: string | null;
  /** Unix milliseconds. */
  since: number;
}

export interface LockPlace {
  machine: Machine;
  /** Absolute. */
  dir: string;
  serverIds: readonly number[];
}

const MAX_WORDS = 200;
/** At the end nobody waits for long. */
const GIVE_BACK_MS = 10_000;

/** What this process writes into a lock. */
export function holderHere(run_id: string, place: string, since: number): Holder {
  const { pid } = process;
  return { run_id, place, controller: hostname(), pid, kernel_start: ownKernelStart(), pid_scope: pidScope(), since };
}

/**
 * Takes the lock of a work folder.
 * @returns what is against it, one line each: another run, or servers and loads that an earlier one left
 * @throws ClusterError `not_reachable`
 */
export async function takeLock({ machine, dir, serverIds }: LockPlace, holder: Holder): Promise<string[]> {
  const text = JSON.stringify(holder);
  const take = (stale: string): Promise<string> =>
    machine.script(TAKE, [dir, holder.run_id, text, stale, ...serverIds.map(String)]);
  let output = await take('');
  const [held] = valuesOf(output, 'held');
  // Whoever finds it stale, too, and is first, holds it then.
  if (held !== undefined && (await isStale(held, holder))) output = await take(held);
  const [stillHeld] = valuesOf(output, 'held');
  if (stillHeld !== undefined) return [heldText(machine.host, dir, stillHeld, holder)];
  return [
    ...valuesOf(output, 'server').map((line) => {
      const [id, pid] = line.split(' ');
      const what = `it runs already (PID ${pid}), and this run would not be the only one to use it`;
      return `server ${id} on ${machine.host}: ${what}: stop it first: ${sshCommand(machine.host, `kill ${pid}`)}`;
    }),
    ...valuesOf(output, 'load').map((pid) => {
      const hint = sshCommand(machine.host, `kill -INT ${pid}`);
      return `${machine.host}: a load is under way there already (PID ${pid}), end it first: ${hint}`;
    }),
  ];
}

/** Only if it is this run's; without waiting for a machine that does not answer. @throws ClusterError `not_reachable` */
export async function giveLockBack({ machine, dir }: LockPlace, holder: Holder): Promise<void> {
  const limits = { timeoutMs: GIVE_BACK_MS, reconnectMs: 0 };
  await machine.script(GIVE_BACK, [dir, holder.run_id, JSON.stringify(holder)], limits);
}

/**
 * Whether the run that holds it is no more: its controller was a process of this machine that has ended. It alone starts
 * something there, and what it left is looked for by TAKE. Of a controller elsewhere nobody can tell: between two steps
 * nothing of its run need be seen on a machine.
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
    const hint = 'name its machine the same in both entries, or give each a folder of its own';
    return `${oneLine(one!)} and ${oneLine(other!)} are the same folder: ${hint}`;
  }
  const by = run_id === undefined ? printable(text, MAX_WORDS) : `run ${printable(run_id, MAX_WORDS)}`;
  const from = controller === undefined ? '' : ` of ${printable(controller, MAX_WORDS)} (process ${pid})`;
  const time = since === undefined ? '' : ` since ${timeOf(since)}`;
  const remove = sshCommand(host, `rm -- ${shellWord(`${dir}/${LOCK_FILE}`)}`);
  return `${host}: ${by}${from} uses ${oneLine(dir)}${time}; if that run is no more: ${oneLine(remove)}`;
}

/** Nothing of what another program wrote is taken for granted. */
function holderOf(text: string): Partial<Holder> {
  try {
    const value = JSON.parse(text) as Record<string, unknown> | null;
    const textOf = (key: string) => (typeof value?.[key] === 'string' ? value[key] : undefined);
    const numberOf = (key: string) => (typeof value?.[key] === 'number' ? value[key] : undefined);
    return {
      ...{ run_id: textOf('run_id'), place: textOf('place'), controller: textOf('controller') },
      ...{
        pid: numberOf('pid'),
        kernel_start: textOf('kernel_start'),
        pid_scope: textOf('pid_scope'),
        since: numberOf('since'),
      },
    };
  } catch {
    return {};
  }
}

/** A hostile number may be no time at all. */
function timeOf(ms: number): string {
  return Math.abs(ms) < 8.64e15 ? new Date(ms).toISOString() : String(ms);
}

/** This start of this machine, and its namespace: two with the same value see the same process under a number. */
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
