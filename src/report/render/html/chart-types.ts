/** What is handed to the page's script: the report's series in seconds into the run. No names of anybody in it but reasons. */
import type { Colour } from './palette';

export type Values = (number | null)[];

/** A fault's shade. Seconds into the run. */
export interface FaultShade {
  server: number;
  from: number;
  to: number;
  /** Until here it was felt, where that is known and later than `to`. */
  felt: number;
  /** What it was, and in less and less words for where there is no room. */
  labels: readonly string[];
}

/** One of those that a stacked chart is made of; a value for each window. */
export interface Layer {
  name: string;
  colour: Colour;
  values: number[];
}

/** Panels of one server or machine under each other. */
export interface SampleRow {
  name: string;
  colour: Colour;
  time: number[];
  /** By the key of their panel (panels.ts). */
  series: Record<string, Values>;
}

export interface LaneSpan {
  /** Its row. */
  row: number;
  term: number;
  from: number;
  to: number;
}

export interface ChartData {
  /** The length of the shared axis in seconds. */
  endSecs: number;
  faults: FaultShade[];
  windows: {
    secs: number;
    p50: Values;
    p95: Values;
    p99: Values;
    max: Values;
    servers: Layer[];
    reasons: Layer[];
  } | null;
  lane: {
    rows: { server: number; name: string; colour: Colour }[];
    spans: LaneSpan[];
    none: { from: number; to: number }[];
    several: { from: number; to: number }[];
  } | null;
  servers: SampleRow[];
  generators: SampleRow[];
  curve: { percentile: number[]; latency: Values; service: Values } | null;
}
