import { Pending } from '../../../src/server/member/pending';

it('gives every question its own id, and its value back once', () => {
  const pending = new Pending<string>(100);
  const [a, b] = [pending.add('a', 10), pending.add('b', 20)];
  expect(new Set([a, b]).size).toBe(2);
  expect([
    pending.take(b, () => true),
    pending.take(b, () => true),
    pending.take(a, () => true),
    pending.take(-1, () => true),
  ]).toEqual(['b', undefined, 'a', undefined]);
});

it('never reuses an id: an answer to an old question is ignored', () => {
  const pending = new Pending<string>(0);
  const first = pending.add('a', 10);
  pending.take(first, () => true);
  expect(pending.add('b', 10)).not.toBe(first);
});

it('starts at the given id, so that a former life has other ids', () => {
  expect(new Pending<string>(7).add('a', 0)).not.toBe(new Pending<string>(70).add('a', 0));
});

it('wakes for the earliest deadline, and not when nothing is pending', () => {
  const pending = new Pending<string>(0);
  expect(pending.nextMs()).toBe(Infinity);
  pending.add('soon', 10);
  pending.add('late', 20);
  expect(pending.nextMs()).toBe(10);
  expect(pending.takeDue(9)).toEqual([]);
  expect(pending.takeDue(10)).toEqual(['soon']);
  expect(pending.nextMs()).toBe(20);
  expect(pending.takeWhere((value) => value === 'late')).toEqual(['late']);
  expect(pending.takeWhere(() => true)).toEqual([]);
});

it('ignores an answer from somebody else, and keeps waiting', () => {
  const pending = new Pending<string>(0);
  const id = pending.add('a', 10);
  expect(pending.take(id, (value) => value === 'b')).toBeUndefined();
  expect(pending.take(id, (value) => value === 'a')).toBe('a');
});
