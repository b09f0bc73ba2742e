import type { Cover } from '../../src/imaging/cover';

/** xorshift32: bytes that look random and are the same in every run. */
export function seeded(seed: number): () => number {
  let state = seed || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

export function randomBytes(length: number, seed = length + 1): Uint8Array {
  const next = seeded(seed);
  return Uint8Array.from({ length }, () => next() >>> 11);
}

/** Smooth shapes, an edge and sensor noise: deflates about like a photograph. */
export function photo(width: number, height: number, seed = 7): Cover {
  const next = seeded(seed);
  const rgb = new Uint8Array(width * height * 3);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const edge = x + y * 2 > width ? 40 : 0;
      for (let channel = 0; channel < 3; channel++) {
        const light = 100 + edge + 60 * Math.sin(x / 37 + channel) * Math.cos(y / 23 + channel / 2);
        rgb[at++] = light + (next() % 9);
      }
    }
  }
  return { width, height, rgb };
}
