/** The part of final_report.json by which two runs are compared: five blocks of each. */

/** The width of buckets is 1 %, which bounds the error of a percentile taken from them. */
export const HISTOGRAM_BASE = 1.01;

/** The latencies of all requests of an operation (image) in a block. */
export interface BlockOperation {
  /** The sum of the known ones, in microseconds. */
  latency_total_us: number;
  /** The number of failures whose latency is unknown, but no shorter than any other. */
  unknown: number;
  /**
   * The known ones: bucket, count, bucket, count ... in ascending order; bucket b holds those from HISTOGRAM_BASE ** b
   * to HISTOGRAM_BASE ** (b + 1) microseconds.
   */
  histogram: number[];
}

/** A fifth of the time of a run, with the requests that were due in it. */
export interface Block {
  secs: number;
  successes: number;
  failed: number;
  undecided: number;
  /** In the order of `Blocks.images`. */
  operations: BlockOperation[];
}

/** The run in five blocks without the warm-up, for `report --compare`. */
export interface Blocks {
  images: string[];
  /** The reason why nothing can be told of them, such as requests without a record; null if there is none. */
  unknown: string | null;
  whole: Block[];
  /** Without faults and the recovery from them; null if there were none. */
  steady: Block[] | null;
}
