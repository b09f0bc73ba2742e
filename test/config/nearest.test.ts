import * as fc from 'fast-check';
import { editDistance, nearest } from '../../src/config/nearest';

const KEYS = ['id', 'address', 'advertise_address', 'heartbeat_interval_secs', 'failure_timeout_secs', 'events_file'];

describe('editDistance', () => {
  test.each([
    ['', '', 0],
    ['', 'abc', 3],
    ['kitten', 'sitting', 3],
    ['adress', 'address', 1],
    ['addrses', 'address', 1],
    ['ca', 'abc', 3],
  ])('%j to %j is %d', (from, to, distance) => {
    expect(editDistance(from, to)).toBe(distance);
  });

  test('is symmetric, zero only for the same word, at most the longer length', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (from, to) => {
        const distance = editDistance(from, to);
        expect(distance).toBe(editDistance(to, from));
        expect(distance === 0).toBe(from === to);
        expect(distance).toBeLessThanOrEqual(Math.max(from.length, to.length));
      }),
    );
  });
});

describe('nearest', () => {
  test.each([
    ['adress', 'address'],
    ['ADDRESS', 'address'],
    ['heartbeatIntervalSecs', 'heartbeat_interval_secs'],
    ['heartbeat-interval-secs', 'heartbeat_interval_secs'],
    ['heartbeat_interval', 'heartbeat_interval_secs'],
    ['heartbeat_interval_sec', 'heartbeat_interval_secs'],
    ['failure_timeot_secs', 'failure_timeout_secs'],
    ['event_file', 'events_file'],
    ['ids', 'id'],
  ])('%s was meant to be %s', (word, meant) => {
    expect(nearest(word, KEYS)).toBe(meant);
  });

  test.each(['banana', 'tls', '', 'constructor', '__proto__', 'x'.repeat(100_000)])('nothing is near %.20s', (word) => {
    expect(nearest(word, KEYS)).toBeUndefined();
  });
});
