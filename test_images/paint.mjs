/** The brushes of make.mjs: seeded randomness, value noise and mixing. */

/** Mulberry32 (Tommy Ettinger, public domain): a uniform number in [0, 1) from a 32-bit seed. */
export function makeRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export const mix = (from, to, part) => from + (to - from) * part;

export const mixColour = (from, to, part) => [
  mix(from[0], to[0], part),
  mix(from[1], to[1], part),
  mix(from[2], to[2], part),
];

/** 0 at `from`, 1 at `to`, smooth between; `from` may be the larger. */
export function smoothstep(from, to, value) {
  const part = Math.min(1, Math.max(0, (value - from) / (to - from)));
  return part * part * (3 - 2 * part);
}

const SIZE = 256;

/**
 * Value noise of several octaves: `noise(x, y, octaves)` in [0, 1], smooth, one feature per unit in the first octave.
 * Each octave is twice as fine and half as strong, the spectrum of natural surfaces.
 */
export function makeNoise(random) {
  const lattice = Float64Array.from({ length: SIZE * SIZE }, random);
  const at = (x, y) => lattice[(y & (SIZE - 1)) * SIZE + (x & (SIZE - 1))];
  const octave = (x, y) => {
    const left = Math.floor(x);
    const top = Math.floor(y);
    const across = smoothstep(0, 1, x - left);
    const down = smoothstep(0, 1, y - top);
    const upper = mix(at(left, top), at(left + 1, top), across);
    return mix(upper, mix(at(left, top + 1), at(left + 1, top + 1), across), down);
  };
  return (x, y, octaves) => {
    let sum = 0;
    let strength = 0.5;
    let total = 0;
    for (let index = 0; index < octaves; index++) {
      // The shift keeps the lattice points of the octaves apart; on one point they would show as a grid.
      sum += strength * octave(x * 2 ** index + index * 17.3, y * 2 ** index + index * 31.7);
      total += strength;
      strength /= 2;
    }
    return sum / total;
  };
}
