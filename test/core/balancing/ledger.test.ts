import { Ledger, LEDGER_LIMITS } from '../../../src/core/balancing/ledger';

const counts = (ledger: Ledger, ids = [1, 2, 3]): number[] => ids.map((id) => ledger.outstanding(id));

test('the limits are those of the design', () => {
  expect(LEDGER_LIMITS).toMatchObject({ assignmentTtlMs: 1000, endedTtlMs: 30_000 });
  expect(LEDGER_LIMITS.maxEnded).toBeLessThanOrEqual(1_000_000);
});

describe("a server's count", () => {
  it('is its list plus its unreported assignments of the last second', () => {
    const ledger = new Ledger();
    ledger.add(1, 'a');
    ledger.assign('b', 1, 0);
    expect(counts(ledger)).toEqual([2, 0, 0]);
    ledger.add(1, 'b'); // reported: counted once
    expect(counts(ledger)).toEqual([2, 0, 0]);
    expect([ledger.size, ledger.keysOf(1)]).toEqual([2, ['a', 'b']]);
  });

  it('counts a repeated assignment once', () => {
    const ledger = new Ledger();
    ledger.assign('a', 1, 0);
    ledger.assign('a', 1, 500);
    expect([counts(ledger), ledger.nextMs()]).toEqual([[1, 0, 0], 1500]);
  });

  it('counts an assignment at each server that got it', () => {
    const ledger = new Ledger();
    ledger.assign('a', 1, 0);
    ledger.assign('a', 2, 10);
    expect([counts(ledger), ledger.size]).toEqual([[1, 1, 0], 2]);
    ledger.add(2, 'a'); // 1 has not reported anything about it
    expect(counts(ledger)).toEqual([1, 1, 0]);
  });

  it('counts two executions of one task twice, and each end once', () => {
    const ledger = new Ledger();
    ledger.add(1, 'a');
    ledger.add(1, 'a');
    expect([counts(ledger), ledger.keysOf(1)]).toEqual([
      [2, 0, 0],
      ['a', 'a'],
    ]);
    ledger.remove(1, 'a', 0);
    expect(counts(ledger)).toEqual([1, 0, 0]);
    ledger.remove(1, 'a', 0);
    ledger.remove(1, 'a', 0); // once too often
    expect([counts(ledger), ledger.size]).toEqual([[0, 0, 0], 0]);
  });
});

describe('an assignment', () => {
  it('expires a second after it was made, and is reported', () => {
    const ledger = new Ledger();
    ledger.assign('a', 1, 0);
    ledger.assign('b', 2, 400);
    expect([ledger.nextMs(), ledger.expire(999)]).toEqual([1000, []]);
    expect(ledger.expire(1000)).toEqual([{ key: 'a', serverId: 1, atMs: 0 }]);
    expect([counts(ledger), ledger.nextMs()]).toEqual([[0, 1, 0], 1400]);
    expect(ledger.holders('a')).toEqual([]);
  });

  it('does not expire once reported', () => {
    const ledger = new Ledger();
    ledger.assign('a', 1, 0);
    ledger.add(1, 'a');
    expect([ledger.expire(5000), counts(ledger), ledger.nextMs()]).toEqual([[], [1, 0, 0], Infinity]);
  });

  it('restarts its second when repeated', () => {
    const ledger = new Ledger();
    ledger.assign('a', 1, 0);
    ledger.assign('b', 1, 100);
    ledger.assign('a', 1, 900);
    expect(ledger.expire(1000)).toEqual([]);
    expect(ledger.expire(1100).map(({ key }) => key)).toEqual(['b']);
    expect(ledger.expire(1900).map(({ key }) => key)).toEqual(['a']);
  });
});

describe('an ended task', () => {
  it('is remembered for 30 s, with the server that had it', () => {
    const ledger = new Ledger();
    ledger.add(2, 'a');
    ledger.remove(2, 'a', 100);
    expect([ledger.holders('a'), counts(ledger)]).toEqual([[2], [0, 0, 0]]);
    ledger.expire(30_099);
    expect(ledger.holders('a')).toEqual([2]);
    ledger.expire(30_100);
    expect(ledger.holders('a')).toEqual([]);
  });

  it('causes no wake-up', () => {
    const ledger = new Ledger();
    ledger.remove(2, 'a', 100);
    expect(ledger.nextMs()).toBe(Infinity);
  });

  it('is forgotten earlier if there are too many, the oldest first', () => {
    const ledger = new Ledger({ ...LEDGER_LIMITS, maxEnded: 2 });
    for (const [index, key] of ['a', 'b', 'a', 'c'].entries()) ledger.remove(1, key, index);
    expect(['a', 'b', 'c'].map((key) => ledger.holders(key))).toEqual([[1], [], [1]]);
  });

  it('ends an assignment that was never reported', () => {
    const ledger = new Ledger();
    ledger.assign('a', 1, 0);
    ledger.remove(1, 'a', 5);
    expect([counts(ledger), ledger.size, ledger.nextMs()]).toEqual([[0, 0, 0], 0, Infinity]);
  });

  it('is remembered at the second server if it ends there again', () => {
    const ledger = new Ledger();
    ledger.remove(1, 'a', 0);
    ledger.remove(2, 'a', 10_000);
    ledger.expire(30_000);
    expect(ledger.holders('a')).toEqual([2]);
  });
});

describe("an executor's whole list", () => {
  it('replaces everything known about it, and about no other', () => {
    const ledger = new Ledger();
    for (const key of ['a', 'b']) ledger.add(1, key);
    ledger.add(2, 'c');
    ledger.sync(1, ['b', 'd', 'd']);
    expect([ledger.keysOf(1), ledger.keysOf(2), counts(ledger)]).toEqual([['b', 'd', 'd'], ['c'], [3, 1, 0]]);
    ledger.sync(1, []);
    expect(counts(ledger)).toEqual([0, 1, 0]);
  });

  it('reports assignments; missing ones may be on their way', () => {
    const ledger = new Ledger();
    ledger.assign('a', 1, 0);
    ledger.assign('b', 1, 0);
    ledger.sync(1, ['a']);
    expect(counts(ledger)).toEqual([2, 0, 0]);
    expect(ledger.expire(1000).map(({ key }) => key)).toEqual(['b']);
  });
});

describe('a server that is down', () => {
  it('leaves its tasks as orphans, each key once, and is forgotten', () => {
    const ledger = new Ledger();
    for (const key of ['a', 'a', 'b']) ledger.add(1, key);
    ledger.assign('c', 1, 0);
    ledger.assign('b', 1, 0);
    ledger.assign('c', 2, 0);
    expect(ledger.orphan(1).sort()).toEqual(['a', 'b', 'c']);
    expect([counts(ledger), ledger.holders('c'), ledger.orphan(1)]).toEqual([[0, 1, 0], [2], []]);
  });

  it('leaves none if it is unknown', () => expect(new Ledger().orphan(9)).toEqual([]));
});

test('holders are servers with the assignment, with the task, and the one that had it', () => {
  const ledger = new Ledger();
  ledger.add(2, 'a');
  ledger.remove(3, 'a', 0);
  ledger.assign('a', 1, 0);
  ledger.add(2, 'b');
  expect(ledger.holders('a')).toEqual([1, 2, 3]);
  expect(ledger.holders('nothing')).toEqual([]);
});
