import type { FaultKind } from '../../../src/core/fault-kinds';

/** One fault to be measured. */
export interface FaultCase {
  kind: FaultKind;
  on: 'leader' | 'follower' | 'two' | 'all three';
  /** Clients of each of the two machines, and their think time; default: 100 clients in all, 200 requests/s. */
  load?: { clients: number; minDelayMs: number; maxDelayMs: number };
}

const EACH: FaultKind[] = ['kill', 'terminate', 'restart', 'pause', 'partition', 'delay', 'loss'];

export const CASES: FaultCase[] = [
  ...EACH.flatMap((kind): FaultCase[] => [
    { kind, on: 'leader' },
    { kind, on: 'follower' },
  ]),
  ...(['kill', 'pause'] as const).flatMap((kind): FaultCase[] => [
    { kind, on: 'two' },
    { kind, on: 'all three' },
  ]),
];

/** More than one server can do: what is left says "overloaded", and clients try again. */
export const OVERLOAD: FaultCase = { kind: 'kill', on: 'two', load: { clients: 150, minDelayMs: 0, maxDelayMs: 10 } };

/** Of `faults`: which servers, where `leader` leads. Two are the leader and a follower. */
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
