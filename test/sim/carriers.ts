import { CarrierEncoder } from '../../src/imaging/carrier';
import { CoverPyramid } from '../../src/imaging/cover-pyramid';

const COVER = { width: 32, height: 24 };
const MAX_SECRET_BYTES = 256;

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
