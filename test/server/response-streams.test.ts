import { ClusterError } from '../../src/core/errors';
import { ResponseStreamsRig, fakePool, settled, SlowReader } from './response-streams-rig';

const LARGE_BYTES = 5_000_000;

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

it.each([
  ['small', 10_000],
  ['large', LARGE_BYTES],
])('a %s answer is recorded before its last bytes leave', async (_, secretBytes) => {
  const rig = new ResponseStreamsRig();
  const reader = new SlowReader();
  const recorded: [boolean, number][] = [];
  reader.onWrite = (missingBytes) => recorded.push([missingBytes === 0, rig.outcomes.length]);
  reader.take(1000);
  await rig.begin(1, reader, secretBytes);
  await jest.advanceTimersByTimeAsync(10);
  expect(recorded.filter(([isLast, count]) => count !== (isLast ? 1 : 0))).toEqual([]);
  expect(recorded.filter(([isLast]) => isLast)).toHaveLength(1);
  expect(rig.outcomes).toEqual([[1, 'answered']]);
});

describe('a cancelled large answer', () => {
  it('closes its connection when there is nothing else on it', async () => {
    const [rig, reader] = [new ResponseStreamsRig(), new SlowReader()];
    await rig.begin(1, reader, LARGE_BYTES);
    rig.responses.discard(1);
    expect(reader.closed).toBe(true);
  });

  it('continues to the end while another task is open there', async () => {
    const [rig, reader] = [new ResponseStreamsRig(), new SlowReader()];
    for (const id of [1, 2]) await rig.begin(id, reader, LARGE_BYTES);
    rig.responses.discard(1);
    expect(reader.closed).toBe(false);
    reader.take(1000);
    await settled();
    expect([reader.bytesWritten, rig.outcomes]).toEqual([16 * LARGE_BYTES, [[2, 'answered']]]);
  });

  it('continues to the end when a finished answer waits for it', async () => {
    const [rig, reader] = [new ResponseStreamsRig(), new SlowReader()];
    await rig.begin(1, reader, LARGE_BYTES);
    reader.isBodyAlone = false;
    rig.responses.discard(1);
    expect(reader.closed).toBe(false);
    reader.take(1000);
    await settled();
    expect(reader.bytesWritten).toBe(8 * LARGE_BYTES);
  });
});

describe('max_response_bytes', () => {
  it('counts only the part of a stored carrier that is in memory', async () => {
    const [rig, reader] = [new ResponseStreamsRig({ limits: { maxResponseBytes: 64e6 } }), new SlowReader()];
    // The secret and four parts: 7.1 of 40 MB.
    for (let id = 1; id <= 9; id++) await rig.begin(id, new SlowReader(), LARGE_BYTES);
    expect(rig.outcomes).toEqual([]);
    await rig.begin(10, reader, LARGE_BYTES);
    expect([reader.refusals, rig.outcomes]).toEqual([['overloaded'], [[10, 'failed']]]);
  });

  it('counts a deflated carrier in full until it has been read', async () => {
    const rig = new ResponseStreamsRig({ pool: fakePool({ isStored: false }), limits: { maxResponseBytes: 64e6 } });
    const [slow, other] = [new SlowReader(), new SlowReader()];
    await rig.begin(1, slow, LARGE_BYTES);
    await rig.begin(2, other, LARGE_BYTES);
    expect(other.refusals).toEqual(['overloaded']);
    slow.take(100);
    await settled();
    await rig.begin(3, other, LARGE_BYTES);
    expect(other.refusals).toEqual(['overloaded']);
  });

  it('counts small finished answers that nobody reads', async () => {
    const [rig, reader] = [new ResponseStreamsRig({ limits: { maxResponseBytes: 8e6 } }), new SlowReader()];
    for (let id = 1; id <= 51; id++) {
      await rig.begin(id, reader, 20_000);
      jest.advanceTimersByTime(1);
    }
    expect(rig.outcomes.filter(([, outcome]) => outcome === 'answered')).toHaveLength(50);
    expect(reader.refusals).toEqual(['overloaded']);
  });
});

