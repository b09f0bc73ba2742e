import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import sharp from 'sharp';
import type * as CoverModule from '../../src/imaging/cover';
import { CarrierEncoder } from '../../src/imaging/carrier';
import { checkCover } from '../../src/imaging/cover-check';
import { revealCarrier } from '../../src/imaging/decoder';
import { orientationOf } from '../../src/imaging/exif';
import { CoverPyramid } from '../../src/imaging/cover-pyramid';
import { drain, photo, randomBytes } from './pictures';
import { importBundled } from './worker-source';

const { decodeCover } = importBundled<typeof CoverModule>('cover.ts');
const ORIENTATIONS = [1, 2, 3, 4, 5, 6, 7, 8];

const imageOf = (width: number, height: number) =>
  sharp(photo(width, height).rgb, { raw: { width, height, channels: 3 } });

/** The image as sharp shows it: rotated, without transparency, in 8-bit RGB. */
async function expectAsSharp(file: Buffer, tolerance: number): Promise<void> {
  expect(() => checkCover(file)).not.toThrow();
  const seen = await decodeCover(file);
  const { data, info } = await sharp(file)
    .autoOrient()
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  expect([seen.width, seen.height]).toEqual([info.width, info.height]);
  const at = (index: number): number => data[info.channels === 1 ? Math.floor(index / 3) : index]!;
  const worst = seen.rgb.reduce((most, value, index) => Math.max(most, Math.abs(value - at(index))), 0);
  expect(worst).toBeLessThanOrEqual(tolerance);
}

async function refused(file: Uint8Array): Promise<string> {
  const error = await decodeCover(file).then(
    () => new Error('was decoded'),
    (reason: Error) => reason,
  );
  expect(error).toMatchObject({ name: 'ClusterError', code: 'bad_image' });
  return error.message;
}

describe('EXIF orientation', () => {
  const jpeg = { quality: 95, chromaSubsampling: '4:4:4' };

  it.each(ORIENTATIONS)('%i of a JPEG is applied', async (orientation) => {
    const file = await imageOf(61, 43).withMetadata({ orientation }).jpeg(jpeg).toBuffer();
    await expectAsSharp(file, 8);
    const { width } = await decodeCover(file);
    expect(width).toBe(orientation < 5 ? 61 : 43);
  });

  it.each(ORIENTATIONS)('%i of a PNG is applied', async (orientation) => {
    const file = await imageOf(31, 17).withMetadata({ orientation }).png().toBuffer();
    expect(file.includes('eXIf')).toBe(true);
    await expectAsSharp(file, 1);
  });

  it.each([
    ['II', 6],
    ['MM', 6],
    ['II', 0],
    ['MM', 9],
  ])('%s, value %i', (order, value) => {
    const isLittle = order === 'II';
    const tiff = Buffer.alloc(26);
    const u16 = (at: number, number: number) =>
      isLittle ? tiff.writeUInt16LE(number, at) : tiff.writeUInt16BE(number, at);
    tiff.write(order);
    u16(2, 42);
    u16(isLittle ? 4 : 6, 8);
    u16(8, 1);
    for (const [index, number] of [0x0112, 3].entries()) u16(10 + 2 * index, number);
    u16(18, value);
    expect(orientationOf(tiff)).toBe(value === 6 ? 6 : 1);
    for (let length = 0; length < 20; length++) expect(orientationOf(tiff.subarray(0, length))).toBe(1);
  });

  it('of a hostile file is a number from 1 to 8, whatever it says', () => {
    const header = fc.constantFrom([0x49, 0x49, 42, 0], [0x4d, 0x4d, 0, 42], []);
    const bytes = fc.tuple(header, fc.uint8Array({ maxLength: 200 }));
    fc.assert(
      fc.property(bytes, ([head, rest]) => ORIENTATIONS.includes(orientationOf(Uint8Array.from([...head, ...rest])))),
      { numRuns: 5000, seed: 3 },
    );
  });

  it('that is nonsense is no reason to refuse a JPEG', async () => {
    const file = await imageOf(20, 10).withMetadata({ orientation: 6 }).jpeg(jpeg).toBuffer();
    const exif = file.indexOf('Exif');
    for (let at = exif; at < exif + 60; at++) {
      const other = Buffer.from(file);
      other[at]! ^= 0xff;
      expect([10, 20]).toContain((await decodeCover(other)).width);
    }
  });
});

describe('an interlaced PNG', () => {
  const kinds: [string, (image: sharp.Sharp) => sharp.Sharp][] = [
    ['RGB', (image) => image.png({ progressive: true })],
    ['RGBA, all filters', (image) => image.ensureAlpha(0.5).png({ progressive: true, adaptiveFiltering: true })],
    ['gray', (image) => image.grayscale().toColourspace('b-w').png({ progressive: true })],
    ['RGB, 16 bit', (image) => image.toColourspace('rgb16').png({ progressive: true })],
    ['gray, 16 bit', (image) => image.toColourspace('grey16').png({ progressive: true })],
    ...[2, 4, 16, 256].map((colours): [string, (image: sharp.Sharp) => sharp.Sharp] => [
      `palette of ${colours}`,
      (image) => image.png({ progressive: true, palette: true, colours }),
    ]),
  ];

  it.each(kinds)('%s: as sharp sees it', async (_, make) => {
    const file = await make(imageOf(61, 43)).toBuffer();
    expect(file[28]).toBe(1);
    await expectAsSharp(file, 1);
  });

  it('of any size, though passes may be empty', async () => {
    for (let width = 1; width <= 9; width++) {
      for (let height = 1; height <= 9; height++) {
        await expectAsSharp(await imageOf(width, height).png({ progressive: true }).toBuffer(), 0);
      }
    }
  });

  it('without its last pixels is refused', async () => {
    const small = await imageOf(8, 7).png({ progressive: true }).toBuffer();
    const large = Buffer.from(await imageOf(8, 8).png({ progressive: true }).toBuffer());
    // Its header, and the pixels of the smaller one.
    const file = Buffer.concat([large.subarray(0, 33), small.subarray(33)]);
    expect(await refused(file)).toMatch(/damaged PNG/);
  });
});

