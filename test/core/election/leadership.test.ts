import * as fc from 'fast-check';
import { followOneLeader, isGreater, isSame, type Leadership } from '../../../src/core/election/leadership';

const leadership = fc.record({ term: fc.nat(3), leaderId: fc.option(fc.integer({ min: 1, max: 4 })) });

it.each<[string, Leadership, Leadership]>([
  ['a later term, whoever leads it', { term: 2, leaderId: 9 }, { term: 1, leaderId: 1 }],
  ['a later term, though nobody leads it', { term: 2, leaderId: null }, { term: 1, leaderId: 1 }],
  ['of one term the lower id', { term: 2, leaderId: 1 }, { term: 2, leaderId: 2 }],
  ['of one term any leader over none', { term: 2, leaderId: 9 }, { term: 2, leaderId: null }],
])('greater is %s', (_, greater, less) => {
  expect([isGreater(greater, less), isGreater(less, greater)]).toEqual([true, false]);
});

test('the order is total: of two different leaderships exactly one is greater, of equal ones neither', () => {
  fc.assert(
    fc.property(leadership, leadership, (a, b) => {
      expect([isGreater(a, b), isGreater(b, a), isSame(a, b)].filter(Boolean)).toHaveLength(1);
    }),
  );
});

test('the order is transitive: all who hear of the same ones choose the same one', () => {
  fc.assert(
    fc.property(leadership, leadership, leadership, (a, b, c) => {
      if (isGreater(a, b) && isGreater(b, c)) expect(isGreater(a, c)).toBe(true);
    }),
  );
  fc.assert(
    fc.property(
      fc.shuffledSubarray([1, 2, 3, 4, 5], { minLength: 5 }),
      fc.array(leadership, { minLength: 5, maxLength: 5 }),
      (order, all) => {
        const greatest = (list: Leadership[]): Leadership =>
          list.reduce((best, each) => (isGreater(each, best) ? each : best));
        expect(isSame(greatest(order.map((place) => all[place - 1]!)), greatest(all))).toBe(true);
      },
    ),
  );
});

describe('one leader is followed', () => {
  const follows = (term: number, leader_id: number | null) => ({ term, leader_id });
  test.each([
    [true, [follows(2, 1)]],
    [true, [follows(2, 1), follows(2, 1)]],
    [false, []],
    [false, [follows(2, null)]],
    [false, [follows(2, 1), follows(3, 1)]],
    [false, [follows(2, 1), follows(2, 3)]],
    [false, [follows(2, 1), follows(2, null)]],
  ])('%s: %j', (expected, statuses) => {
    expect(followOneLeader(statuses)).toBe(expected);
  });
});
