/**
 * The data for the page's script: the report's series in seconds into the run. The only foreign text is failure
 * reasons.
 */
import type { Colour } from './palette';

export type Values = (number | null)[];

/** The shaded span of a fault. Seconds into the run. */
export interface FaultShade {
  server: number;
  from: number;
  to: number;
  /** The end of its effects, if known and later than `to`. */
  felt: number;
  /** Labels of decreasing length, for limited space. */
  labels: readonly string[];
  /** The colour of its run, if there are several; default: that of faults. */
  colour?: Colour;
}

/** A line in a chart; null is a gap. */
export interface Line {
  name: string;
  colour: Colour;
  look: 'line' | 'dashes';
  widthPx: number;
  values: Values;
}

/** One layer of a stacked chart; a value for each window. */
export interface Layer {
  name: string;
  colour: Colour;
  values: number[];
}

/** The panels of one server or machine, stacked vertically. */
export interface SampleRow {
  name: string;
  colour: Colour;
  time: number[];
  /** Values by the key of their panel (panels.ts). */
  series: Record<string, Values>;
}

export interface LeadershipSpan {
  /** The index of its row. */
  row: number;
  term: number;
  from: number;
  to: number;
}

export interface ChartData {
  /** The length of the shared axis in seconds. */
  endSecs: number;
  faults: FaultShade[];
  latency: {
    /** Each with a value for each window of `secs`; null if there was none. */
    lines: (Line & { secs: number })[];
    /** The indices of two lines, the higher one first: the area between them is filled. */
    fan?: [number, number];
  } | null;
  windows: { secs: number; count: number; servers: Layer[]; reasons: Layer[] } | null;
  leadership: {
    rows: { server: number; name: string; colour: Colour }[];
    spans: LeadershipSpan[];
    none: { from: number; to: number }[];
    several: { from: number; to: number }[];
  } | null;
  servers: SampleRow[];
  generators: SampleRow[];
  /** Latencies by percentile. */
  curve: (Line & { percentiles: number[] })[] | null;
}
