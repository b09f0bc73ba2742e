import { deflateRawSync, deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { CarrierEncoder } from '../../src/imaging/carrier';
import { CarrierReader, revealCarrier } from '../../src/imaging/decoder';
import { CoverPyramid } from '../../src/imaging/cover-pyramid';
import type { Compression } from '../../src/imaging/carrier-plan';
import { drain, foreignCarrier, photo, randomBytes, referenceBits } from './pictures';
import { png } from './raw-png';

const pyramid = CoverPyramid.of(photo(200, 150));
const secret = randomBytes(5000);
const carrier = (compression: Compression = 'stored', bytes = secret) =>
  drain(new CarrierEncoder(pyramid, bytes, compression));

/** Feeds the file cut at these lengths (in turn, repeated). */
function read(file: Uint8Array, lengths: number[], expected?: Uint8Array): CarrierReader {
  const reader = new CarrierReader({ expected });
  for (let at = 0, i = 0; at < file.length; i++) {
    const length = lengths[i % lengths.length]!;
    reader.push(file.subarray(at, at + length));
    at += length;
  }
  return reader;
}

/** Reads a file: returns the secret in hex, or the error's code. */
function outcome(file: Uint8Array, expected?: Uint8Array, lengths = [1000]): string {
  try {
    return Buffer.from(read(file, lengths, expected).finish()).toString('hex');
  } catch (error) {
    return (error as { code: string }).code;
  }
}

/** Unfiltered rows of a 64-pixel-wide picture with this payload. */
function rawRows(bits: number[], width = 64): Buffer {
  const rows = Math.ceil(bits.length / (width * 3));
  const raw = Buffer.alloc(rows * (width * 3 + 1));
  bits.forEach((bit, index) => (raw[index + 1 + Math.floor(index / (width * 3))] = 0x40 | bit));
  return raw;
}

describe('CarrierReader', () => {
  const splits = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 20 });

  it.each(['stored', 'huffman', 'fast'] as const)(
    'reads %s carriers cut anywhere, with and without expectation',
    (kind) => {
      const file = carrier(kind);
      fc.assert(
        fc.property(splits, (lengths) => {
          expect(Buffer.compare(read(file, lengths).finish(), secret)).toBe(0);
          expect(read(file, lengths, secret).finish()).toBe(secret);
        }),
        { numRuns: 60, seed: 3 },
      );
      expect(outcome(file, secret, [1])).toBe(Buffer.from(secret).toString('hex'));
    },
  );

  it('reads what other encoders make: any width, filter, alpha, compression', async () => {
    const cases = fc.record({
      width: fc.integer({ min: 20, max: 200 }),
      height: fc.integer({ min: 20, max: 60 }),
      alpha: fc.boolean(),
      crc: fc.boolean(),
      filters: fc.boolean(),
      level: fc.integer({ min: 0, max: 9 }),
      lengths: splits,
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ width, height, alpha, crc, filters, level, lengths }) => {
        const bytes = randomBytes(Math.floor((width * height * 3) / 8) - 8, width);
        const png = { compressionLevel: level, adaptiveFiltering: filters };
        const file = await foreignCarrier(bytes, photo(width, height), { alpha, crc, png });
        expect(read(file, lengths, bytes).finish()).toBe(bytes);
        expect(read(file, lengths).reveal()).toEqual({ secret: bytes, crc: crc ? 'ok' : 'absent or wrong' });
      }),
      { numRuns: 60, seed: 4 },
    );
  });

  it('reads every filter type', () => {
    const bits = referenceBits(randomBytes(300));
    const stride = 64 * 3 + 1;
    const raw = rawRows(bits);
    for (let at = 0; at < raw.length; at++) if (at % stride !== 0) raw[at] = (raw[at]! & 1) | ((at * 37) & 0xfe);
    const filtered = Buffer.from(raw);
    for (let row = 0; row * stride < raw.length; row++) {
      const type = row % 5;
      filtered[row * stride] = type;
      for (let i = 1; i < stride; i++) {
        const at = row * stride + i;
        const left = i > 3 ? raw[at - 3]! : 0;
        const up = row > 0 ? raw[at - stride]! : 0;
        const corner = row > 0 && i > 3 ? raw[at - stride - 3]! : 0;
        const p = left + up - corner;
        const [a, b, c] = [Math.abs(p - left), Math.abs(p - up), Math.abs(p - corner)];
        const paeth = a <= b && a <= c ? left : b <= c ? up : corner;
        filtered[at] = raw[at]! - [0, left, up, (left + up) >> 1, paeth][type]!;
      }
    }
    const file = png({ width: 64, height: raw.length / stride }, deflateSync(filtered));
    fc.assert(
      fc.property(splits, (lengths) => {
        expect(Buffer.compare(read(file, lengths).finish(), randomBytes(300))).toBe(0);
        expect(read(file, lengths, randomBytes(300)).done).toBe(true);
      }),
      { numRuns: 30, seed: 5 },
    );
  });

  it('reads stored blocks followed by compressed ones that point back into them', () => {
    const bytes = randomBytes(9000);
    const raw = rawRows(referenceBits(bytes));
    for (const cut of [1, 700, 33_000, 65_535]) {
      const stored = Buffer.alloc(5 + cut);
      stored.writeUInt16LE(cut, 1);
      stored.writeUInt16LE(cut ^ 0xffff, 3);
      raw.copy(stored, 5, 0, cut);
      const rest = deflateRawSync(raw.subarray(cut), { dictionary: raw.subarray(Math.max(0, cut - 32_768), cut) });
      const file = png({ width: 64, height: raw.length / 193 }, Buffer.concat([Buffer.of(0x78, 1), stored, rest]));
      fc.assert(
        fc.property(splits, (lengths) => expect(read(file, lengths, bytes).done).toBe(true)),
        { numRuns: 10, seed: 6 },
      );
    }
  });

  it('catches every flipped payload bit, at the byte', () => {
    const file = carrier('stored', secret.subarray(0, 300));
    const expected = secret.subarray(0, 300);
    let caught = 0;
    for (let at = 0; at < file.length; at++) {
      const damagedFile = Buffer.from(file);
      damagedFile[at]! ^= 1;
      const result = outcome(damagedFile, expected);
      if (result === 'verification_failed' || result === 'bad_image') caught++;
    }
    expect(caught).toBeGreaterThanOrEqual(300 * 8 + 32);
    const wrong = Buffer.from(secret);
    wrong[4321]! ^= 0x10;
    expect(() => read(carrier(), [700], wrong)).toThrow('byte 4321 of 5000 is wrong');
  });

  it('catches any cut, and anything after the end', () => {
    for (const kind of ['stored', 'fast'] as const) {
      const file = carrier(kind);
      for (let length = 0; length < file.length; length += length < 60 || length > file.length - 40 ? 1 : 997) {
        expect(outcome(file.subarray(0, length), secret)).toBe('verification_failed');
        expect(outcome(file.subarray(0, length))).toBe('bad_image');
      }
      expect(outcome(Buffer.concat([file, Buffer.of(0)]), secret)).toBe('bad_image');
    }
  });

  it('catches a wrong length', () => {
    expect(outcome(carrier(), secret.subarray(0, 4999))).toBe('verification_failed');
    expect(outcome(carrier(), randomBytes(5001))).toBe('verification_failed');
  });

  it('needs no memory in proportion to the carrier', () => {
    const big = randomBytes(2_000_000);
    for (const kind of ['stored', 'fast'] as const) {
      const file = carrier(kind, big);
      const before = process.memoryUsage().arrayBuffers;
      read(file, [65_536], big).finish();
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(400_000);
    }
  });
});

