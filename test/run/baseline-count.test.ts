/** Waits for enough successes before the first fault of a run. */
import { runConfigOf, type RunFlags } from '../../src/config/run-config';
import { BaselineCount, latestFirstMs } from '../../src/run/baseline-count.pure';
import { waitForBaseline } from '../../src/run/wait-for-baseline';

const success = (image: string) => ({ image, success: true });
const add = (count: BaselineCount, image: string, times: number): void => {
  for (let left = times; left > 0; left--) count.add(success(image));
};

describe('the successes', () => {
  test('are enough when every image has 20', () => {
    const count = new BaselineCount(['a.png', 'b.png']);
    add(count, 'a.png', 25);
    add(count, 'b.png', 19);
    for (let left = 9; left > 0; left--) count.add({ image: 'b.png', success: false });
    expect(count.enough.aborted).toBe(false);
    expect(count.text).toBe('b.png has 19');
    add(count, 'b.png', 1);
    expect(count.enough.aborted).toBe(true);
  });

  test('only a few images are named', () => {
    expect(new BaselineCount(['a', 'b', 'c', 'd', 'e']).text).toBe('a has 0, b has 0, c has 0, and 2 more');
  });

  test('are needed only of images whose slow limit is not configured', () => {
    expect(new BaselineCount(['a.png'], 60).enough.aborted).toBe(true);
    expect(new BaselineCount(['a.png'], { '*': 60 }).enough.aborted).toBe(true);
    const count = new BaselineCount(['a.png', 'b.png'], { 'b.png': 60 });
    add(count, 'a.png', 19);
    expect(count.text).toBe('a.png has 19');
    add(count, 'a.png', 1);
    expect(count.enough.aborted).toBe(true);
  });
});

describe('the latest time of the first fault', () => {
  const latest = (flags: RunFlags) => latestFirstMs(runConfigOf(flags).config);

  test('is two minutes after the earliest, if the load runs until the faults are over', () => {
    expect(latest({})).toBe(140_000);
    expect(latest({ 'first-fault': '1' })).toBe(121_000);
  });

  test('leaves time for the faults, if the load has a planned end', () => {
    // Three faults of 4 s, each followed by 8 s.
    expect(latest({ duration: '100' })).toBe(64_000);
    expect(latest({ duration: '30' })).toBe(20_000);
    // 60 requests of each client, 1.05 s of thinking before each; 600 at 10/s.
    expect(latest({ requests: '60' })).toBe(27_000);
    expect(latest({ requests: '60', rate: '10' })).toBe(24_000);
    expect(latest({ requests: '60', 'min-delay-ms': '0', 'max-delay-ms': '0' })).toBe(20_000);
  });
});

describe('the wait', () => {
  const wait = async (count: BaselineCount, mostMs: number, signal = new AbortController().signal) => {
    const said: string[] = [];
    const waiting = waitForBaseline({ count, leastMs: 0, mostMs, signal, say: (_, text) => said.push(text) });
    return { said, waiting };
  };

  test('is over at once with enough successes, and says nothing', async () => {
    const { said, waiting } = await wait(new BaselineCount(['a.png'], 60), 1e6);
    await waiting;
    expect(said).toEqual([]);
  });

  test('says what it waits for, and ends with the last success', async () => {
    const count = new BaselineCount(['a.png']);
    add(count, 'a.png', 19);
    const { said, waiting } = await wait(count, 90_000);
    await new Promise(setImmediate);
    setTimeout(() => add(count, 'a.png', 1), 0);
    await waiting;
    expect(said).toEqual([
      'waiting with the first fault for 20 successes of every image, at most 90 s more: a.png has 19',
    ]);
  });

  test('gives up, and says what will be unknown', async () => {
    const { said, waiting } = await wait(new BaselineCount(['a.png']), 0);
    await waiting;
    expect(said).toEqual([
      'too few successes before the first fault: a.png has 0 of 20; what faults cost will be unknown. Use more ' +
        '--clients or fewer images, or fix --slow-limit',
    ]);
  });

  test('an interrupt ends it without a word', async () => {
    const controller = new AbortController();
    controller.abort();
    const { said, waiting } = await wait(new BaselineCount(['a.png']), 0, controller.signal);
    await waiting;
    expect(said).toEqual([]);
  });
});
