/** The shape of a comparison of two runs, and the parts of a report that it needs. */
import type { FaultReport, Report, Timeline } from '../report';
import type { FigureName } from './estimate';

/** The parts of a report that a comparison needs; `report` writes all of them. */
export type Compared = Pick<
  Report,
  | 'total_requests'
  | 'failed_requests'
  | 'failure_rate_max'
  | 'goodput_per_s'
  | 'duration_secs'
  | 'all_stats'
  | 'service_stats'
  | 'retry_count'
  | 'bytes_sent'
  | 'bytes_received'
  | 'warmup_secs'
  | 'loop'
  | 'server_distribution'
  | 'percentile_curve'
> & {
  timeline: Pick<Timeline, 'from' | 'window_ms' | 'requests' | 'failed' | 'p50_ms' | 'p99_ms'> | null;
  blocks: Report['blocks'];
  images: Pick<Report['images'][number], 'image'>[];
  phases: Pick<
    Report['phases'][number],
    'phase' | 'requests' | 'failed' | 'undecided' | 'p50_ms' | 'p95_ms' | 'p99_ms' | 'p99_9_ms' | 'max_ms'
  >[];
  faults: ComparedFault[] | null;
  audit: Pick<Report['audit'], 'hedged'>;
  balance: Pick<Report['balance'], 'total_max_over_mean' | 'max_over_mean'>;
  verdict: { kind: string; text: string; not_verified: string[] };
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
  /** Figures of the whole run: failed and undecided requests in percent, the latency of all requests. */
  goodput_per_s: number | null;
  failure_rate_max: number;
  p99_ms: number | null;
  /** `wrong` (exit code 3), `invalid` and so on, as in the report. */
  verdict: string;
  /** Files of it could not be read, or something is not verified, whatever comes before that in its verdict. */
  is_incomplete: boolean;
}

/** A difference in settings; null if a run does not record the value. */
export interface Difference {
  what: string;
  a: string | null;
  b: string | null;
}

/** `inconclusive`: the change may be 0, and may be more than 20 %. */
export type Verdict = 'better' | 'worse' | 'no difference' | 'inconclusive' | 'unknown';
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

export interface Change {
  from: number;
  to: number;
}

/** A figure computed from blocks, so that its change can be compared with their noise. */
export interface JudgedRow extends Row {
  name: FigureName;
  /** The interval of the change, in its unit. */
  interval: Change | null;
  /** The smallest change for the worse that would have shown, in its unit. */
  detectable: number | null;
  verdict: Verdict;
  /** The reason for `unknown`, or why a shorter latency is not better. */
  why: string | null;
}

/** The figures of one part of both runs, computed from its blocks. */
export interface Scope {
  scope: 'steady' | 'whole';
  secs: { a: number; b: number };
  /** The number of operations over which latencies are averaged. */
  operations: number;
  /**
   * The autocorrelation of the cluster's state from second to second up to which no more than `false_alarms_percent`
   * of comparisons of equal runs show a difference; null: none, the runs are too short.
   */
  holds_up_to_autocorrelation: number | null;
  rows: JudgedRow[];
}

/** The output of `report --compare A B --json`. */
export interface Comparison {
  a: Side;
  b: Side;
  differences: Difference[];
  /** Sentences that a reader should know before trusting the rest. */
  notes: string[];
  /** The most comparisons of equal runs in which any verdict is wrong, in percent. */
  false_alarms_percent: number;
  /**
   * The keys of a judged row that are exempt from "worse never looks better": they also depend on how evenly a run ran
   * (docs/report-figures.md).
   */
  may_flatter: readonly string[];
  /** The steady part is included only if it is not the whole run. */
  scopes: Scope[];
  /** Single values from the reports, whose noise is unknown. */
  groups: { group: string; rows: Row[] }[];
}
