import type { FaultReport, Report, Timeline } from '../report';
import type { FigureName } from './windows';

/** What a comparison needs of a report; `report` writes all of it. */
export type Compared = Pick<
  Report,
  | 'total_requests'
  | 'failed_requests'
  | 'failure_rate'
  | 'throughput_per_s'
  | 'duration_secs'
  | 'latency_stats'
  | 'p99_9_ms'
  | 'service_stats'
  | 'retry_count'
  | 'bytes_sent'
  | 'bytes_received'
  | 'warmup_secs'
  | 'server_distribution'
  | 'percentile_curve'
> & {
  timeline: Pick<Timeline, 'from' | 'window_ms' | 'requests' | 'failed' | 'p50_ms' | 'p99_ms' | 'histograms'> | null;
  images: Pick<Report['images'][number], 'image'>[];
  phases: Pick<
    Report['phases'][number],
    'phase' | 'requests' | 'failed' | 'p50_ms' | 'p95_ms' | 'p99_ms' | 'p99_9_ms' | 'max_ms'
  >[];
  faults: ComparedFault[] | null;
  audit: Pick<Report['audit'], 'hedged'>;
  balance: Pick<Report['balance'], 'total_max_over_mean' | 'max_over_mean'>;
  generators: Pick<Report['generators'][number], 'machine_id' | 'saturated' | 'why'>[];
  inputs: Pick<Report['inputs'], 'missing'>;
  loads: Settings[];
  run?: Settings;
};

/** The kind is a word of whichever version wrote it. */
export type ComparedFault = { kind: string } & Pick<
  FaultReport,
  'start' | 'recovered' | 'detected_ms' | 'new_leader_ms' | 'back_to_baseline_ms'
>;

/** How a run was set up, as far as it is told. */
export type Settings = Pick<
  NonNullable<Report['run']>,
  'version' | 'node_version' | 'host' | 'cores' | 'seed' | 'config'
>;

/** One of the two: the letter it goes by, where it was read from, and what it is. */
export interface Side {
  name: string;
  requests: number;
  duration_secs: number;
  /** Unix milliseconds; null without records of single requests. */
  started: number | null;
}

/** Something that the runs do not have in common; null: this one does not say. */
export interface Difference {
  what: string;
  a: string | null;
  b: string | null;
}

export type Verdict = 'better' | 'worse' | 'no difference beyond the noise' | 'unknown';
export type Unit = 'ms' | '/s' | '%' | 's' | 'bytes' | '';

/** One figure of both. */
export interface Row {
  name: string;
  unit: Unit;
  a: number | null;
  b: number | null;
  /** Of B against A: percent of A, and of what is a percentage itself, percentage points. null: it cannot be told. */
  change: number | null;
}

/** A figure that windows tell, so that its change can be set against their noise. */
export interface JudgedRow extends Row {
  name: FigureName;
  /** Of the change, in its unit. */
  interval: { from: number; to: number } | null;
  verdict: Verdict;
  /** Of `unknown`. */
  why: string | null;
}

/** The figures of a part of both runs, told from as many windows of each. */
export interface Scope {
  scope: 'steady' | 'whole';
  windows: { a: number; b: number };
  window_ms: { a: number; b: number };
  rows: JudgedRow[];
}

/** `report --compare A B --json` */
export interface Comparison {
  a: Side;
  b: Side;
  differences: Difference[];
  /** What a reader must know before trusting the rest, in plain sentences. */
  notes: string[];
  /** The share of all comparisons of equal runs in which no verdict is wrong. */
  confidence: number;
  /** The steady part only where it is not the whole. */
  scopes: Scope[];
  /** As the reports have them: single values, whose noise nothing tells. */
  groups: { group: string; rows: Row[] }[];
}