describe('hostile PNGs', () => {
  const zeros = deflateSync(Buffer.alloc(20_000_000));

  it('are refused by name', () => {
    const pixels = deflateSync(Buffer.alloc(100_000, 1));
    const reveal = (file: Uint8Array) => () => revealCarrier([file]);
    expect(reveal(Buffer.from('GIF89a, not a PNG'))).toThrow('not a PNG');
    expect(reveal(new Uint8Array(0))).toThrow('ends before its pixels');
    expect(reveal(png({ width: 64, height: 64, interlace: 1 }, pixels))).toThrow('interlaced');
    expect(reveal(png({ width: 64, height: 64, depth: 16 }, pixels))).toThrow('16-bit');
    expect(reveal(png({ width: 64, height: 64, color: 3 }, pixels))).toThrow('palette');
    expect(reveal(png({ width: 0, height: 64 }, pixels))).toThrow('header has an invalid value');
    expect(reveal(png({ width: 0xffffffff, height: 64 }, pixels))).toThrow('header has an invalid value');
    expect(reveal(png({ width: 50_000, height: 64 }, pixels))).toThrow('50000 pixels per row');
    expect(reveal(png({ width: 64, height: 64 }, Buffer.from('no zlib')))).toThrow('damaged');
    expect(reveal(png({ width: 64, height: 64 }, Buffer.of(0x78, 1, 7, 255, 255)))).toThrow('damaged');
    expect(reveal(png({ width: 64, height: 64 }, zeros))).toThrow('no secret in this image');
    const ones = Buffer.alloc(64 * 193, 1);
    for (let row = 0; row < 64; row++) ones[row * 193] = 0;
    expect(reveal(png({ width: 64, height: 64 }, deflateSync(ones)))).toThrow(/no secret.*4294967295 bytes/);
  });

  it('a bomb is inflated no further than its payload could go', () => {
    const bytes = new Uint8Array(1000);
    const file = png({ width: 64, height: 20_000_000 / 193 }, zeros);
    const before = process.memoryUsage().arrayBuffers;
    expect(outcome(file, bytes)).toBe('verification_failed');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8_000_000);
  });

  it('a claimed length alone reserves nothing', () => {
    const bits = [
      ...referenceBits(new Uint8Array(1)).slice(0, 0),
      ...Array.from({ length: 32 }, (_, i) => (i === 6 ? 1 : 0)),
    ];
    const file = png({ width: 30_000, height: 40_000 }, deflateSync(rawRows(bits, 30_000)));
    const before = process.memoryUsage().arrayBuffers;
    expect(outcome(file)).toBe('bad_image');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8_000_000);
  });

  it('a wrong checksum of a chunk is seen by reveal', () => {
    const file = carrier();
    file[file.length - 14]! ^= 1;
    expect(() => revealCarrier([file])).toThrow('wrong checksum');
  });

  it('noise never does worse than an error of ours', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        splitsOf(),
        (edits, lengths) => {
          const file = Buffer.from(carrier('fast', secret.subarray(0, 500)));
          for (const [at, value] of edits) file[at % file.length] = value;
          const result = outcome(file, undefined, lengths);
          expect(/^[0-9a-f]+$|^(bad_image|secret_too_large)$/.test(result)).toBe(true);
        },
      ),
      { numRuns: 300, seed: 7 },
    );
  });
});

function splitsOf() {
  return fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 5 });
}
