import { Load, type LoadOptions } from '../../src/client/load';
import type { RequestRecord } from '../../src/core/metrics/record';
import { seededRandom } from '../../src/core/random';
import { systemClock } from '../../src/core/system-clock';

interface Begun {
  image: string;
  id: number;
  atMs: number;
  intendedMs: number;
}

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const images = ['a', 'b', 'c'].map((name) => ({ name, bytes: new Uint8Array(1) }));

/** Runs a load whose requests take `takesMs` each; times count from its start. */
async function run(
  change: Partial<LoadOptions> & Pick<LoadOptions, 'pacing'>,
  { takesMs = 1, stopAfterMs }: { takesMs?: number; stopAfterMs?: number } = {},
) {
  const startMs = systemClock.monotonicMs();
  const since = (ms: number): number => Math.round(ms - startMs);
  const begun: Begun[] = [];
  const records: RequestRecord[] = [];
  const load = new Load({
    images,
    random: seededRandom(5),
    clock: systemClock,
    onRecord: (record) => records.push(record),
    request: (image, id, { intendedStartMs }) => {
      const { name } = image;
      begun.push({ image: name, id, atMs: since(systemClock.monotonicMs()), intendedMs: since(intendedStartMs) });
      return new Promise((resolve) => setTimeout(() => resolve({ request_id: id } as RequestRecord), takesMs));
    },
    ...change,
  });
  let endedMs: number | undefined;
  const running = load.run().then(() => (endedMs = since(systemClock.monotonicMs())));
  if (stopAfterMs !== undefined) setTimeout(() => load.stop(), stopAfterMs);
  await jest.runAllTimersAsync();
  await running;
  return { begun, records, endedMs: endedMs!, load };
}

describe('a fixed rate', () => {
  const pacing = { mode: 'rate', ratePerSecond: 10 } as const;

  it('starts on schedule, however long requests take', async () => {
    const { begun, records, endedMs } = await run({ pacing, durationMs: 1000 }, { takesMs: 5000 });
    expect(begun.map(({ intendedMs }) => intendedMs)).toEqual([0, 100, 200, 300, 400, 500, 600, 700, 800, 900]);
    for (const { atMs, intendedMs } of begun) expect(atMs - intendedMs).toBeLessThanOrEqual(1);
    expect(begun.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(records.length).toBe(10);
    expect(endedMs).toBeGreaterThanOrEqual(5900);
  });

  it.each([
    [{ durationMs: 1000, totalRequests: 3 }, 3],
    [{ durationMs: 300, totalRequests: 30 }, 3],
    [{ totalRequests: 7 }, 7],
    [{ durationMs: 1 }, 1],
    [{ durationMs: 301 }, 4],
  ])('%p: %i requests', async (limits, count) => {
    const { begun, load } = await run({ pacing, ...limits });
    expect(begun.length).toBe(count);
    expect(load.expectedCount).toBe(count);
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
    const { begun, records, endedMs } = await run({ pacing, durationMs: 10_000 }, { takesMs: 500, stopAfterMs: 250 });
    expect(begun.length).toBe(3);
    expect(records.length).toBe(3);
    expect(endedMs).toBeLessThan(800);
  });
});

describe('think times', () => {
  const pacing = { mode: 'closed_loop', minDelayMs: 50, maxDelayMs: 150 } as const;

  it('the next request starts this long after the last one ended', async () => {
    const { begun, load } = await run({ pacing, totalRequests: 50 }, { takesMs: 20 });
    expect(begun.length).toBe(50);
    expect(load.expectedCount).toBe(50);
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
    const { begun, endedMs, load } = await run({ pacing, durationMs: 1000 }, { takesMs: 20 });
    expect(begun.at(-1)!.atMs).toBeLessThan(1000);
    expect(endedMs).toBeLessThan(1000);
    expect(endedMs).toBeGreaterThan(800);
    expect(load.expectedCount).toBeUndefined();
  });

  it('stop during a think time ends it at once', async () => {
    const long = { mode: 'closed_loop', minDelayMs: 60_000, maxDelayMs: 60_000 } as const;
    const { begun, endedMs } = await run({ pacing: long, totalRequests: 5 }, { stopAfterMs: 100 });
    expect(begun.length).toBe(1);
    expect(endedMs).toBeLessThan(110);
  });
});

it('a bug in a request ends the run with its error', async () => {
  const request = (): Promise<RequestRecord> => Promise.reject(new Error('a bug'));
  const random = seededRandom(1);
  const pacing = { mode: 'rate', ratePerSecond: 1 } as const;
  const load = new Load({ images, pacing, random, clock: systemClock, totalRequests: 1, request, onRecord: () => {} });
  await expect(load.run()).rejects.toThrow('a bug');
});
