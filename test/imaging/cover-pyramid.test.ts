import fc from 'fast-check';
import { CoverPyramid } from '../../src/imaging/cover-pyramid';
import { planCarrier } from '../../src/imaging/carrier-plan';
import { DEFAULT_MAX_SECRET_BYTES, pyramidSizes, nativeSize, levelFor } from '../../src/imaging/sizes';
import { photo } from './pictures';

describe('the pyramid', () => {
  const side = fc.integer({ min: 1, max: 12_000 });

  it('has a size for every secret up to the limit, never much too large', () => {
    fc.assert(
      fc.property(side, side, fc.integer({ min: 1, max: DEFAULT_MAX_SECRET_BYTES }), (width, height, secretBytes) => {
        const native = nativeSize({ width, height }, DEFAULT_MAX_SECRET_BYTES);
        const sizes = pyramidSizes(native, DEFAULT_MAX_SECRET_BYTES);
        const capacities = sizes.map((size) => size.rowBytes * size.height);
        expect(capacities).toEqual([...capacities].sort((a, b) => a - b));
        expect(sizes.every((size) => size.width % 16 === 0 && size.width * 3 + 1 <= 65_535)).toBe(true);
        const level = levelFor(sizes, secretBytes);
        expect(level).toBeGreaterThanOrEqual(0);
        const plan = planCarrier(sizes, secretBytes, 'stored');
        expect(plan.rows).toBeLessThanOrEqual(sizes[level]!.height);
        const rowBytes = plan.width * 3 + 1;
        expect(plan.byteLength!).toBeLessThan((secretBytes + 8) * 8 * 1.07 + 2 * rowBytes + 1000);
      }),
      { numRuns: 300, seed: 2 },
    );
  });

  it('keeps the cover itself, less the columns beyond a multiple of 16', () => {
    const cover = photo(100, 20);
    const pyramid = CoverPyramid.of(cover);
    const level = pyramid.levels.find((candidate) => candidate.width === 96 && candidate.height === 20)!;
    const rows = Buffer.alloc(96 * 20 * 3);
    level.copyRows(rows, 0, 0, 20);
    for (let y = 0; y < 20; y++) {
      const expected = Buffer.from(cover.rgb.subarray(y * 300, y * 300 + 288));
      expect(rows.subarray(y * 288, (y + 1) * 288).equals(expected)).toBe(true);
    }
  });

  it('larger sizes repeat the nearest pixel, smaller ones stay close to the mean', () => {
    const cover = photo(64, 48);
    const pyramid = CoverPyramid.of(cover);
    for (const level of pyramid.levels) {
      const rows = Math.min(level.height, 60);
      const rgb = new Uint8Array(level.width * rows * 3);
      level.copyRows(rgb, 0, 0, rows);
      const grows = level.width * level.height > 64 * 48;
      for (let i = 0; i < 200; i++) {
        const x = (i * 31) % level.width;
        const y = (i * 17) % rows;
        const from = Math.floor(((y + 0.5) * 48) / level.height) * 64 + Math.floor(((x + 0.5) * 64) / level.width);
        const difference = Math.abs(rgb[(y * level.width + x) * 3]! - cover.rgb[from * 3]!);
        expect(difference).toBeLessThanOrEqual(grows ? 0 : 60);
      }
    }
  });

  it('is the same from every thread, and in any order of rows', () => {
    const pyramid = CoverPyramid.of(photo(300, 200));
    const other = new CoverPyramid(pyramid.shared);
    const backwards = CoverPyramid.of(photo(300, 200));
    for (const [index, level] of pyramid.levels.entries()) {
      const rows = Math.min(level.height, 12);
      const one = Buffer.alloc(level.width * 3 * rows);
      const two = Buffer.alloc(one.length);
      level.copyRows(one, 0, 0, rows);
      for (let y = rows - 1; y >= 0; y--) other.levels[index]!.copyRows(two, y * level.width * 3, y, y + 1);
      expect(one.equals(two)).toBe(true);
      backwards.levels[index]!.copyRows(two, 0, rows - 1, rows);
      backwards.levels[index]!.copyRows(two, 0, 0, rows);
      expect(one.equals(two)).toBe(true);
    }
  });

  it('shrinks covers that are larger than any secret needs', () => {
    const native = nativeSize({ width: 10_000, height: 8000 }, 100_000);
    expect(native.width * native.height * 3).toBeLessThan(100_008 * 8 * 1.1);
  });
});
