/** A server's lock against a second fault agent; it records the active fault, so that the next one can heal it. */
import { randomUUID } from 'node:crypto';
import { linkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { ClusterError } from '../../core/errors';
import { causeOf } from '../../files/cause';
import { FAULT_KINDS, type FaultKind } from '../../core/fault-kinds';
import { oneLine } from '../../core/printable';
import { ownUserId, userName } from '../drivers/ownership';
import { lookAtProcess } from '../drivers/process-info';
import { fieldsIn, isSameStart, objectOf } from '../drivers/read-pid-file';
import { readSmallFile, type SmallFile } from '../drivers/small-file';
import type { ServerProcess } from '../driver';
import { refused } from '../refusal';

/** The process that injects faults into a server; a second one is locked out. */
interface Holder {
  pid: number;
  /** Unix milliseconds. */
  startMs: number;
}

/** An active fault, and the process that it affects. */
export interface OpenFault {
  kind: FaultKind;
  process: ServerProcess;
}

export interface Lock {
  /** True if a dead agent held it: its fault may still be active. */
  wasStale: boolean;
  /** The fault of that agent, if known. */
  left: OpenFault | null;
  /** Records the active fault; a failed write is ignored. */
  note(open: OpenFault | null): void;
  /** Releases it, unless a fault is still active: then it stays for the next agent. */
  release(): void;
}

const MAX_BYTES = 8192;

/** Returns the path of a server's lock file. */
export function lockFileOf(pidFile: string): string {
  return `${pidFile}.faults.lock`;
}

/**
 * Takes the lock of a server: a file beside its pid file, created atomically.
 * @throws ClusterError naming the process that holds it, or the reason why it cannot be written
 */
export async function takeLock(pidFile: string, holder: Holder): Promise<Lock> {
  const file = lockFileOf(pidFile);
  const { kernelStart = null } = (await lookAtProcess(holder.pid)) ?? {};
  const textWith = (open: OpenFault | null): string =>
    JSON.stringify({ pid: holder.pid, start_time: holder.startMs, kernel_start: kernelStart, open });
  try {
    if (appears(file, textWith(null))) return lockOf(file, textWith, { wasStale: false, left: null });
    const found = readSmallFile(file, MAX_BYTES);
    const other = found && holderOf(found.text);
    if (other !== null && (await isAlive(other))) {
      throw refused(`process ${other.pid} already injects faults into it (${oneLine(file)})`);
    }
    const left = found && leftIn(file, found);
    if (found !== null) removeStale(file, found.text);
    if (appears(file, textWith(left))) return lockOf(file, textWith, { wasStale: found !== null, left });
    throw refused(`another process has just begun to inject faults into it (${oneLine(file)})`);
  } catch (error) {
    if (error instanceof ClusterError) throw error;
    throw refused(`cannot write ${oneLine(file)}: ${causeOf(error)}`, error);
  }
}

function lockOf(
  file: string,
  textWith: (open: OpenFault | null) => string,
  found: Pick<Lock, 'wasStale' | 'left'>,
): Lock {
  let isOpen = found.left !== null;
  return {
    ...found,
    note(open) {
      isOpen = open !== null;
      try {
        withNew(file, textWith(open), (own) => renameSync(own, file));
      } catch {
        // A full disk must not prevent a heal.
      }
    },
    release() {
      if (!isOpen) rmSync(file, { force: true });
    },
  };
}

/**
 * Creates a new file beside another one and passes it on. Its name is unpredictable, and if it exists nevertheless (a
 * link, in another user's folder), it is neither followed nor changed.
 */
function withNew(file: string, text: string, act: (own: string) => void): void {
  const own = besides(file);
  try {
    writeFileSync(own, text, { flag: 'wx', mode: 0o644 });
    act(own);
  } finally {
    rmSync(own, { force: true });
  }
}

function besides(file: string): string {
  return `${file}.${randomUUID()}`;
}

/** Returns false if it exists. Unlike an opened file, a hard link appears with its whole content or not at all. */
function appears(file: string, text: string): boolean {
  let isNew = true;
  withNew(file, text, (own) => (isNew = links(own, file)));
  return isNew;
}

function links(own: string, file: string): boolean {
  try {
    linkSync(own, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** If two agents find it stale, the second must not remove the lock that the first has taken. */
function removeStale(file: string, text: string): void {
  const aside = besides(file);
  renameSync(file, aside);
  try {
    if (readSmallFile(aside, MAX_BYTES)?.text !== text) links(aside, file);
  } finally {
    rmSync(aside, { force: true });
  }
}

function holderOf(text: string): (Holder & { kernelStart: string | null }) | null {
  const { pid, start_time: startMs, kernel_start: start } = objectOf(text);
  if (!Number.isSafeInteger(pid) || typeof startMs !== 'number') return null;
  return { pid: pid as number, startMs, kernelStart: typeof start === 'string' ? start : null };
}

/**
 * Returns the fault that a dead agent left. It names the process to restart and its user, so it is not trusted if another
 * user wrote it.
 * @throws ClusterError naming that user
 */
function leftIn(file: string, { text, stats: { uid } }: SmallFile): OpenFault | null {
  const open = openFaultIn(text);
  if (open === null || uid === 0 || uid === ownUserId()) return open;
  const hint = 'run this once as that user, or remove the file and start the server yourself';
  throw refused(`${oneLine(file)} of ${userName(uid)} says that the fault "${open.kind}" is not healed: ${hint}`);
}

/** Returns null also for invalid content. */
function openFaultIn(text: string): OpenFault | null {
  const { kind, process } = fieldsIn(objectOf(text)['open']);
  const { pid, kernelStart, uid, gid } = fieldsIn(process);
  const isWhole = [pid, uid, gid].every(Number.isSafeInteger) && (pid as number) > 1 && typeof kernelStart === 'string';
  if (!isWhole || !FAULT_KINDS.includes(kind as FaultKind)) return null;
  return { kind: kind as FaultKind, process: process as ServerProcess };
}

async function isAlive({ pid, ...start }: Holder & { kernelStart: string | null }): Promise<boolean> {
  const info = await lookAtProcess(pid);
  return info !== null && isSameStart(start, info);
}
