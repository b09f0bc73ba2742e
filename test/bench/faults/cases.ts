import type { FaultKind } from '../../../src/core/fault-kinds';

/** One fault to be measured. */
export interface FaultCase {
  kind: FaultKind;
  on: 'leader' | 'follower' | 'two' | 'all three';
  load: Load;
}

export interface Load {
  /** Clients on each of the two machines. */
  clients: number;
  /** Think time. */
  minDelayMs: number;
  maxDelayMs: number;
  /** A folder with images: one of 10 KB, or small.png. */
  images: 'tiny' | 'small';
}

/** 200 requests/s from 100 clients. */
const LOAD: Load = { clients: 50, minDelayMs: 250, maxDelayMs: 750, images: 'tiny' };

const EACH: FaultKind[] = ['kill', 'terminate', 'restart', 'pause', 'partition', 'delay', 'loss'];

export const CASES: FaultCase[] = [
  ...EACH.flatMap((kind): FaultCase[] => [
    { kind, on: 'leader', load: LOAD },
    { kind, on: 'follower', load: LOAD },
  ]),
  ...(['kill', 'pause'] as const).flatMap((kind): FaultCase[] => [
    { kind, on: 'two', load: LOAD },
    { kind, on: 'all three', load: LOAD },
  ]),
];

/** More than one server can handle: the remaining one answers "overloaded", and clients retry. */
export const OVERLOAD: FaultCase = {
  kind: 'kill',
  on: 'two',
  load: { clients: 150, minDelayMs: 0, maxDelayMs: 10, images: 'small' },
};

/** Flags of `faults` that select the servers when `leader` leads; two are the leader and a follower. */
export function targetFlags({ on }: FaultCase, leader: number, ids: readonly number[]): string[] {
  const follower = ids.find((id) => id !== leader)!;
  switch (on) {
    case 'leader':
      return ['--target', 'leader'];
    case 'follower':
      return ['--target', String(follower)];
    case 'two':
      return ['--pattern', 'simultaneous', '--count', '2', '--target', String(leader), '--target', String(follower)];
    case 'all three':
      return ['--pattern', 'simultaneous', '--count', '3', '--allow-total-outage'];
  }
}
