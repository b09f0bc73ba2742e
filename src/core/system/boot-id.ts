/** The id of the machine's last boot: the same for all processes, and unaffected by clock changes. */
import { readFileSync } from 'node:fs';

/** Returns the id in the form of the kernel, a UUID; null without /proc. */
export function bootId(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return null;
  }
}
