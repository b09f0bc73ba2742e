/** The shape of a comparison of two runs, and the parts of a report that it needs. */
import type { FaultReport, Report, Timeline } from '../report';
import type { FigureName } from './windows';

/** The parts of a report that a comparison needs; `report` writes all of them. */
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
    'phase' | 'requests' | 'failed' | 'undecided' | 'p50_ms' | 'p95_ms' | 'p99_ms' | 'p99_9_ms' | 'max_ms'
  >[];
  faults: ComparedFault[] | null;
  audit: Pick<Report['audit'], 'hedged'>;
  balance: Pick<Report['balance'], 'total_max_over_mean' | 'max_over_mean'>;
  generators: Pick<Report['generators'][number], 'machine_id' | 'saturated' | 'why'>[];
  inputs: Pick<Report['inputs'], 'missing'>;
  loads: Settings[];
  run?: Settings;
};

/** A fault; its kind may come from another version. */
export type ComparedFault = { kind: string } & Pick<
  FaultReport,
  'start' | 'recovered' | 'felt_ms' | 'recovered_ms' | 'detected_first_ms' | 'leader_all_ms'
>;

/** The settings of a run, as far as the report has them. */
export type Settings = Pick<
  NonNullable<Report['run']>,
  'version' | 'node_version' | 'host' | 'cores' | 'seed' | 'config'
>;

/** One of the two runs: its path and its size. */
export interface Side {
  name: string;
  requests: number;
  duration_secs: number;
  /** Unix milliseconds; null if there are no records of single requests. */
  started: number | null;
}

/** A difference in settings; null if a run does not record the value. */
export interface Difference {
  what: string;
  a: string | null;
  b: string | null;
}

export type Verdict = 'better' | 'worse' | 'no difference beyond the noise' | 'unknown';
export type Unit = 'ms' | '/s' | '%' | 's' | 'bytes' | '';

/** One figure of both runs. */
export interface Row {
  name: string;
  unit: Unit;
  a: number | null;
  b: number | null;
  /** The change from A to B in percent of A, or in percentage points if the figure is a percentage. null if unknown. */
  change: number | null;
}

/** A figure computed from windows, so that its change can be compared with their noise. */
export interface JudgedRow extends Row {
  name: FigureName;
  /** The interval of the change, in its unit. */
  interval: { from: number; to: number } | null;
  verdict: Verdict;
  /** The reason for `unknown`. */
  why: string | null;
}

/** The figures of one part of both runs, computed from its windows. */
export interface Scope {
  scope: 'steady' | 'whole';
  windows: { a: number; b: number };
  window_ms: { a: number; b: number };
  rows: JudgedRow[];
}

/** The output of `report --compare A B --json`. */
export interface Comparison {
  a: Side;
  b: Side;
  differences: Difference[];
  /** Sentences that a reader should know before trusting the rest. */
  notes: string[];
  /** The share of comparisons of equal runs in which no verdict is wrong. */
  confidence: number;
  /** The steady part is included only if it is not the whole run. */
  scopes: Scope[];
  /** Single values from the reports, whose noise is unknown. */
  groups: { group: string; rows: Row[] }[];
}
