import { CarrierEncoder } from '../../src/imaging/carrier';
import { CoverPyramid } from '../../src/imaging/cover-pyramid';

const COVER = { width: 32, height: 24 };
const MAX_SECRET_BYTES = 256;

/** Head, chunk header, zlib header, block header, filter; and 32 bits of length. */
const FIRST_BIT_AT = 33 + 8 + 2 + 5 + 1 + 32;

let pyramid: CoverPyramid | undefined;

/** Hides a secret of up to 256 bytes in a small gray cover, as a server does. */
export function carrierOf(secret: Uint8Array): Uint8Array {
  const rgb = new Uint8Array(COVER.width * COVER.height * 3).fill(0x80);
  pyramid ??= CoverPyramid.of({ ...COVER, rgb }, MAX_SECRET_BYTES);
  const encoder = new CarrierEncoder(pyramid, secret, 'stored');
  const parts: Uint8Array[] = [];
  for (let part = encoder.next(); part !== null; part = encoder.next()) parts.push(part);
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

/** Returns the carrier with one bit of the secret changed. */
export function wrongCarrierOf(secret: Uint8Array): Uint8Array {
  const carrier = Buffer.from(carrierOf(secret));
  carrier[FIRST_BIT_AT]! ^= 1;
  return carrier;
}
