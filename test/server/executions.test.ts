import { ExecutionsRig, settled, SlowReader } from './executions-rig';

const LARGE_BYTES = 5_000_000;

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

describe('a cancelled large answer', () => {
  it('closes its connection when there is nothing else on it', async () => {
    const [rig, reader] = [new ExecutionsRig(), new SlowReader()];
    await rig.begin(1, reader, LARGE_BYTES);
    rig.executions.discard(1);
    expect(reader.closed).toBe(true);
  });

  it('goes on to its end while another task is open there', async () => {
    const [rig, reader] = [new ExecutionsRig(), new SlowReader()];
    for (const id of [1, 2]) await rig.begin(id, reader, LARGE_BYTES);
    rig.executions.discard(1);
    expect(reader.closed).toBe(false);
    reader.take(1000);
    await settled();
    expect([reader.writtenBytes, rig.outcomes]).toEqual([16 * LARGE_BYTES, [[2, 'answered']]]);
  });

  it('goes on to its end when a finished answer waits for it', async () => {
    const [rig, reader] = [new ExecutionsRig(), new SlowReader()];
    await rig.begin(1, reader, LARGE_BYTES);
    reader.isBodyAlone = false;
    rig.executions.discard(1);
    expect(reader.closed).toBe(false);
    reader.take(1000);
    await settled();
    expect(reader.writtenBytes).toBe(8 * LARGE_BYTES);
  });
});
