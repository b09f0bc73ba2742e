import { setTimeout as later } from 'node:timers/promises';
import { LoopDelay } from '../../../src/core/system/loop-delay';
import { systemClock } from '../../../src/core/system/system-clock';

describe('the delay of the event loop', () => {
  const delay = new LoopDelay(systemClock);
  const block = (ms: number): void => {
    const endMs = performance.now() + ms;
    while (performance.now() < endMs);
  };

  beforeEach(() => delay.start());
  afterEach(() => delay.stop());

  it('is the longest stall since it was last read, even one that started just then', () => {
    delay.takeMaxMs();
    const startMs = performance.now();
    block(300);
    const stoodMs = delay.takeMaxMs();
    expect(stoodMs).toBeGreaterThanOrEqual(290);
    expect(stoodMs).toBeLessThanOrEqual(performance.now() - startMs);
    expect(delay.takeMaxMs()).toBe(0);
  });

  it('is measured between readings, and reported once', async () => {
    block(300);
    await later(50);
    block(100);
    expect(delay.takeMaxMs()).toBeGreaterThanOrEqual(290);
    await later(50);
    expect(delay.takeMaxMs()).toBeLessThan(290);
  });

  it('is small for an idle loop', async () => {
    await later(200);
    expect(delay.takeMaxMs()).toBeLessThan(100);
  });
});
