import { deflateRawSync } from 'node:zlib';
import type * as Zlib from 'node:zlib';
import fc from 'fast-check';
import { ClusterError } from '../../src/core/errors';
import type * as Decoder from '../../src/imaging/decoder';
import { HandleInflate, PublicInflate, syncInflate } from '../../src/imaging/sync-inflate';
import { foreignCarrier, photo, randomBytes } from './pictures';

const NOTHING = new Uint8Array(0);
/** Compressible bytes, then as many that do not compress at all. */
const plain = Buffer.concat([Buffer.alloc(90_000, 'abc'), randomBytes(90_000)]);

describe.each([
  ['the handle', HandleInflate],
  ['the public zlib', PublicInflate],
])('inflate by %s', (_, Inflate) => {
  function inflated(pieces: Uint8Array[], window: Uint8Array = NOTHING): Buffer {
    const inflate = new Inflate(window);
    const output: Buffer[] = [];
    for (const piece of pieces) inflate.write(piece, (each) => output.push(Buffer.from(each)) > 0);
    inflate.close();
    return Buffer.concat(output);
  }

  it('returns what was deflated, cut anywhere, and ignores what follows', () => {
    const file = Buffer.concat([deflateRawSync(plain), Buffer.from('Adler')]);
    const cuts = fc.array(fc.nat(file.length), { maxLength: 8 });
    fc.assert(
      fc.property(cuts, (places) => {
        const ends = [0, ...places.sort((a, b) => a - b), file.length];
        const pieces = ends.slice(1).map((end, index) => file.subarray(ends[index], end));
        expect(inflated(pieces).equals(plain)).toBe(true);
      }),
      { numRuns: 20, seed: 1 },
    );
  });

  it('returns each byte as soon as its input is there', () => {
    const file = deflateRawSync(plain.subarray(0, 3000), { level: 0 });
    const inflate = new Inflate(NOTHING);
    let count = 0;
    for (let at = 0; at < 1000; at++) {
      inflate.write(file.subarray(at, at + 1), ({ length }) => (count += length) > 0);
    }
    expect(count).toBe(995); // less the header of the stored block
    inflate.close();
  });

  it('begins in the middle of a stream', () => {
    const window = plain.subarray(0, 32_768);
    const rest = plain.subarray(32_768);
    expect(inflated([deflateRawSync(rest, { dictionary: window })], window).equals(rest)).toBe(true);
  });

  it('says what is damaged', () => {
    const inflate = new Inflate(NOTHING);
    const write = () => inflate.write(Buffer.of(7, 255, 255), () => true);
    expect(write).toThrow(ClusterError);
    expect(write).toThrow("the PNG's pixels are damaged: invalid block type");
  });

  it('stops where no more is wanted, before a bomb takes memory', () => {
    const bomb = deflateRawSync(Buffer.alloc(50_000_000));
    const inflate = new Inflate(NOTHING);
    const before = process.memoryUsage().arrayBuffers;
    let left = 1_000_000;
    inflate.write(bomb, ({ length }) => (left -= length) > 0);
    expect(left).toBeLessThanOrEqual(0);
    expect(left).toBeGreaterThan(-1_100_000);
    // Garbage counts until it is collected; the bomb has 50 MB.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(25_000_000);
    inflate.close();
  });
});

it('takes the handle where it is, and the public zlib on a Node without it', async () => {
  expect(syncInflate(NOTHING)).toBeInstanceOf(HandleInflate);
  const secret = randomBytes(1000);
  const file = await foreignCarrier(secret, photo(100, 60));
  // The module that the sources get: an import here would be a copy.
  const zlib = jest.requireActual<typeof Zlib>('node:zlib');
  const before = Object.getOwnPropertyDescriptor(zlib, 'createInflateRaw')!;
  const withoutHandle = jest.fn(() => ({ on: () => undefined, close: () => undefined }));
  Object.defineProperty(zlib, 'createInflateRaw', { ...before, value: withoutHandle });
  try {
    jest.isolateModules(() => {
      const decoder = jest.requireActual<typeof Decoder>('../../src/imaging/decoder');
      expect(Buffer.from(decoder.revealCarrier([file]).secret).equals(secret)).toBe(true);
    });
  } finally {
    Object.defineProperty(zlib, 'createInflateRaw', before);
  }
  expect(withoutHandle).toHaveBeenCalledTimes(1);
});
