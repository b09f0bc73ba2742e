import { readFileSync } from 'node:fs';
import { bootId } from '../core/boot-id';

/**
 * When the kernel started a process: the boot, and the clock ticks since then. Unlike a time of day it stays the same
 * whatever becomes of the clock. From the text of its /proc/{pid}/stat; null where there is no /proc.
 */
export function kernelStartIn(stat: string): string | null {
  const ticks = statFields(stat)[19];
  return ticks === undefined ? null : `${bootId() ?? ''}/${ticks}`;
}

/** Of this process; null where there is no /proc. */
export function ownKernelStart(): string | null {
  try {
    return kernelStartIn(readFileSync('/proc/self/stat', 'utf8'));
  } catch {
    return null;
  }
}

/** The fields from the third on. The second is the name in parentheses, in which anything may stand: count from its end. */
export function statFields(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}
