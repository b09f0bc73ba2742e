import * as fc from 'fast-check';
import { taskKey, taskName } from '../../../src/core/balancing/task-key';

it('distinguishes run, client and request', () => {
  const names = [
    { run_id: 'r', client_name: 'c', request_id: 1 },
    { run_id: 'r', client_name: 'c', request_id: 11 },
    { run_id: 'r', client_name: 'c1', request_id: 1 },
    { run_id: 'rc', client_name: '', request_id: 1 },
  ];
  expect(new Set(names.map((name) => taskKey(name))).size).toBe(names.length);
});

it('uses the address of clients that send no run id', () => {
  const name = { client_name: 'c', request_id: 1 };
  expect(taskKey(name, '10.0.0.1')).toBe(taskKey({ ...name, run_id: '10.0.0.1' }));
  expect(taskKey(name, '10.0.0.1')).not.toBe(taskKey(name, '10.0.0.2'));
  expect(taskKey({ ...name, run_id: 'r' }, '10.0.0.1')).toBe(taskKey({ ...name, run_id: 'r' }));
});

it('is invertible', () => {
  const name = fc.record({
    run_id: fc.string({ unit: 'grapheme' }),
    client_name: fc.string({ unit: fc.constantFrom('a', ' ', '\n', 'é') }),
    request_id: fc.maxSafeNat(),
  });
  fc.assert(
    fc.property(name, (given) => {
      expect(taskName(taskKey(given))).toEqual(given);
      expect(taskKey(taskName(taskKey(given)))).toBe(taskKey(given));
    }),
  );
});
