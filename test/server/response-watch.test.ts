import fc from 'fast-check';
import { ResponseStreamsRig, fakePool, settled, SlowReader } from './response-streams-rig';

const READERS = 6;

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

type Step =
  | { do: 'begin'; reader: number; secretBytes: number; timeoutMs: number }
  | { do: 'take'; reader: number; parts: number }
  | { do: 'discard'; id: number }
  | { do: 'close'; reader: number }
  | { do: 'wait'; ms: number };

const reader = fc.nat(READERS - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('begin' as const),
    reader,
    secretBytes: fc.constantFrom(1000, 200_000, 300_000, 3_000_000),
    timeoutMs: fc.constantFrom(1000, 100_000, Infinity),
  }),
  fc.record({ do: fc.constant('take' as const), reader, parts: fc.nat(5) }),
  fc.record({ do: fc.constant('discard' as const), id: fc.integer({ min: 1, max: 20 }) }),
  fc.record({ do: fc.constant('close' as const), reader }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 300, 4000, 70_000) }),
);

it('answer memory is all free again once everybody has read or gone, whatever happened', async () => {
  let cutOffCount = 0;
  const scene = fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.boolean(), async (steps, isStored) => {
    const rig = new ResponseStreamsRig({ pool: fakePool({ isStored }), limits: { maxResponseBytes: 30e6 } });
    const readers = Array.from({ length: READERS }, (_, index) => {
      const each = new SlowReader();
      each.remoteAddress = `192.0.2.${index % 3}:${index}`;
      return each;
    });
    let lastId = 0;
    for (const each of steps) {
      if (each.do === 'begin') await rig.begin(++lastId, readers[each.reader]!, each.secretBytes, each.timeoutMs);
      if (each.do === 'take') readers[each.reader]!.take(each.parts);
      if (each.do === 'discard') rig.responses.discard(each.id);
      if (each.do === 'close') readers[each.reader]!.destroy();
      if (each.do === 'wait') await jest.advanceTimersByTimeAsync(each.ms);
    }
    cutOffCount += rig.cutOff.length;
    for (const [index, each] of readers.entries()) if (index % 2 === 0) each.destroy();
    for (const each of readers) each.take(1e6);
    await settled();
    await jest.advanceTimersByTimeAsync(2000);
    const { memory, waitCount, timer } = rig.responses['watch'] as unknown as Record<string, unknown>;
    expect({ waitCount, timer }).toEqual({ waitCount: 0, timer: undefined });
    expect(memory).toMatchObject({ heldBytes: 0, readers: new Set(), hostBytes: new Map() });
  });
  await fc.assert(scene, { numRuns: 400, seed: 5 });
  expect(cutOffCount).toBeGreaterThan(10);
}, 60_000);
