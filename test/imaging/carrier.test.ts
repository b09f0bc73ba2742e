import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { CarrierEncoder } from '../../src/imaging/carrier';
import type { Cover } from '../../src/imaging/cover';
import { CarrierReader, revealCarrier } from '../../src/imaging/decoder';
import { CoverPyramid } from '../../src/imaging/cover-pyramid';
import type { Compression } from '../../src/imaging/carrier-plan';
import { drain, photo, pixelsOf, randomBytes, referenceBits } from './pictures';

const COMPRESSIONS: Compression[] = ['stored', 'huffman', 'fast'];
const pyramid = CoverPyramid.of(photo(612, 405));

/** The cover at the size of this carrier, as the pyramid has it. */
function coverAt(of: CoverPyramid, width: number, rows: number): Buffer {
  const level = of.levels.find((candidate) => candidate.width === width && candidate.height >= rows)!;
  const rgb = Buffer.alloc(width * rows * 3);
  level.copyRows(rgb, 0, 0, rows);
  return rgb;
}

/** Every sample, against the cover and the format's description. */
function expectExact(picture: Cover, of: CoverPyramid, secret: Uint8Array): void {
  const expected = coverAt(of, picture.width, picture.height);
  const bits = secret.length > 200_000 ? [] : referenceBits(secret);
  const touched = (secret.length + 8) * 8;
  expect(touched).toBeLessThanOrEqual(expected.length);
  for (let i = 0; i < bits.length; i++) expected[i] = (expected[i]! & 0xfe) | bits[i]!;
  const seen = Buffer.from(picture.rgb);
  if (bits.length === 0) for (let i = 0; i < touched; i++) expected[i] = (expected[i]! & 0xfe) | (seen[i]! & 1);
  expect(seen.equals(expected)).toBe(true);
}

describe('carriers', () => {
  const small = [1, 2, 3, 100, 36_734, 100_000].flatMap((size) => COMPRESSIONS.map((kind) => [size, kind] as const));
  const large = [1_000_000, 5_000_000, 7 * 1024 * 1024].map((size) => [size, 'stored'] as const);

  it.each([...small, ...large, [1_000_000, 'fast'] as const])('%i bytes, %s: exact', async (size, compression) => {
    const secret = randomBytes(size);
    const encoder = new CarrierEncoder(pyramid, secret, compression);
    const file = drain(encoder);
    expect(file.length).toBe(encoder.byteLength);
    expect(file.length).toBeLessThanOrEqual(encoder.plan.maxByteLength);
    const picture = await pixelsOf(file);
    expect(picture).toMatchObject({ width: encoder.plan.width, height: encoder.plan.rows });
    expectExact(picture, pyramid, secret);
    const { secret: found, crc } = revealCarrier([file]);
    expect(crc).toBe('ok');
    expect(Buffer.compare(found, secret)).toBe(0);
    const reader = new CarrierReader({ expected: secret });
    reader.push(file);
    expect(reader.finish()).toBe(secret);
  });

  it('cost in proportion to the secret', () => {
    for (const size of [100, 1000, 36_734, 250_000, 3_000_000]) {
      const { byteLength } = new CarrierEncoder(pyramid, randomBytes(size), 'stored');
      expect(byteLength).toBeLessThan(size * 8 * 1.03 + 1200);
    }
    expect(new CarrierEncoder(pyramid, randomBytes(36_734), 'stored').byteLength).toBeLessThan(400_000 - 36_734);
  });

  it('covers of any size and odd widths', async () => {
    const size = fc.integer({ min: 1, max: 90 });
    const cases = fc.tuple(size, size, fc.integer({ min: 1, max: 5000 }), fc.constantFrom(...COMPRESSIONS));
    await fc.assert(
      fc.asyncProperty(cases, async ([width, height, secretBytes, compression]) => {
        const of = CoverPyramid.of(photo(width, height), 5000);
        const secret = randomBytes(secretBytes);
        expectExact(await pixelsOf(drain(new CarrierEncoder(of, secret, compression))), of, secret);
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  it('a wide cover, whose rows must fit a stored block', async () => {
    const of = CoverPyramid.of(photo(30_000, 4));
    const secret = randomBytes(60_000);
    const file = drain(new CarrierEncoder(of, secret, 'stored'));
    expectExact(await pixelsOf(file), of, secret);
  });

  it('of noise fit what was planned, whatever zlib makes of them', () => {
    const of = CoverPyramid.of({ width: 640, height: 480, rgb: randomBytes(640 * 480 * 3) });
    for (const compression of COMPRESSIONS) {
      const encoder = new CarrierEncoder(of, randomBytes(100_000), compression);
      expect(drain(encoder).length).toBeLessThanOrEqual(encoder.plan.maxByteLength);
    }
  });

  it('come in parts that are buffers of their own', () => {
    const encoder = new CarrierEncoder(pyramid, randomBytes(1_000_000), 'stored');
    const first = encoder.next()!;
    expect(first.byteLength).toBe(first.buffer.byteLength);
    expect(first.byteLength).toBeLessThan(600 * 1024);
  });

  it('are refused when empty or too large, with the numbers', () => {
    expect(() => new CarrierEncoder(pyramid, new Uint8Array(0), 'stored')).toThrow(/empty/);
    const tooLarge = new Uint8Array(14 * 1024 * 1024);
    expect(() => new CarrierEncoder(pyramid, tooLarge, 'stored')).toThrow(/14680064 bytes.*holds \d+/);
  });

  const pngcheck = spawnSync('pngcheck', ['-h']).error === undefined;
  if (!pngcheck) console.log('pngcheck is not installed: its test is skipped');
  (pngcheck ? it : it.skip)('pass pngcheck', () => {
    const folder = mkdtempSync(join(tmpdir(), 'carriers-'));
    for (const compression of COMPRESSIONS) {
      const path = join(folder, `${compression}.png`);
      writeFileSync(path, drain(new CarrierEncoder(pyramid, randomBytes(300_000), compression)));
      execFileSync('pngcheck', ['-q', path]);
    }
    rmSync(folder, { recursive: true });
  });
});
