import sharp from 'sharp';
import type * as CoverModule from '../../src/imaging/cover';
import { photo, pixelsOf, randomBytes } from './pictures';
import { importBundled } from './worker-source';

const { decodeCover } = importBundled<typeof CoverModule>('cover.ts');
const picture = photo(61, 43);
const image = () => sharp(picture.rgb, { raw: { width: 61, height: 43, channels: 3 } });

describe('decodeCover', () => {
  const pngs: [string, () => Promise<Buffer>][] = [
    ['RGB', () => image().png().toBuffer()],
    ['RGB, all filters', () => image().png({ adaptiveFiltering: true, compressionLevel: 9 }).toBuffer()],
    ['RGBA', () => image().ensureAlpha(0.5).png({ adaptiveFiltering: true }).toBuffer()],
    ['gray', () => image().grayscale().toColourspace('b-w').png().toBuffer()],
    ['gray, 16 bit', () => image().toColourspace('grey16').png().toBuffer()],
    ['RGB, 16 bit', () => image().toColourspace('rgb16').png().toBuffer()],
    ['palette', () => image().png({ palette: true }).toBuffer()],
    ['palette of 4', () => image().png({ palette: true, colours: 4 }).toBuffer()],
    ['palette of 2', () => image().png({ palette: true, colours: 2 }).toBuffer()],
  ];

  it.each(pngs)('PNG, %s: as sharp sees it', async (_, make) => {
    const file = await make();
    const seen = await decodeCover(file);
    const { data, info } = await sharp(file)
      .removeAlpha()
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(seen).toMatchObject({ width: 61, height: 43 });
    const gray = info.channels === 1;
    const expected = Uint8Array.from({ length: 61 * 43 * 3 }, (_, i) => data[gray ? Math.floor(i / 3) : i]!);
    const worst = seen.rgb.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0);
    expect(worst).toBeLessThanOrEqual(1);
  });

  it.each([false, true])('JPEG, progressive %s: as sharp sees it', async (progressive) => {
    const file = await image().jpeg({ quality: 95, progressive, chromaSubsampling: '4:4:4' }).toBuffer();
    const seen = await decodeCover(file);
    const expected = await pixelsOf(file);
    const worst = seen.rgb.reduce((most, value, i) => Math.max(most, Math.abs(value - expected.rgb[i]!)), 0);
    expect(seen).toMatchObject({ width: 61, height: 43 });
    expect(worst).toBeLessThanOrEqual(8);
  });

  const refused = async (file: Uint8Array) => {
    const error = await decodeCover(file).then(
      () => new Error('was decoded'),
      (reason: Error) => reason,
    );
    expect(error).toMatchObject({ name: 'ClusterError', code: 'bad_image' });
    return error.message;
  };

  it('names what is wrong', async () => {
    const png = await image().png().toBuffer();
    const jpeg = await image().jpeg().toBuffer();
    expect(await refused(new Uint8Array(0))).toMatch('neither a PNG nor a JPEG');
    expect(await refused(randomBytes(1000))).toMatch('neither a PNG nor a JPEG');
    expect(await refused(png.subarray(0, 500))).toMatch('truncated');
    expect(await refused(png.subarray(0, 8))).toMatch('truncated');
    expect(await refused(jpeg.subarray(0, 30))).toMatch('no frame header');
    expect(await refused(Buffer.concat([jpeg.subarray(0, 2), randomBytes(2000)]))).toMatch(/JPEG/);
    const flipped = Buffer.from(png);
    flipped[200]! ^= 4;
    expect(await refused(flipped)).toMatch('checksum');
  });

  it('refuses huge pictures before decoding them', async () => {
    const jpeg = Buffer.from(await image().jpeg().toBuffer());
    const frame = jpeg.indexOf(Buffer.of(0xff, 0xc0));
    jpeg.writeUInt16BE(65_000, frame + 5);
    jpeg.writeUInt16BE(65_000, frame + 7);
    const start = performance.now();
    expect(await refused(jpeg)).toMatch('65000 × 65000');
    expect(performance.now() - start).toBeLessThan(1000);
    const big = await sharp({ create: { width: 11_000, height: 10_000, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    expect(await refused(big)).toMatch('11000 × 10000');
  });

  it('a JPEG in CMYK is not called damaged', async () => {
    const file = await image().toColourspace('cmyk').jpeg().toBuffer();
    expect(await refused(file)).toBe('the cover is a JPEG, but its colours (CMYK) are not supported');
  });

  it('what the decoder throws beside its words is not told', async () => {
    const jpeg = Buffer.from(await image().jpeg().toBuffer());
    jpeg[jpeg.indexOf(Buffer.of(0xff, 0xc0)) + 4] = 12; // bits per sample
    expect(await refused(jpeg)).toMatch(/^the cover is a damaged JPEG: [^\[]+$/);
  });

  it('survives damaged JPEGs', async () => {
    const jpeg = await image().jpeg().toBuffer();
    for (let i = 0; i < 20; i++) {
      const file = Buffer.from(jpeg);
      for (let k = 0; k < 5; k++) file[20 + ((i * 7919 + k * 613) % (file.length - 20))] = (i * 31 + k) & 255;
      await decodeCover(file).catch((error: { code?: string }) => expect(error.code).toBe('bad_image'));
    }
  });
});
