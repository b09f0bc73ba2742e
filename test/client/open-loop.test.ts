import { seededRandom } from '../../src/core/random';
import { systemClock } from '../../src/core/system/system-clock';
import { PauseWatch } from '../../src/core/system/pause-watch';
import { OpenLoop } from '../../src/client/open-loop';
import { dueTimes, type Schedule } from '../../src/client/pacer.pure';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

interface Seen {
  client: number;
  image: string;
  dueMs: number;
  atMs: number;
  /** The reason for which it was missed. */
  why?: string;
}

const images = ['a', 'b', 'c'].map((name) => ({ name, bytes: new Uint8Array(1) }));

/** Runs a loop of `clients` whose requests take `takesMs`, given when they are sent; 10 per second for 1 s. */
async function run(
  {
    clients = 2,
    schedule = {},
    stopAfterMs,
    lookAtMs,
    heldUp = { atMs: Infinity, forMs: 0 },
  }: {
    clients?: number;
    schedule?: Partial<Schedule>;
    stopAfterMs?: number;
    lookAtMs?: number;
    heldUp?: { atMs: number; forMs: number };
  },
  takesMs: (atMs: number) => number,
) {
  let heldUpMs = 0;
  const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + heldUpMs };
  const pauses = {
    resumedMs: -Infinity,
    look(): number {
      if (heldUpMs > 500 && pauses.resumedMs === -Infinity) pauses.resumedMs = clock.monotonicMs();
      return clock.monotonicMs();
    },
  };
  const startMs = clock.monotonicMs();
  const since = (ms: number): number => Math.round(ms - startMs);
  const now = (): number => since(clock.monotonicMs());
  const sent: Seen[] = [];
  const missed: Seen[] = [];
  const lateMs: number[] = [];
  let mostInFlight = 0;
  let inFlight = 0;
  const loop = new OpenLoop({
    clients: Array.from({ length: clients }, (_, client) => ({
      async send({ name }, dueMs) {
        sent.push({ client, image: name, dueMs: since(dueMs), atMs: now() });
        if (now() >= heldUp.atMs) heldUpMs = heldUp.forMs;
        mostInFlight = Math.max(mostInFlight, ++inFlight);
        await new Promise((resolve) => setTimeout(resolve, takesMs(now())));
        inFlight -= 1;
      },
      miss: ({ name }, dueMs, why) => void missed.push({ client, image: name, dueMs: since(dueMs), atMs: now(), why }),
    })),
    dueTimes: dueTimes(
      { ratePerSecond: 10, arrivals: 'uniform', rampUpMs: 0, durationMs: 1000, ...schedule },
      seededRandom(1),
    ),
    images,
    random: seededRandom(5),
    clock,
    maxWaitMs: 2000,
    pauses,
    onSend: (ms) => lateMs.push(ms),
  });
  let endedMs = 0;
  const waiting = { dues: [] as number[] };
  if (lookAtMs !== undefined) setTimeout(() => (waiting.dues = loop.waitingDueMs.map(since)), lookAtMs);
  const running = loop.run().then(() => (endedMs = now()));
  if (stopAfterMs !== undefined) setTimeout(() => loop.stop(), stopAfterMs);
  await jest.runAllTimersAsync();
  await running;
  return { sent, missed, lateMs, mostInFlight, endedMs, loop, waiting: waiting.dues };
}

const dues = (seen: Seen[]): number[] => seen.map(({ dueMs }) => dueMs);
const EVERY_100_MS = [0, 100, 200, 300, 400, 500, 600, 700, 800, 900];

it('while clients are free, every request is sent when due, to each client in turn', async () => {
  const { sent, missed, lateMs, loop } = await run({ clients: 3 }, () => 20);
  expect(dues(sent)).toEqual(EVERY_100_MS);
  for (const { atMs, dueMs } of sent) expect(atMs - dueMs).toBeLessThanOrEqual(1);
  for (const ms of lateMs) expect(ms).toBeLessThanOrEqual(2);
  expect(sent.map(({ client }) => client)).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2, 0]);
  expect({ missed, waited: loop.waitedCount }).toEqual({ missed: [], waited: 0 });
});

it('while all are busy, due requests wait in order, and their latency counts; the generator is not late', async () => {
  // Nothing is answered from 200 ms to 700 ms.
  const { sent, lateMs, mostInFlight, loop } = await run({}, (atMs) => (atMs >= 200 ? Math.max(5, 700 - atMs) : 5));
  expect(dues(sent)).toEqual(EVERY_100_MS);
  expect(sent.map(({ atMs }) => atMs)).toEqual([0, 100, 200, 300, 700, 700, 705, 705, 800, 900].map(close));
  expect(mostInFlight).toBe(2);
  expect(loop.waitedCount).toBe(4);
  for (const ms of lateMs) expect(ms).toBeLessThanOrEqual(2);
});

