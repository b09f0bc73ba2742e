import { readdirSync, readlinkSync } from 'node:fs';
import path from 'node:path';

/** What a process has open. */
export interface Descriptors {
  sockets: number;
  /** Files, pipes, and what event loops and worker threads need. */
  others: number;
}

/** Counts what a process has open now. */
export function descriptorsOf(pid: number): Descriptors {
  const folder = `/proc/${pid}/fd`;
  const targets = readdirSync(folder).flatMap((name) => {
    try {
      return readlinkSync(path.join(folder, name));
    } catch {
      return []; // closed meanwhile
    }
  });
  const sockets = targets.filter((target) => target.startsWith('socket:')).length;
  return { sockets, others: targets.length - sockets };
}
