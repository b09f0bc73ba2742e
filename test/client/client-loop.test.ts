import { type ClientLoopOptions, expectedRequests, newClientLoop } from '../../src/client/client-loop';
import { seededRandom } from '../../src/core/random';
import { systemClock } from '../../src/core/system/system-clock';

interface Begun {
  image: string;
  atMs: number;
  intendedMs: number;
}

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const images = ['a', 'b', 'c'].map((name) => ({ name, bytes: new Uint8Array(1) }));

/** Runs a load whose requests take `takesMs` each; times count from its start. */
async function run(
  change: Partial<ClientLoopOptions> & Pick<ClientLoopOptions, 'pacing'>,
  { takesMs = 1, stopAfterMs }: { takesMs?: number; stopAfterMs?: number } = {},
) {
  const startMs = systemClock.monotonicMs();
  const since = (ms: number): number => Math.round(ms - startMs);
  const begun: Begun[] = [];
  let endedCount = 0;
  const loop = newClientLoop({
    images,
    random: seededRandom(5),
    clock: systemClock,
    async send({ name }, intendedStartMs) {
      begun.push({ image: name, atMs: since(systemClock.monotonicMs()), intendedMs: since(intendedStartMs) });
      await new Promise((resolve) => setTimeout(resolve, takesMs));
      endedCount += 1;
    },
    ...change,
  });
  let endedMs: number | undefined;
  const running = loop.run().then(() => (endedMs = since(systemClock.monotonicMs())));
  if (stopAfterMs !== undefined) setTimeout(() => loop.stop(), stopAfterMs);
  await jest.runAllTimersAsync();
  await running;
  return { begun, endedCount, endedMs: endedMs!, expectedCount: expectedRequests(change) };
}

describe('a fixed rate', () => {
  const pacing = { mode: 'rate', ratePerSecond: 10 } as const;

  it('starts on schedule, however long requests take', async () => {
    const { begun, endedCount, endedMs } = await run({ pacing, durationMs: 1000 }, { takesMs: 5000 });
    expect(begun.map(({ intendedMs }) => intendedMs)).toEqual([0, 100, 200, 300, 400, 500, 600, 700, 800, 900]);
    for (const { atMs, intendedMs } of begun) expect(atMs - intendedMs).toBeLessThanOrEqual(1);
    expect(endedCount).toBe(10);
    expect(endedMs).toBeGreaterThanOrEqual(5900);
  });

  it.each([
    [{ durationMs: 1000, totalRequests: 3 }, 3],
    [{ durationMs: 300, totalRequests: 30 }, 3],
    [{ totalRequests: 7 }, 7],
    [{ durationMs: 1 }, 1],
    [{ durationMs: 301 }, 4],
  ])('%p: %i requests', async (limits, count) => {
    const { begun, expectedCount } = await run({ pacing, ...limits });
    expect(begun.length).toBe(count);
    expect(expectedCount).toBe(count);
  });

  it('a request that cannot start in time starts late, with its intended start unchanged', async () => {
    const atOnce = { mode: 'rate', ratePerSecond: 1_000_000 } as const;
    const { begun } = await run({ pacing: atOnce, totalRequests: 25_000 }, { takesMs: 1000 });
    expect(begun.length).toBe(25_000);
    expect(begun[24_999]!.intendedMs).toBe(25);
    expect(begun[24_999]!.atMs).toBeGreaterThanOrEqual(2000);
  });

  it('a seed gives the same images again, and all of them', async () => {
    const names = async (): Promise<string> =>
      (await run({ pacing, totalRequests: 30 })).begun.map(({ image }) => image).join('');
    const first = await names();
    expect(await names()).toBe(first);
    expect(new Set(first)).toEqual(new Set(['a', 'b', 'c']));
  });

  it('stop: starts no more, waits for requests in flight', async () => {
    const { begun, endedCount, endedMs } = await run(
      { pacing, durationMs: 10_000 },
      { takesMs: 500, stopAfterMs: 250 },
    );
    expect(begun.length).toBe(3);
    expect(endedCount).toBe(3);
    expect(endedMs).toBeLessThan(800);
  });
});

describe('think times', () => {
  const pacing = { mode: 'closed_loop', minDelayMs: 50, maxDelayMs: 150 } as const;

  it('the next request starts this long after the last one ended', async () => {
    const { begun, expectedCount } = await run({ pacing, totalRequests: 50 }, { takesMs: 20 });
    expect(begun.length).toBe(50);
    expect(expectedCount).toBe(50);
    const delays = begun.slice(1).map(({ intendedMs }, i) => intendedMs - begun[i]!.atMs - 20);
    for (const delay of delays) {
      expect(delay).toBeGreaterThanOrEqual(49);
      expect(delay).toBeLessThanOrEqual(152);
    }
    expect(Math.max(...delays) - Math.min(...delays)).toBeGreaterThan(60);
  });

  it('without think time the next one starts at once', async () => {
    const none = { mode: 'closed_loop', minDelayMs: 0, maxDelayMs: 0 } as const;
    const { begun, endedMs } = await run({ pacing: none, totalRequests: 10 }, { takesMs: 20 });
    expect(begun.length).toBe(10);
    expect(endedMs).toBeLessThan(215);
  });

  it('the duration ends it, without a last think time', async () => {
    const { begun, endedMs, expectedCount } = await run({ pacing, durationMs: 1000 }, { takesMs: 20 });
    expect(begun.at(-1)!.atMs).toBeLessThan(1000);
    expect(endedMs).toBeLessThan(1000);
    expect(endedMs).toBeGreaterThan(800);
    expect(expectedCount).toBeUndefined();
  });

  it('stop during a think time ends it at once', async () => {
    const long = { mode: 'closed_loop', minDelayMs: 60_000, maxDelayMs: 60_000 } as const;
    const { begun, endedMs } = await run({ pacing: long, totalRequests: 5 }, { stopAfterMs: 100 });
    expect(begun.length).toBe(1);
    expect(endedMs).toBeLessThan(110);
  });
});

it.each([
  ['rate', { mode: 'rate', ratePerSecond: 1 }],
  ['think times', { mode: 'closed_loop', minDelayMs: 1, maxDelayMs: 1 }],
] as const)('a bug in a request ends the run with its error: %s', async (_mode, pacing) => {
  const send = (): Promise<void> => Promise.reject(new Error('a bug'));
  const loop = newClientLoop({ pacing, send, images, random: seededRandom(1), clock: systemClock, totalRequests: 1 });
  await expect(loop.run()).rejects.toThrow('a bug');
});
