/** The cover at all its sizes, in memory that the image workers and the main thread share. */
import type { Cover } from './cover';
import { ScaledLevel, StoredLevel } from './level';
import type { Level } from './level';
import { Scaler } from './scaler';
import { DEFAULT_MAX_SECRET_BYTES, pyramidSizes, nativeSize } from './sizes';
import type { LevelSize, Size } from './sizes';

/** Passed between threads to share one pyramid; the pixels are never copied. */
export interface SharedPyramid {
  native: Size;
  maxSecretBytes: number;
  /** The cover's pixels, then those of the other stored sizes, then a flag for each of their rows. */
  memory: SharedArrayBuffer;
}

/**
 * Sizes above the cover's own are stored up to this many bytes; beyond, scaling a row costs little more than copying
 * it, because it is used for several rows of the carrier.
 */
const STORED_SCALED_BYTES = 4 * 1024 * 1024;

/**
 * Rows of sizes other than the native one are made on first use, by whichever thread needs them: every thread computes
 * the same bytes, so two doing it at once do no harm. Memory is bounded by twice the cover plus 8 MiB, and untouched
 * pages cost nothing.
 */
export class CoverPyramid {
  readonly sizes: readonly LevelSize[];
  readonly levels: readonly Level[];

  constructor(readonly shared: SharedPyramid) {
    const { native, maxSecretBytes, memory } = shared;
    this.sizes = pyramidSizes(native, maxSecretBytes);
    const layout = storedLayout(this.sizes, native);
    const source: Cover = { ...native, rgb: new Uint8Array(memory, 0, native.width * native.height * 3) };
    this.levels = this.sizes.map((size, index) => {
      const place = layout.places[index]!;
      if (place === 'native') return new StoredLevel(size, source, source.rgb, null);
      if (place === 'scaled') return new ScaledLevel(size, source);
      const pixels = new Uint8Array(memory, place.pixelsAt, size.width * size.height * 3);
      return new StoredLevel(size, source, pixels, new Uint8Array(memory, place.flagsAt, size.height));
    });
  }

  /** Makes the pyramid of a cover in new shared memory; the cover is copied and can be freed. */
  static of(cover: Cover, maxSecretBytes = DEFAULT_MAX_SECRET_BYTES): CoverPyramid {
    const native = nativeSize(cover, maxSecretBytes);
    const layout = storedLayout(pyramidSizes(native, maxSecretBytes), native);
    const memory = new SharedArrayBuffer(layout.byteLength);
    const pixels = new Uint8Array(memory);
    const rowBytes = native.width * 3;
    const cropped = native.height === cover.height && native.width <= cover.width;
    const scaler = new Scaler(cover, native);
    for (let y = 0; y < native.height; y++) {
      const start = y * cover.width * 3;
      if (cropped) pixels.set(cover.rgb.subarray(start, start + rowBytes), y * rowBytes);
      else scaler.row(pixels, y * rowBytes, y);
    }
    return new CoverPyramid({ native, maxSecretBytes, memory });
  }
}

type Place = 'native' | 'scaled' | { pixelsAt: number; flagsAt: number };

/** Returns the place of each size in the shared memory. */
function storedLayout(sizes: readonly LevelSize[], native: Size): { places: Place[]; byteLength: number } {
  const bytes = (size: Size) => size.width * size.height * 3;
  let end = bytes(native);
  let nativeSeen = false;
  const places = sizes.map((size): Place => {
    if (!nativeSeen && size.width === native.width && size.height === native.height) {
      nativeSeen = true;
      return 'native';
    }
    if (nativeSeen && bytes(size) > STORED_SCALED_BYTES) return 'scaled';
    // Shared memory is copied word by word only if both ends are aligned, otherwise byte by byte.
    const pixelsAt = Math.ceil(end / 16) * 16;
    const flagsAt = pixelsAt + bytes(size);
    end = flagsAt + size.height;
    return { pixelsAt, flagsAt };
  });
  return { places, byteLength: end };
}
