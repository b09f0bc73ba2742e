/** `run` tells `stress` on other machines its run, a common start, and when to end. */
import { withEndSignal } from '../../src/commands/stress/end-signal';
import { stressConfigOf } from '../../src/config/stress-config';

test('the run and the start are taken as they are', () => {
  expect(stressConfigOf({ 'run-id': 'a-1', 'start-at': '1795385045936' })).toMatchObject({
    runId: 'a-1',
    startAtMs: 1_795_385_045_936,
  });
  expect(stressConfigOf({})).toMatchObject({ runId: undefined, startAtMs: undefined });
});

test.each([
  [{ 'run-id': 'a b' }, '--run-id: expected 1 to 64 letters, digits and "-", got "a b"'],
  [{ 'start-at': 'now' }, /^--start-at: expected a whole number from 0 to \d+, got "now"$/],
])('%j', (flags, message) => {
  expect(() => stressConfigOf(flags)).toThrow(message);
});

test('SIGUSR2 ends the load softly, and is ignored afterwards', async () => {
  const before = process.listenerCount('SIGUSR2');
  const wasEnded = await withEndSignal(async (endSignal) => {
    process.emit('SIGUSR2');
    return endSignal.aborted;
  });
  expect({ wasEnded, left: process.listenerCount('SIGUSR2') - before }).toEqual({ wasEnded: true, left: 0 });
});
