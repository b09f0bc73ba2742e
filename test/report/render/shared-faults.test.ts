import { sharedMarks } from '../../../src/report/render/shared-faults';

const of = (shared: boolean, start: number, end: number | null) => ({ shared, start, end });

test('one group has a star; several are told apart by their numbers', () => {
  expect(sharedMarks([of(true, 0, 10), of(true, 5, 8), of(false, 20, 30)])).toEqual(['*', '*', '']);
  const all = [
    of(true, 0, 10),
    of(true, 5, 8),
    of(false, 20, 30),
    of(true, 40, 60),
    of(true, 45, 50),
    of(true, 55, 70),
  ];
  expect(sharedMarks(all)).toEqual(['*1', '*1', '', '*2', '*2', '*2']);
  // One that is never healed shares its time with all that follow.
  expect(sharedMarks([of(true, 0, null), of(true, 5, 8), of(true, 20, 30)])).toEqual(['*', '*', '*']);
});
