/** A longer series is reduced to between half of this and this many points. */
const MAX_POINTS = 800;

/** A series of samples in bounded memory: when it is full, each two neighbours merge into the worst of both. */
export class Downsampled<T> {
  #points: T[] = [];
  #open: { value: T; samples: number } | null = null;
  #samplesPerPoint = 1;

  constructor(private readonly worst: (earlier: T, later: T) => T) {}

  add(sample: T): void {
    const open = this.#open;
    this.#open = open
      ? { value: this.worst(open.value, sample), samples: open.samples + 1 }
      : { value: sample, samples: 1 };
    if (this.#open.samples < this.#samplesPerPoint) return;
    this.#points.push(this.#open.value);
    this.#open = null;
    if (this.#points.length >= MAX_POINTS) this.#halve();
  }

  /** Returns the points in insertion order. */
  get points(): T[] {
    return this.#open ? [...this.#points, this.#open.value] : [...this.#points];
  }

  #halve(): void {
    const all = this.#points;
    this.#points = [];
    for (let at = 0; at < all.length; at += 2) this.#points.push(this.worst(all[at]!, all[at + 1]!));
    this.#samplesPerPoint *= 2;
  }
}
