import * as fc from 'fast-check';
import { ServiceTime } from '../../../src/server/member/service-time';

const MIB = 1024 * 1024;

it('begins with an assumption, and knows no time per task', () => {
  const service = new ServiceTime();
  expect(service.msPerTask).toBe(0);
  expect(service.msFor(0, MIB)).toBe(100);
});

it('finds what tasks take, whatever it assumed, and notices a change', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 0, max: 8 * MIB }), (tookMs, bytes) => {
      const service = new ServiceTime();
      let nowMs = 1000;
      service.begin(nowMs);
      for (const eachMs of [2 * tookMs, tookMs]) {
        for (let i = 0; i < 80; i++) service.ended(bytes, (nowMs += eachMs));
        expect(service.msPerTask / eachMs).toBeCloseTo(1, 1);
        expect(Math.abs(service.msFor(1, bytes) / eachMs - 1)).toBeLessThan(0.05);
      }
    }),
  );
});

it('two workers that end together count as one task after the other', () => {
  const service = new ServiceTime();
  service.begin(0);
  for (let nowMs = 100; nowMs <= 4000; nowMs += 100) {
    service.ended(MIB, nowMs);
    service.ended(MIB, nowMs);
  }
  expect(service.msPerTask).toBeGreaterThan(45);
  expect(service.msPerTask).toBeLessThan(55);
});

it('time without work does not count', () => {
  const service = new ServiceTime();
  service.begin(0);
  service.ended(MIB, 50);
  service.begin(60_000);
  service.ended(MIB, 60_050);
  expect(service.msPerTask).toBeCloseTo(50);
});
