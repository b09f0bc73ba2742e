/** A series of samples in bounded memory: when it is full, neighbours merge in pairs into the worst of both. */

/** A longer series is reduced to between half of this and this many points. */
const MAX_POINTS = 800;

export class Downsampled<T> {
  private kept: T[] = [];
  private open: { value: T; samples: number } | null = null;
  private samplesPerPoint = 1;

  constructor(private readonly worst: (earlier: T, later: T) => T) {}

  add(sample: T): void {
    const open = this.open;
    this.open = open
      ? { value: this.worst(open.value, sample), samples: open.samples + 1 }
      : { value: sample, samples: 1 };
    if (this.open.samples < this.samplesPerPoint) return;
    this.kept.push(this.open.value);
    this.open = null;
    if (this.kept.length >= MAX_POINTS) this.halve();
  }

  /** Returns the points in insertion order. */
  get points(): T[] {
    return this.open ? [...this.kept, this.open.value] : [...this.kept];
  }

  private halve(): void {
    const all = this.kept;
    this.kept = [];
    for (let at = 0; at < all.length; at += 2) this.kept.push(this.worst(all[at]!, all[at + 1]!));
    this.samplesPerPoint *= 2;
  }
}
