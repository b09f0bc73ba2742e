import sharp from 'sharp';
import type { Cover } from '../../src/imaging/cover';
import type { CarrierEncoder } from '../../src/imaging/carrier';

export { photo, randomBytes } from './photo';

/** All parts of an encoder as one file. */
export function drain(encoder: CarrierEncoder): Buffer {
  const parts: Uint8Array[] = [];
  for (let part = encoder.next(); part !== null; part = encoder.next()) parts.push(part);
  return Buffer.concat(parts);
}

/** Decodes a picture with sharp, the independent reader of every test. */
export async function pixelsOf(file: Uint8Array): Promise<Cover> {
  const { data, info } = await sharp(file).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, rgb: data };
}

/** The format bit by bit, straight from its description: length, secret, CRC-32. */
export function referenceBits(secret: Uint8Array): number[] {
  let crc = 0xffffffff;
  for (const byte of secret) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  crc = ~crc >>> 0;
  const number = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255);
  const bytes = [...number(secret.length), ...secret, ...number(crc)];
  return bytes.flatMap((byte) => [7, 6, 5, 4, 3, 2, 1, 0].map((bit) => (byte >> bit) & 1));
}

/** A carrier as the original makes it: any picture, no CRC; encoded by sharp. */
export async function foreignCarrier(
  secret: Uint8Array,
  cover: Cover,
  options: { alpha?: boolean; crc?: boolean; png?: sharp.PngOptions } = {},
): Promise<Buffer> {
  const bits = referenceBits(secret).slice(0, options.crc ? undefined : -32);
  const samples = options.alpha ? 4 : 3;
  const data = Buffer.alloc(cover.width * cover.height * samples, 0x55);
  for (let pixel = 0, bit = 0; pixel < cover.width * cover.height; pixel++) {
    for (let channel = 0; channel < 3; channel++, bit++) {
      const value = cover.rgb[pixel * 3 + channel]!;
      data[pixel * samples + channel] = bit < bits.length ? (value & 0xfe) | bits[bit]! : value;
    }
  }
  const raw = { width: cover.width, height: cover.height, channels: samples as 3 | 4 };
  return sharp(data, { raw }).png(options.png).toBuffer();
}
