import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';

/** What a process has open. */
export interface Descriptors {
  sockets: number;
  /** Files, pipes, and what event loops and worker threads need. */
  others: number;
}

/** Counts what a process has open now. */
export function descriptorsOf(pid: number): Descriptors {
  const targets = targetsOf(pid);
  const sockets = targets.filter((target) => target.startsWith('socket:')).length;
  return { sockets, others: targets.length - sockets };
}

/** Counts the connections over IPv4 that a process holds to this port of a loopback address, as the kernel sees it. */
export function connectionsTo(port: number, pid: number): number {
  const inodes = new Set(targetsOf(pid).flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []));
  const remote = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = readFileSync('/proc/net/tcp', 'utf8').trim().split('\n').slice(1);
  const fields = lines.map((line) => line.trim().split(/\s+/));
  return fields.filter((field) => field[2]!.endsWith(remote) && inodes.has(field[9]!)).length;
}

function targetsOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((name) => {
    try {
      return readlinkSync(path.join(folder, name));
    } catch {
      return []; // closed meanwhile
    }
  });
}
