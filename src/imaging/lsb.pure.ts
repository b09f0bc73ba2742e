/**
 * The stego format: 32-bit big-endian length, the secret, its CRC-32 (big-endian); each bit, most significant first,
 * in the lowest bit of R, G, B of the pixels in row-major order. These three fields together are the *payload*.
 */

export const LENGTH_BYTES = 4;
export const CRC_BYTES = 4;

/** Returns the payload bytes of a secret of this size. */
export function payloadBytes(secretBytes: number): number {
  return LENGTH_BYTES + secretBytes + CRC_BYTES;
}

/** Writes the payload's bytes `from` … `to` - 1 to `target` at `at`, without assembling the whole payload. */
export class Payload {
  readonly byteLength: number;
  private readonly head: Uint8Array;
  private readonly tail: Uint8Array;

  constructor(
    private readonly secret: Uint8Array,
    crc32: number,
  ) {
    this.byteLength = payloadBytes(secret.length);
    this.head = bigEndian(secret.length);
    this.tail = bigEndian(crc32);
  }

  copy(target: Uint8Array, at: number, from: number, to: number): void {
    let start = 0;
    for (const piece of [this.head, this.secret, this.tail]) {
      const first = Math.max(from, start);
      const end = Math.min(to, start + piece.length);
      if (first < end) target.set(piece.subarray(first - start, end - start), at + first - from);
      start += piece.length;
    }
  }
}

/** Puts one payload byte into the lowest bits of 8 samples. */
export function embedByte(samples: Uint8Array, at: number, byte: number): void {
  for (let bit = 0; bit < 8; bit++) samples[at + bit] = (samples[at + bit]! & 0xfe) | ((byte >> (7 - bit)) & 1);
}

/** Reads one payload byte out of the lowest bits of 8 samples. */
export function extractByte(samples: Uint8Array, at: number): number {
  let byte = 0;
  for (let bit = 0; bit < 8; bit++) byte = (byte << 1) | (samples[at + bit]! & 1);
  return byte;
}

/** Returns a 32-bit number as 4 bytes, most significant first. */
export function bigEndian(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}
