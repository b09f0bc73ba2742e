/** Tells a process from a later one with the same pid, by its start as the kernel recorded it. */
import { readFileSync } from 'node:fs';
import { bootId } from '../core/system/boot-id';

/**
 * Returns the start of a process from the text of its /proc/{pid}/stat: the boot id, and the clock ticks since the
 * boot, which unlike a time of day do not depend on the wall clock. Null if the text has no such field.
 */
export function kernelStartIn(stat: string): string | null {
  const ticks = statFields(stat)[19];
  return ticks === undefined ? null : `${bootId() ?? ''}/${ticks}`;
}

/** Returns the start of this process; null without /proc. */
export function ownKernelStart(): string | null {
  try {
    return kernelStartIn(readFileSync('/proc/self/stat', 'utf8'));
  } catch {
    return null;
  }
}

/** Returns when the kernel started a running process; null if no process has this pid, or without /proc. */
export function livingStart(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return isDead(statFields(stat)[0]!) ? null : kernelStartIn(stat);
  } catch {
    return null;
  }
}

/** True for the state of a process that has ended, such as a zombie. */
export function isDead(state: string): boolean {
  return /^[ZX]/.test(state);
}

/** Returns the fields from the third on. The second is the name in parentheses, which may contain anything. */
export function statFields(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}
