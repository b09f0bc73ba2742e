import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';

/** The open descriptors of a process, by kind. */
export interface Descriptors {
  sockets: number;
  /** Files, pipes, and descriptors of event loops and worker threads. */
  others: number;
}

/** Counts the descriptors that a process has open now. */
export function descriptorsOf(pid: number): Descriptors {
  const targets = targetsOf(pid);
  const sockets = targets.filter((target) => target.startsWith('socket:')).length;
  return { sockets, others: targets.length - sockets };
}

/** Counts the IPv4 connections that a process holds to this port of a loopback address, as the kernel sees them. */
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
      return []; // closed in the meantime
    }
  });
}
