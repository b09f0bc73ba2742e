/** The part of the package `tdigest` that we use; it has no types of its own. */
declare module 'tdigest' {
  export interface Centroid {
    mean: number;
    n: number;
  }

  export class TDigest {
    /** `delta`: the largest share of all values that one centroid may hold; `K` 0: never compress by itself. */
    constructor(delta?: number, K?: number, CX?: number);
    push(value: number | number[], n?: number): void;
    push_centroid(centroids: Centroid | Centroid[]): void;
    percentile(p: number): number | undefined;
    size(): number;
    toArray(): Centroid[];
  }
}
