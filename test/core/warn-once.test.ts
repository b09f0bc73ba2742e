import { WarnOnce } from '../../src/core/warn-once';

function listening(maxCount?: number): { told: string[]; once: WarnOnce } {
  const told: string[] = [];
  return { told, once: new WarnOnce((text) => told.push(text), maxCount) };
}

test('each problem of each party is logged once, until that party is well again', () => {
  const { told, once } = listening();
  for (let i = 0; i < 3; i += 1) {
    once.say('a', 'a is late');
    once.say('b', 'b is late');
    once.say('a', 'a is old');
  }
  expect(told.splice(0)).toEqual(['a is late', 'b is late', 'a is old']);
  once.well('a');
  once.well('c');
  for (const party of ['a', 'b']) once.say(party, `${party} is late`);
  expect(told).toEqual(['a is late']);
});

test('many parties fill neither log nor memory, and make room again once they are well', () => {
  const { told, once } = listening(3);
  for (const party of ['a', 'b', 'c', 'd', 'e', 'f']) once.say(party, `${party} is late`);
  expect(told.splice(0)).toEqual([
    'a is late',
    'b is late',
    'c is late',
    'more than 3 such warnings: further ones are suppressed',
  ]);
  once.well('b');
  for (const party of ['d', 'e', 'f']) once.say(party, `${party} is late`);
  expect(told).toEqual(['d is late', 'more than 3 such warnings: further ones are suppressed']);
});

test('a party with many problems is logged ten times, and leaves room for others', () => {
  const { told, once } = listening(12);
  for (let id = 1; id <= 100; id++) once.say('a', `a has id ${id}`);
  once.say('b', 'b is late');
  expect(told).toHaveLength(11);
  expect(told.slice(-2)).toEqual(['a has id 10; further problems of the same kind are suppressed', 'b is late']);
  once.well('a');
  once.say('a', 'a has id 1');
  expect(told.at(-1)).toBe('a has id 1');
});
