/** Random numbers that a seed reproduces: good enough for think times, choices and simulations, not for secrets. */
import type { Random } from './environment';

/**
 * Returns a small generator (Chris Doty-Humphrey's sfc32, the PractRand variant). The same seed gives the same numbers
 * everywhere.
 */
export function seededRandom(seed: number): Random {
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = (seed ^ 0xb7e15162) >>> 0;
  let counter = (2 * Math.floor(seed / 0x1_0000_0000) + 1) | 0;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return (sum >>> 0) / 0x1_0000_0000;
  };
  for (let i = 0; i < 15; i++) next();
  return next;
}
