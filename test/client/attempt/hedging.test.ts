import { Hedging } from '../../../src/client/attempt/hedging';

const take = (hedging: Hedging, nowMs = 0): number => {
  let taken = 0;
  while (taken < 1000 && hedging.tryTake(nowMs)) taken += 1;
  return taken;
};

const took = (latencyMs: number, address = 'one:1') => ({ address, latencyMs });

describe('tokens', () => {
  it.each([0, 1, 7])('are one per client at the start: %i', (clients) => {
    expect(take(new Hedging(clients))).toBe(clients);
  });

  it('come back at a twentieth per finished request, including failed ones', () => {
    const hedging = new Hedging(1);
    take(hedging);
    for (let request = 1; request <= 19; request++) hedging.finished('a', request % 2 ? took(50) : null);
    expect(hedging.tryTake(0)).toBe(false);
    hedging.finished('a', took(50));
    hedging.finished('a', took(50)); // 20 × 0.05 may be slightly less than 1
    expect(take(hedging)).toBe(1);
  });

  it('are never more than there are clients', () => {
    const hedging = new Hedging(3);
    for (let request = 0; request < 1000; request++) hedging.finished('a', took(50));
    expect(take(hedging)).toBe(3);
  });

  it('limit the extra load to a twentieth of the requests, in the long run', () => {
    const hedging = new Hedging(10);
    let hedges = 0;
    for (let request = 0; request < 10_000; request++) {
      if (hedging.tryTake(request)) hedges += 1;
      hedging.finished('a', took(50));
    }
    expect(hedges).toBeGreaterThan(490);
    expect(hedges).toBeLessThanOrEqual(10 + 10_000 / 20);
  });

  it('are withheld, not lost, within a second of an overloaded server', () => {
    const hedging = new Hedging(1);
    hedging.overloaded(100);
    expect([hedging.tryTake(100), hedging.tryTake(1099), hedging.tryTake(1100)]).toEqual([false, false, true]);
  });
});

describe('late', () => {
  it('is 100 ms for a fast image, and longer for an unknown one', () => {
    const hedging = new Hedging(1);
    expect(hedging.delayMs('a')).toBe(500);
    hedging.finished('a', took(20));
    expect(hedging.delayMs('a')).toBe(100);
  });

  it('is three times the p95 of that image, regardless of others', () => {
    const hedging = new Hedging(1);
    for (let request = 1; request <= 64; request++) hedging.finished('large', took(request * 10));
    hedging.finished('small', took(5));
    expect([hedging.delayMs('large'), hedging.delayMs('small')]).toEqual([3 * 610, 100]);
  });

  it('follows recent latencies: a slow hour is forgotten', () => {
    const hedging = new Hedging(1);
    for (let request = 0; request < 64; request++) hedging.finished('a', took(5000));
    expect(hedging.delayMs('a')).toBe(15_000);
    for (let request = 0; request < 64; request++) hedging.finished('a', took(50));
    expect(hedging.delayMs('a')).toBe(150);
  });

  it('is relative to the fastest server: a slow one does not set the standard', () => {
    const hedging = new Hedging(1);
    for (let request = 0; request < 64; request++) {
      hedging.finished('a', took(50, 'one:1'));
      hedging.finished('a', took(2000, 'two:2'));
    }
    expect(hedging.delayMs('a')).toBe(150);
  });

  it('is not based on a few lucky answers of one server', () => {
    const hedging = new Hedging(1);
    for (let request = 0; request < 64; request++) hedging.finished('a', took(200, 'one:1'));
    for (let request = 0; request < 7; request++) hedging.finished('a', took(20, 'two:2'));
    expect(hedging.delayMs('a')).toBe(600);
    hedging.finished('a', took(20, 'two:2'));
    expect(hedging.delayMs('a')).toBe(100);
  });

  it('does not learn from failures', () => {
    const hedging = new Hedging(1);
    hedging.finished('a', took(20));
    for (let request = 0; request < 64; request++) hedging.finished('a', null);
    expect(hedging.delayMs('a')).toBe(100);
  });
});
