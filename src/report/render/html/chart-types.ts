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

export interface LaneSpan {
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
