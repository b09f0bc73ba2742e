import * as fc from 'fast-check';
import { Ledger } from '../../../src/core/balancing/ledger';

const LIMITS = { assignmentTtlMs: 1000, endedTtlMs: 3000, maxEnded: 3 };
const SERVERS = [1, 2, 3];
const KEYS = ['a', 'b', 'c', 'd', 'e'];

interface Given {
  key: string;
  serverId: number;
  atMs: number;
}

/** The ledger of docs/architecture.md as plain lists that are searched: slow, but too simple to be wrong. */
class NaiveLedger {
  private has: { key: string; serverId: number }[] = [];
  private given: Given[] = [];
  private ended: { key: string; serverId: number; untilMs: number }[] = [];

  assign(key: string, serverId: number, atMs: number): void {
    this.drop(key, serverId);
    this.given.push({ key, serverId, atMs });
  }

  add(serverId: number, key: string): void {
    this.drop(key, serverId);
    this.has.push({ key, serverId });
  }

  remove(serverId: number, key: string, nowMs: number): void {
    this.drop(key, serverId);
    const index = this.has.findIndex((each) => each.key === key && each.serverId === serverId);
    if (index >= 0) this.has.splice(index, 1);
    this.ended = this.ended.filter((each) => each.key !== key);
    this.ended.push({ key, serverId, untilMs: nowMs + LIMITS.endedTtlMs });
    this.ended = this.ended.slice(-LIMITS.maxEnded);
  }

  sync(serverId: number, keys: readonly string[]): void {
    this.has = this.has.filter((each) => each.serverId !== serverId);
    for (const key of keys) this.add(serverId, key);
  }

  orphan(serverId: number): string[] {
    const keys = [...this.has, ...this.given].filter((each) => each.serverId === serverId).map(({ key }) => key);
    this.has = this.has.filter((each) => each.serverId !== serverId);
    this.given = this.given.filter((each) => each.serverId !== serverId);
    return [...new Set(keys)];
  }

  expire(nowMs: number): Given[] {
    const expired = this.given.filter(({ atMs }) => nowMs >= atMs + LIMITS.assignmentTtlMs);
    this.given = this.given.filter((each) => !expired.includes(each));
    this.ended = this.ended.filter(({ untilMs }) => untilMs > nowMs);
    return expired;
  }

  nextMs(): number {
    return Math.min(Infinity, ...this.given.map(({ atMs }) => atMs + LIMITS.assignmentTtlMs));
  }

  outstanding(serverId: number): number {
    return [...this.has, ...this.given].filter((each) => each.serverId === serverId).length;
  }

  get size(): number {
    return this.has.length + this.given.length;
  }

  holders(key: string): number[] {
    return [...this.given, ...this.has, ...this.ended].filter((each) => each.key === key).map((each) => each.serverId);
  }

  private drop(key: string, serverId: number): void {
    this.given = this.given.filter((each) => each.key !== key || each.serverId !== serverId);
  }

  keysOf(serverId: number): string[] {
    return this.has.filter((each) => each.serverId === serverId).map(({ key }) => key);
  }
}

const key = fc.constantFrom(...KEYS);
const serverId = fc.constantFrom(...SERVERS);

/** One operation, performed on both ledgers to compare its results. */
type Operation = (ledger: Ledger | NaiveLedger, nowMs: number) => unknown;
const operation: fc.Arbitrary<[string, Operation]> = fc.oneof(
  fc
    .tuple(key, serverId)
    .map(([k, s]): [string, Operation] => [`assign ${k} to ${s}`, (l, now) => l.assign(k, s, now)]),
  fc.tuple(key, serverId).map(([k, s]): [string, Operation] => [`${s} adds ${k}`, (l) => l.add(s, k)]),
  fc.tuple(key, serverId).map(([k, s]): [string, Operation] => [`${s} removes ${k}`, (l, now) => l.remove(s, k, now)]),
  fc
    .tuple(serverId, fc.array(key, { maxLength: 4 }))
    .map(([s, keys]): [string, Operation] => [`${s} syncs ${keys.join()}`, (l) => l.sync(s, keys)]),
  serverId.map((s): [string, Operation] => [`${s} is down`, (l) => l.orphan(s).sort()]),
);
const step = fc.tuple(fc.constantFrom(0, 1, 300, 999, 1000, 3000), operation);

test('after any sequence, the ledger agrees with the naive one, and no count is negative', () => {
  const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const ledger = new Ledger(LIMITS);
    const naive = new NaiveLedger();
    let nowMs = 0;
    for (const [waitMs, [, perform]] of steps) {
      nowMs += waitMs;
      expect(ledger.expire(nowMs)).toEqual(naive.expire(nowMs));
      expect(perform(ledger, nowMs)).toEqual(perform(naive, nowMs));
      expect(ledger.size).toBe(naive.size);
      expect(ledger.nextMs()).toBe(naive.nextMs());
      for (const id of SERVERS) {
        expect(ledger.outstanding(id)).toBeGreaterThanOrEqual(0);
        expect(ledger.outstanding(id)).toBe(naive.outstanding(id));
        expect(ledger.keysOf(id).sort()).toEqual(naive.keysOf(id).sort());
      }
      for (const each of KEYS) expect(new Set(ledger.holders(each))).toEqual(new Set(naive.holders(each)));
    }
  });
  fc.assert(property, { numRuns: 300 });
});

test("a second after the last event only the executors' tasks are outstanding", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const ledger = new Ledger(LIMITS);
      let nowMs = 0;
      for (const [waitMs, [, perform]] of steps) perform(ledger, (nowMs += waitMs));
      ledger.expire(nowMs + LIMITS.assignmentTtlMs);
      for (const id of SERVERS) expect(ledger.outstanding(id)).toBe(ledger.keysOf(id).length);
    }),
  );
});