it('requests that would wait longer than the request timeout are not sent, but counted', async () => {
  const { sent, missed } = await run({ schedule: { durationMs: 4000 } }, (atMs) => (atMs < 200 ? 3500 : 5));
  expect(dues([...sent, ...missed]).sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i * 100));
  // The clients are free again at 3,500 and 3,600 ms.
  expect(dues(missed)).toEqual([200, 300, 400, 500, 600, 700, 800, 900, 1000, 1100, 1200, 1300, 1400]);
  expect(missed.map(({ client }) => client).slice(0, 4)).toEqual([0, 1, 0, 1]);
  // Each when it has waited too long, and not when a client is free again.
  for (const { atMs, dueMs } of missed) expect(atMs - dueMs).toBeLessThanOrEqual(2003);
  expect(new Set(missed.map(({ why }) => why))).toEqual(new Set(['waited too long']));
  expect(new Set(missed.map(({ image }) => image)).size).toBe(3);
});

it('tells which requests wait, and sends the same ones as without looking', async () => {
  const busy = (atMs: number): number => (atMs >= 200 ? Math.max(5, 700 - atMs) : 5);
  const { sent, waiting } = await run({ lookAtMs: 650 }, busy);
  expect(waiting).toEqual([400, 500, 600]);
  const unseen = await run({}, busy);
  expect(sent.map(({ image, dueMs }) => `${image} ${dueMs}`)).toEqual(
    unseen.sent.map(({ image, dueMs }) => `${image} ${dueMs}`),
  );
  expect((await run({ lookAtMs: 150 }, busy)).waiting).toEqual([]);
});

it('requests waiting at the end of the schedule are still sent', async () => {
  const { sent, missed, endedMs } = await run({ clients: 1 }, () => 150);
  expect(dues(sent)).toEqual(EVERY_100_MS);
  expect(missed).toEqual([]);
  expect(endedMs).toBeGreaterThanOrEqual(1500);
});

it('stop: waiting requests are missed, those in flight are waited for, later ones ignored', async () => {
  const { sent, missed, endedMs } = await run({ clients: 1, stopAfterMs: 350 }, () => 500);
  expect(dues(sent)).toEqual([0]);
  expect(dues(missed)).toEqual([100, 200, 300]);
  expect(new Set(missed.map(({ why }) => why))).toEqual(new Set(['stopped']));
  expect(endedMs).toEqual(close(500));
});

it('a blocked process sends late, and reports by how much', async () => {
  // The process is blocked for 250 ms at 300 ms, and no timer fires meanwhile.
  const { sent, lateMs } = await run({ clients: 20, heldUp: { atMs: 300, forMs: 250 } }, () => 5);
  expect(dues(sent)).toEqual(EVERY_100_MS);
  expect(lateMs.map(Math.round)).toEqual([0, 0, 0, 0, 150, 50, 0, 0, 0, 0].map(close));
});

it('requests that were due while the process stood still are undecided, however long they waited', async () => {
  const { sent, missed } = await run({ clients: 20, heldUp: { atMs: 300, forMs: 2500 } }, () => 5);
  expect(dues(missed)).toEqual([400, 500, 600, 700]);
  expect(new Set(missed.map(({ why }) => why))).toEqual(new Set(['stood still']));
  expect(dues(sent)).toEqual([0, 100, 200, 300, 800, 900]);
});

it('a seed gives the same images to the same arrivals, whoever sends them', async () => {
  const names = async (clients: number): Promise<string> =>
    (await run({ clients }, () => 20)).sent.map(({ image }) => image).join('');
  const first = await names(1);
  expect(await names(5)).toBe(first);
  expect(new Set(first)).toEqual(new Set(['a', 'b', 'c']));
});

it('a bug in a request ends the run with its error', async () => {
  const client = { send: () => Promise.reject(new Error('a bug')), miss: () => undefined };
  const loop = new OpenLoop({
    clients: [client],
    dueTimes: [0].values(),
    images,
    random: seededRandom(1),
    clock: systemClock,
    maxWaitMs: 1,
    pauses: new PauseWatch(systemClock),
  });
  await expect(loop.run()).rejects.toThrow('a bug');
});

function close(ms: number): unknown {
  return { asymmetricMatch: (other: number) => Math.abs(other - ms) <= 3, toString: () => `about ${ms}` };
}
