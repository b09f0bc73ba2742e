/**
 * The *pyramid*: the stored sizes of a cover, each with about twice the area of the one below, so that a carrier is
 * never larger than its secret needs. Pure arithmetic: main thread and workers get the same pyramid.
 */
import { payloadBytes } from './lsb.pure';

export interface Size {
  width: number;
  height: number;
}

/** A size of the pyramid; `rowBytes`: payload bytes of one row. */
export interface LevelSize extends Size {
  rowBytes: number;
}

export const DEFAULT_MAX_SECRET_BYTES = 7 * 1024 * 1024;

/** Widths are multiples of 16, so that every row holds whole pairs of payload bytes (16 samples). */
const WIDTH_STEP = 16;
/** A row and its filter byte must fit in one stored deflate block (65,535 bytes). */
const MAX_WIDTH = 21_840;

const stepped = (width: number) =>
  Math.min(MAX_WIDTH, Math.max(WIDTH_STEP, Math.round(width / WIDTH_STEP) * WIDTH_STEP));

function levelSize(width: number, height: number): LevelSize {
  return { width, height, rowBytes: (width * 3) / 8 };
}

/**
 * Returns the size at which the cover itself is stored: its own, less up to 15 columns on the right; scaled only if it
 * is narrower than 16 pixels, wider than a stored block, or larger than the largest secret could use.
 */
export function nativeSize(cover: Size, maxSecretBytes: number): Size {
  const needed = Math.ceil((payloadBytes(maxSecretBytes) * 8) / 3);
  const scale = Math.min(1, Math.sqrt(needed / (cover.width * cover.height)), MAX_WIDTH / cover.width);
  if (scale === 1) {
    const width = Math.max(WIDTH_STEP, cover.width - (cover.width % WIDTH_STEP));
    return { width, height: cover.height };
  }
  return { width: stepped(cover.width * scale), height: Math.max(1, Math.ceil(cover.height * scale)) };
}

/**
 * Returns all sizes from tiny to the one that holds `maxSecretBytes`, ascending by capacity; one of them is `native`.
 */
export function pyramidSizes(native: Size, maxSecretBytes: number): LevelSize[] {
  const needed = payloadBytes(maxSecretBytes);
  const sizes = [levelSize(native.width, native.height)];
  const scaled = (step: number) => {
    const width = stepped(native.width * Math.SQRT2 ** step);
    return levelSize(width, Math.max(1, Math.round((native.width * native.height * 2 ** step) / width)));
  };
  const bytes = (size: LevelSize) => size.rowBytes * size.height;
  for (let step = -1; bytes(sizes[0]!) > 64; step--) sizes.unshift(scaled(step));
  for (let step = 1; bytes(sizes.at(-1)!) < needed; step++) sizes.push(scaled(step));
  return sizes;
}

/** Returns the index of the smallest size that holds the secret; -1 if none does. */
export function levelFor(sizes: readonly LevelSize[], secretBytes: number): number {
  const needed = payloadBytes(secretBytes);
  return sizes.findIndex((size) => size.rowBytes * size.height >= needed);
}
