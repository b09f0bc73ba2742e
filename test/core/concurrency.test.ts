import { inParallel } from '../../src/core/concurrency';

/** Resolves when the event loop has turned once: everything that could begin has begun. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('runs every item once, never more than the limit at a time', async () => {
  const begun: [string, number][] = [];
  let inFlight = 0;
  let most = 0;
  await inParallel(['a', 'b', 'c', 'd', 'e'], 2, async (item, index) => {
    begun.push([item, index]);
    most = Math.max(most, ++inFlight);
    await turn();
    inFlight -= 1;
  });
  expect(begun).toEqual(['a', 'b', 'c', 'd', 'e'].map((item, index) => [item, index]));
  expect(most).toBe(2);
});

it('after a failure it begins no more, and throws the first one when the others have ended', async () => {
  const ended: number[] = [];
  const running = inParallel([1, 2, 3, 4], 2, async (item) => {
    if (item === 1) throw new Error('the first');
    await turn();
    ended.push(item);
    throw new Error('a later one');
  });
  await expect(running).rejects.toThrow('the first');
  expect(ended).toEqual([2]);
});

it('without items there is nothing to do', async () => {
  await inParallel([], 8, () => Promise.reject(new Error('nothing to act on')));
});
