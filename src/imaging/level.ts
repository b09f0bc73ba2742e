/** One size of the cover, as rows of pixels: either stored in memory, or scaled on demand. */
import type { Cover } from './cover';
import { Scaler } from './scaler';
import type { LevelSize } from './sizes';

export interface Level extends LevelSize {
  /** Copies rows `from` … `to` - 1, 3 × width bytes each, into `target` at `at`. */
  copyRows(target: Uint8Array, at: number, from: number, to: number): void;
}

/** A size whose pixels are in memory, its rows made on first use (`made`: null when all are there). */
export class StoredLevel implements Level {
  readonly width: number;
  readonly height: number;
  readonly rowBytes: number;
  private scaler: Scaler | undefined;
  /** All rows before this one are made: saves checking the flags again. */
  private knownRows = 0;

  constructor(
    size: LevelSize,
    private readonly source: Cover,
    private readonly pixels: Uint8Array,
    private readonly made: Uint8Array | null,
  ) {
    ({ width: this.width, height: this.height, rowBytes: this.rowBytes } = size);
  }

  copyRows(target: Uint8Array, at: number, from: number, to: number): void {
    const rowBytes = this.width * 3;
    if (to > this.knownRows) this.makeRows(from, to);
    target.set(this.pixels.subarray(from * rowBytes, to * rowBytes), at);
  }

  private makeRows(from: number, to: number): void {
    const { made } = this;
    if (made === null) return;
    for (let y = from; y < to; y++) {
      if (Atomics.load(made, y) === 1) continue;
      this.scaler ??= new Scaler(this.source, this);
      this.scaler.row(this.pixels, y * this.width * 3, y);
      Atomics.store(made, y, 1);
    }
    if (from <= this.knownRows) this.knownRows = to;
  }
}

/** A large size whose rows are scaled on demand; equal rows are scaled once and copied. */
export class ScaledLevel implements Level {
  readonly width: number;
  readonly height: number;
  readonly rowBytes: number;
  private scaler: Scaler | undefined;

  constructor(
    size: LevelSize,
    private readonly source: Cover,
  ) {
    ({ width: this.width, height: this.height, rowBytes: this.rowBytes } = size);
  }

  copyRows(target: Uint8Array, at: number, from: number, to: number): void {
    this.scaler ??= new Scaler(this.source, this);
    const rowBytes = this.width * 3;
    for (let y = from; y < to; y++, at += rowBytes) {
      if (y > from && this.scaler.sameRow(y, y - 1)) target.copyWithin(at, at - rowBytes, at);
      else this.scaler.row(target, at, y);
    }
  }
}