describe('PNGs of other kinds', () => {
  it.each([
    ['gray and alpha', (image: sharp.Sharp) => image.grayscale().ensureAlpha(0.3).toColourspace('b-w').png()],
    ['RGBA, 16 bit', (image: sharp.Sharp) => image.ensureAlpha(0.3).toColourspace('rgb16').png()],
  ])('%s: as sharp sees it', async (_, make) => expectAsSharp(await make(imageOf(33, 9)).toBuffer(), 1));

  it('a colour that is named transparent is a colour', async () => {
    const file = await imageOf(16, 16).png({ palette: true, colours: 4 }).toBuffer();
    const transparent = chunkBefore('IDAT', file, 'tRNS', Buffer.of(0));
    const [plain, other] = [await decodeCover(file), await decodeCover(transparent)];
    expect(Buffer.compare(plain.rgb, other.rgb)).toBe(0);
  });

  it.each([
    [1, 1],
    [1, 40],
    [40, 1],
    [3, 2],
  ])('%i × %i pixels are enough to hide in', async (width, height) => {
    for (const image of [imageOf(width, height).png(), imageOf(width, height).jpeg()]) {
      const pyramid = CoverPyramid.of(await decodeCover(await image.toBuffer()));
      const secret = randomBytes(1000);
      const carrier = drain(new CarrierEncoder(pyramid, secret, 'stored'));
      expect(Buffer.compare(revealCarrier([carrier]).secret, secret)).toBe(0);
    }
  });
});

describe.each([false, true])('a JPEG (progressive: %s) that is cut off', (progressive) => {
  const whole = imageOf(300, 200).jpeg({ progressive }).toBuffer();
  const parts = Array.from({ length: 19 }, (_, index) => (index + 1) / 20);

  it('is refused wherever it is cut, without being decoded', async () => {
    const file = await whole;
    for (const part of parts) {
      const cut = file.subarray(0, Math.floor(file.length * part));
      expect(() => checkCover(cut)).toThrow(/damaged JPEG: (it is truncated|it has no frame header)/);
      expect(await refused(cut)).toMatch(/damaged JPEG/);
    }
    expect(await refused(file.subarray(0, -2))).toMatch(/it is truncated/);
  });

  it('is refused when it is decoded if somebody closed it', async () => {
    const file = await whole;
    for (const part of [0.3, 0.5, 0.9, 0.97]) {
      const closed = Buffer.concat([file.subarray(0, Math.floor(file.length * part)), Buffer.of(0xff, 0xd9)]);
      expect(await refused(closed)).toMatch(/damaged JPEG: .*premature end/i);
    }
  });

  it('is whole with something behind its end, or a few bytes before it', async () => {
    const file = await whole;
    const { rgb } = await decodeCover(file);
    for (const more of [
      Buffer.concat([file, randomBytes(1000)]),
      Buffer.concat([file.subarray(0, -2), Buffer.of(1, 2, 3, 4, 0xff, 0xd9)]),
    ]) {
      checkCover(more);
      expect(Buffer.compare((await decodeCover(more)).rgb, rgb)).toBe(0);
    }
  });
});

it('a thumbnail in the EXIF data does not end a JPEG', async () => {
  const thumbnail = await imageOf(16, 16).jpeg().toBuffer();
  const file = await imageOf(60, 40).jpeg({ chromaSubsampling: '4:4:4', quality: 95 }).toBuffer();
  const body = Buffer.concat([Buffer.from('Exif\0\0MM\0*'), Buffer.alloc(20), thumbnail]);
  const head = Buffer.of(0xff, 0xe1, (body.length + 2) >> 8, (body.length + 2) & 255);
  const both = Buffer.concat([file.subarray(0, 2), head, body, file.subarray(2)]);
  expect(await decodeCover(both)).toMatchObject({ width: 60, height: 40 });
  expect(await refused(both.subarray(0, -100))).toMatch(/it is truncated/);
});

/** A PNG with one more chunk. */
function chunkBefore(before: string, file: Buffer, type: string, data: Buffer): Buffer {
  const at = file.indexOf(before) - 4;
  const chunk = Buffer.concat([Buffer.alloc(4), Buffer.from(type), data, Buffer.alloc(4)]);
  chunk.writeUInt32BE(data.length);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, -4)), chunk.length - 4);
  return Buffer.concat([file.subarray(0, at), chunk, file.subarray(at)]);
}
