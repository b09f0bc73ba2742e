import { ClusterView } from '../../../src/client/attempt/cluster-view';
import { seededRandom } from '../../../src/core/random';

const ADDRESSES = ['a:1', 'b:2', 'c:3'];

const create = (seed = 1): ClusterView => new ClusterView(ADDRESSES, seededRandom(seed));

/** All results of a choice that is repeated often. */
const choices = (choose: () => string): string[] => [...new Set(Array.from({ length: 200 }, choose))].sort();

describe('an exclusion', () => {
  it('lasts a second', () => {
    const view = create();
    view.exclude('a:1', 100);
    expect([view.isExcluded('a:1', 1099), view.isExcluded('a:1', 1100), view.isExcluded('b:2', 100)]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('has ids, where they are known', () => {
    const view = create();
    view.learn('a:1', 7);
    view.exclude('a:1', 0);
    view.exclude('b:2', 0);
    expect([view.excludedIds(0), view.excludedIds(1000)]).toEqual([[7], []]);
  });

  it('of all servers is ignored', () => {
    const view = create();
    ADDRESSES.forEach((address, index) => {
      view.learn(address, index + 1);
      view.exclude(address, 0);
    });
    expect([view.excludedIds(0), view.hasAlternative(0), view.hasAlternative(1000)]).toEqual([[], false, true]);
    expect(choices(() => view.askAddress(0))).toEqual(ADDRESSES);
    expect(choices(() => view.directAddress(0))).toEqual(ADDRESSES);
    expect(view.freshAddresses(0, [])).toEqual([]); // but nothing is hedged
  });

  it('of all servers: an overloaded one is available, and preferred to unreachable ones', () => {
    const view = create();
    view.exclude('a:1', 0);
    view.exclude('b:2', 0, true);
    view.exclude('c:3', 0);
    expect([choices(() => view.askAddress(0)), choices(() => view.directAddress(0))]).toEqual([['b:2'], ['b:2']]);
    expect(view.hasAlternative(0)).toBe(true);
    view.exclude('b:2', 500);
    expect(choices(() => view.directAddress(600))).toEqual(ADDRESSES);
    expect(view.hasAlternative(600)).toBe(false);
  });

  it('of the leader makes the view forget it', () => {
    const view = create();
    view.leaderAddress = 'b:2';
    view.exclude('a:1', 0);
    expect(view.leaderAddress).toBe('b:2');
    view.exclude('b:2', 0);
    expect(view.leaderAddress).toBeNull();
  });
});

describe('the server to ask', () => {
  it('is the leader, if it is known and did not just fail', () => {
    const view = create();
    view.leaderAddress = 'b:2';
    expect(choices(() => view.askAddress(0))).toEqual(['b:2']);
  });

  it('is otherwise any server that did not just fail', () => {
    const view = create();
    view.exclude('a:1', 0);
    expect(choices(() => view.askAddress(0))).toEqual(['b:2', 'c:3']);
  });
});

describe('its own choice', () => {
  it('is the less loaded of two: never the most loaded', () => {
    const view = create();
    view.sent('a:1', 0);
    view.sent('a:1', 0);
    view.sent('b:2', 0);
    expect(choices(() => view.directAddress(0))).toEqual(['b:2', 'c:3']);
    const often = Array.from({ length: 300 }, () => view.directAddress(0));
    expect(often.filter((address) => address === 'c:3').length).toBeGreaterThan(150); // two of three pairs
  });

  it('considers ended tasks', () => {
    const view = create();
    for (const address of ADDRESSES) view.sent(address, 0);
    view.sent('a:1', 0);
    view.ended('a:1');
    view.ended('a:1');
    const often = Array.from({ length: 300 }, () => view.directAddress(0));
    expect(often.filter((address) => address === 'a:1').length).toBeGreaterThan(150);
  });

  it('spreads over all of them', () => {
    const view = create();
    const shares = new Map(ADDRESSES.map((address) => [address, 0]));
    for (let task = 0; task < 3000; task++) {
      const address = view.directAddress(0);
      view.sent(address, 0);
      shares.set(address, shares.get(address)! + 1);
    }
    for (const share of shares.values()) expect(Math.abs(share / 1000 - 1)).toBeLessThan(0.01);
  });

  it('avoids the named ones, and those that just failed, if there are others', () => {
    const view = create();
    view.exclude('a:1', 0);
    expect(choices(() => view.directAddress(0, ['b:2']))).toEqual(['c:3']);
    expect(choices(() => view.directAddress(0, ['b:2', 'c:3']))).toEqual(['a:1']);
    expect(choices(() => view.directAddress(0, ADDRESSES))).toEqual(['b:2', 'c:3']);
  });

  it('of one server is that one', () => {
    expect(new ClusterView(['a:1'], seededRandom(1)).directAddress(0)).toBe('a:1');
  });
});

it('fresh servers are neither working on the task nor excluded', () => {
  const view = create();
  view.exclude('a:1', 0);
  expect([view.freshAddresses(0, []), view.freshAddresses(0, ['b:2']), view.freshAddresses(1000, ['b:2'])]).toEqual([
    ['b:2', 'c:3'],
    ['c:3'],
    ['a:1', 'c:3'],
  ]);
});

it('learns ids, and unlisted servers', () => {
  const view = create();
  view.learn('a:1', 1);
  view.learn('d:4', 4);
  expect([view.idOf('a:1'), view.idOf('b:2'), view.addressOf(4), view.addressOf(9)]).toEqual([1, null, 'd:4', null]);
  // Not before a server there has proved its identity.
  expect(choices(() => view.askAddress(0))).not.toContain('d:4');
  expect(view.freshAddresses(0, [])).not.toContain('d:4');
  view.prove('d:4');
  expect(choices(() => view.askAddress(0))).toContain('d:4');
  expect(view.freshAddresses(0, [])).toContain('d:4');
});

describe('one server under two addresses', () => {
  /** `a:1` is known to its peers as `x:1`; the arguments are the order in which the client learns the two. */
  const known = (first: string, second: string): ClusterView => {
    const view = create();
    view.learn(first, 1);
    view.learn(second, 1);
    return view;
  };

  it.each([
    ['a:1', 'x:1'],
    ['x:1', 'a:1'],
  ])('counts as one, reached as configured: %s, then %s', (first, second) => {
    const view = known(first, second);
    expect([view.usedAddress('x:1'), view.addressOf(1), view.idOf('a:1'), view.idOf('x:1')]).toEqual([
      'a:1',
      'a:1',
      1,
      1,
    ]);
    expect(choices(() => view.directAddress(0))).toEqual(ADDRESSES);
    expect(choices(() => view.directAddress(0, ['x:1']))).toEqual(['b:2', 'c:3']);
    expect(view.freshAddresses(0, ['x:1'])).toEqual(['b:2', 'c:3']);
  });

  it('is excluded under both, whichever failed, even before this was known', () => {
    const view = known('a:1', 'x:1');
    view.leaderAddress = 'a:1';
    view.exclude('x:1', 0);
    expect([view.isExcluded('a:1', 999), view.isExcluded('a:1', 1000), view.leaderAddress]).toEqual([
      true,
      false,
      null,
    ]);
    expect(view.excludedIds(0)).toEqual([1]);
    const late = create();
    late.learn('x:1', 1);
    late.exclude('x:1', 0, true);
    late.learn('a:1', 1);
    for (const address of ['b:2', 'c:3']) late.exclude(address, 0);
    expect([late.isExcluded('a:1', 999), late.isExcluded('a:1', 1000)]).toEqual([true, false]);
    expect(choices(() => late.directAddress(0))).toEqual(['a:1']); // the busy one
  });

  it('is slow under both, and on time under both', () => {
    const view = known('a:1', 'x:1');
    view.late('a:1', 0);
    view.late('x:1', 0);
    expect([view.isSlow('a:1', 999), view.isSlow('x:1', 999)]).toEqual([true, true]);
    view.sent('x:1', 1000);
    expect([view.isSlow('a:1', 1000), view.isSlow('x:1', 1000)]).toEqual([true, true]); // it is being probed
    view.onTime('x:1');
    expect([view.isSlow('a:1', 1000), view.isSlow('x:1', 1000)]).toEqual([false, false]);
  });

  it('has the tasks of both', () => {
    const view = create();
    view.sent('x:1', 0);
    view.sent('a:1', 0);
    view.learn('a:1', 1);
    view.learn('x:1', 1);
    expect(view.outstandingAt('a:1')).toBe(2);
    view.ended('x:1');
    view.ended('a:1');
    expect(view.outstandingAt('x:1')).toBe(0);
  });

  it('is reached under the other one after the used one failed', () => {
    const view = known('a:1', 'x:1');
    view.lost('a:1', 0);
    expect([view.usedAddress('a:1'), view.addressOf(1)]).toEqual(['x:1', 'x:1']);
    view.late('x:1', 2000);
    view.exclude('x:1', 4000, true);
    expect(view.usedAddress('a:1')).toBe('x:1');
    view.lost('x:1', 6000);
    expect(view.usedAddress('x:1')).toBe('a:1');
  });

  it('counts as two again if another server has one of them', () => {
    const view = known('a:1', 'x:1');
    view.prove('x:1');
    view.sent('a:1', 0);
    view.learn('a:1', 4);
    expect([view.idOf('a:1'), view.idOf('x:1'), view.addressOf(1), view.addressOf(4)]).toEqual([4, 1, 'x:1', 'a:1']);
    expect(view.freshAddresses(0, ['a:1'])).toEqual(['b:2', 'c:3', 'x:1']);
    expect([view.outstandingAt('a:1'), view.outstandingAt('x:1')]).toEqual([1, 0]);
  });
});

it('goes direct for a second after a miss', () => {
  const view = create();
  expect(view.directUntilMs).toBeLessThan(0);
  view.goDirect(500);
  expect(view.directUntilMs).toBe(1500);
});