describe('a client that reads a little now and then', () => {
  const STEPS = 100;

  it.each([
    ['when its client has given it up, and a second', 10_000, 11_000],
    ['after half an hour, and a second, if its client named no time', Infinity, 1_801_000],
    ['after half an hour, and a second, if its client named more', 3_600_000, 1_801_000],
  ])('is disconnected %s', async (_, timeoutMs, untilMs) => {
    const [rig, reader] = [new ResponseStreamsRig(), new SlowReader()];
    await rig.begin(1, reader, 7_000_000, timeoutMs);
    for (let part = 0; part < STEPS; part++) {
      await jest.advanceTimersByTimeAsync(untilMs / STEPS - 1);
      reader.take(1);
      expect(reader.closed).toBe(false);
    }
    await jest.advanceTimersByTimeAsync(STEPS);
    expect(reader.closed).toBe(true);
  });

  it('is disconnected after a minute at less than 16 KiB/s', async () => {
    const [rig, reader] = [new ResponseStreamsRig(), new SlowReader()];
    await rig.begin(1, reader, LARGE_BYTES, 3_600_000);
    await jest.advanceTimersByTimeAsync(30_000);
    reader.take(1);
    await jest.advanceTimersByTimeAsync(29_000);
    expect(reader.closed).toBe(false);
    await jest.advanceTimersByTimeAsync(4000);
    expect(reader.closed).toBe(true);
  });

  it('continues at 64 KiB/s that the kernel reports in bursts of 2 MiB', async () => {
    const [rig, reader] = [new ResponseStreamsRig(), new SlowReader()];
    await rig.begin(1, reader, LARGE_BYTES, 3_600_000);
    for (let lump = 0; lump < 20; lump++) {
      await jest.advanceTimersByTimeAsync(32_000);
      reader.take(4);
    }
    await settled();
    expect([reader.closed, rig.outcomes, reader.unsentBytes]).toEqual([false, [[1, 'answered']], 0]);
  });

  it('is closed at once when others need the memory, and reported', async () => {
    const [rig, stalled, other] = [
      new ResponseStreamsRig({ limits: { maxResponseBytes: 8e6 } }),
      new SlowReader(),
      new SlowReader(),
    ];
    await rig.begin(1, stalled, LARGE_BYTES, 3_600_000);
    await rig.begin(2, other, LARGE_BYTES);
    expect([stalled.closed, other.refusals]).toEqual([false, ['overloaded']]);
    await jest.advanceTimersByTimeAsync(4500);
    other.take(1000);
    await rig.begin(3, other, LARGE_BYTES);
    expect([stalled.closed, other.refusals.length, rig.outcomes.at(-1)]).toEqual([true, 1, [3, 'answered']]);
    expect(rig.cutOff).toEqual(['192.0.2.1']);
  });

  it('is left alone once it has read everything', async () => {
    const [rig, reader] = [new ResponseStreamsRig(), new SlowReader()];
    await rig.begin(1, reader, LARGE_BYTES, 10_000);
    reader.take(1000);
    await jest.advanceTimersByTimeAsync(100_000);
    expect([reader.closed, rig.outcomes]).toEqual([false, [[1, 'answered']]]);
  });
});

describe('many large answers', () => {
  const many = async (rig: ResponseStreamsRig): Promise<SlowReader[]> => {
    const readers = Array.from({ length: 6 }, () => new SlowReader());
    for (const [at, reader] of readers.entries()) await rig.begin(at + 1, reader, LARGE_BYTES);
    return readers;
  };

  it('that are all read slowly, but go on: no more give up their worker than there are workers', async () => {
    const rig = new ResponseStreamsRig();
    const readers = await many(rig);
    for (let step = 0; step < 10; step++) {
      await jest.advanceTimersByTimeAsync(400);
      for (const reader of readers) reader.take(1);
    }
    expect(rig.outcomes.map(([id]) => id)).toEqual([1, 2]);
    // Their end makes room for the next two.
    for (const reader of readers.slice(0, 2)) reader.take(1000);
    await jest.advanceTimersByTimeAsync(400);
    expect(rig.outcomes.map(([id]) => id)).toEqual([1, 2, 3, 4]);
  });

  it('that are read by readers who take nothing: each gives up its worker after 500 ms at most', async () => {
    const rig = new ResponseStreamsRig();
    await many(rig);
    await jest.advanceTimersByTimeAsync(300);
    expect(rig.outcomes).toHaveLength(2);
    await jest.advanceTimersByTimeAsync(200);
    expect(rig.outcomes).toHaveLength(6);
  });
});

describe('a worker that dies', () => {
  const fail = new ClusterError('internal', 'an image worker died', { retryable: true });

  it('makes the client ask another server, the first time', async () => {
    const [rig, reader] = [new ResponseStreamsRig({ pool: fakePool({ fail }) }), new SlowReader()];
    for (const id of [1, 2]) await rig.begin(id, reader, LARGE_BYTES);
    expect(reader.refusals).toEqual(['overloaded', 'overloaded']);
    await rig.begin(3, reader, LARGE_BYTES, Infinity, 1);
    expect(reader.refusals.at(-1)).toBe('internal');
  });

  it('differs from any other internal error', async () => {
    const pool = fakePool({ fail: new ClusterError('internal', 'wrong') });
    const [rig, reader] = [new ResponseStreamsRig({ pool }), new SlowReader()];
    await rig.begin(1, reader, LARGE_BYTES);
    expect(reader.refusals).toEqual(['internal']);
  });
});
