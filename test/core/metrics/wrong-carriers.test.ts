import { WrongCarriers, wrongCarriersOf, wrongCarriersText } from '../../../src/core/metrics/wrong-carriers';

const record = { failure_reason: null, assigned_server_id: 3 };

it('those of a record, also of an older one, whose only trace is the failure', () => {
  expect(wrongCarriersOf(record)).toEqual([]);
  expect(wrongCarriersOf({ ...record, wrong_carriers: [2, null] })).toEqual([2, null]);
  expect(wrongCarriersOf({ ...record, failure_reason: 'Verification failed' })).toEqual([3]);
  expect(wrongCarriersOf({ ...record, failure_reason: 'Verification failed', wrong_carriers: [1, 3] })).toEqual([1, 3]);
});

it('are counted by server, and the worst comes first', () => {
  const wrong = new WrongCarriers();
  wrong.add({ ...record, wrong_carriers: [1, 2, null] });
  wrong.add({ ...record, failure_reason: 'Verification failed', wrong_carriers: [2] });
  wrong.add(record);
  expect(wrong.count).toBe(4);
  expect(wrong.toJson()).toEqual({ 0: 1, 1: 1, 2: 2 });
  expect(wrongCarriersText(wrong.worstFirst())).toBe('4 wrong carriers (server 2: 2, unknown server: 1, server 1: 1)');
  expect(WrongCarriers.of(wrong.toJson()).worstFirst()).toEqual(wrong.worstFirst());
});
