import { readFileSync } from 'node:fs';

/** Names the machine's last start; the same for all its processes, whatever becomes of the clock. null without /proc. */
export function bootId(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return null;
  }
}
