import type { FaultAction, RunFile, StressRunFile } from '../core/metrics/record';
import type { ThresholdResult } from '../core/metrics/threshold';

/** null: there is nothing to tell it from. Milliseconds. */
export interface LatencyStats {
  min_ms: number | null;
  max_ms: number | null;
  avg_ms: number | null;
  median_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
}

export type PhaseName = 'warmup' | 'steady' | 'fault' | 'recovering';

/** A part of all requests; latencies are of the successful ones. */
export interface Share {
  requests: number;
  failed: number;
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
  p99_9_ms: number | null;
  max_ms: number | null;
}

/** A phase also says how long its successes took from their send. */
export interface PhaseShare extends Share {
  phase: PhaseName;
  service_p50_ms: number | null;
  service_p95_ms: number | null;
  service_p99_ms: number | null;
}

/** What can be told of one fault or not, and then why not. */
export type Measure = 'led' | 'detected_ms' | 'new_leader_ms' | 'first_success_ms' | 'back_to_baseline_ms';

/** One fault, from its start until it was mended; durations count from the start. null: unknown, `unknown` says why. */
export interface FaultReport {
  server_id: number;
  kind: FaultAction;
  /** Unix milliseconds: when the fault was begun. Nothing it did is earlier, so that no duration flatters. */
  start: number;
  /** Unix milliseconds: when it was mended; null: never. */
  end: number | null;
  led: boolean | null;
  /** The first other server saw it. */
  detected_ms: number | null;
  /** The last other server followed the next leader. Only where the server led. */
  new_leader_ms: number | null;
  /** The end of the first success among the requests begun after the fault was there. */
  first_success_ms: number | null;
  /** The first moment of a second of calm (src/report/analyze/recovery.ts). */
  back_to_baseline_ms: number | null;
  /** Unix milliseconds: the end of its phase `recovering`; null: it was not mended within the run. */
  recovered: number | null;
  /** Of requests whose life overlaps fault or recovery. */
  requests_failed: number;
  requests_retried: number;
  requests_hedged: number;
  longest_request_ms: number | null;
  unknown: Partial<Record<Measure, string>>;
}

/**
 * The run in windows of equal width; a request belongs to the window that it ended in. All lists have an entry for each
 * window.
 */
export interface Timeline {
  /** Unix milliseconds of the first window. */
  from: number;
  window_ms: number;
  requests: number[];
  failed: number[];
  /** So many requests are in no window: their times lie so far from the others that they must be damaged. */
  left_out: number;
  /** Of all requests, failed ones too: a chart of successes alone flatters. null where none ended. */
  p50_ms: (number | null)[];
  p95_ms: (number | null)[];
  p99_ms: (number | null)[];
  max_ms: (number | null)[];
  by_server: { server_id: number; requests: number[] }[];
  by_reason: { reason: string; requests: number[] }[];
  /**
   * Latencies of the successes of each window for `report --compare`: bucket, count, bucket, count ... in ascending
   * order; bucket b holds those from HISTOGRAM_BASE ** b to HISTOGRAM_BASE ** (b + 1) microseconds.
   */
  histograms: number[][];
}

/** Buckets are 1 % wide: a percentile told from them is at most so far off. */
export const HISTOGRAM_BASE = 1.01;

export interface CurvePoint {
  /** 0 to 100. */
  percentile: number;
  /** Of successes, from the intended start and from the send. */
  latency_ms: number | null;
  service_ms: number | null;
}

/** How a server was, in time; thinned out to a few hundred points, each the worst of its span. */
export interface ServerSeries {
  server_id: number;
  /** Unix milliseconds. */
  time: number[];
  cpu_percent: number[];
  memory_bytes: number[];
  active: number[];
  queued: number[];
  event_loop_delay_ms: number[];
}

/** How a load generator was, in time, and whether it was the bottleneck. */
export interface GeneratorSeries {
  machine_id: number;
  time: number[];
  cpu_percent: number[];
  event_loop_delay_ms: number[];
  in_flight: number[];
  verification_backlog: number[];
  /** Of the whole run. */
  sent: number;
  late_sends: number;
  saturated: boolean;
  /** Why it is thought so, in plain words; null where it is not. */
  why: string | null;
}

/** How far a machine's clock is ahead of the one that made the report. */
export interface MachineClock {
  machine: string;
  /** Milliseconds; all times of the machine are less by so much in this report. */
  offset_ms: number;
  /** It may be off by so much either way: half of the shortest round trip. */
  uncertainty_ms: number;
}

/** What became of a clock that files were recorded beside; their times are put right, as far as that can be. */
export interface ClockChange {
  /** `server 2`, `the load of machine 1`, `the faults`. */
  who: string;
  file: string;
  /** Set by somebody (NTP), drifted away from the machine's own count of time, or stood still with its machine. */
  kind: 'set' | 'drifted' | 'suspended';
  /** Ahead, or back where negative; of a suspension, its length. */
  by_ms: number;
  /**
   * Whether a process of this file was there to see it (within 1.5 s), or it happened some time before one began or after
   * the last one ended.
   */
  seen: 'as it happened' | 'before' | 'after';
  /** Unix milliseconds: when it was seen, the process began, or ended. */
  at: number;
}

export interface LeaderSpan {
  server_id: number;
  term: number;
  /** Unix milliseconds. */
  from: number;
  to: number;
}

/** Unix milliseconds, both ends included. */
export interface Interval {
  from: number;
  to: number;
}

export interface Leaders {
  timeline: LeaderSpan[];
  elections: number;
  none: Interval[];
  several: Interval[];
}

export interface Spread {
  median: number | null;
  worst: number | null;
}

export interface Balance {
  /** The largest server's requests by the mean, over the whole run; 1 is perfect. */
  total_max_over_mean: number | null;
  /** Windows of 1 s outside faults, and those of them with enough requests to judge. */
  windows: number;
  judged_windows: number;
  max_over_mean: Spread;
  /** Jain's fairness index, (Σx)² / (n Σx²); 1 is perfect. */
  jain: Spread;
}

export interface Audit {
  requests: number;
  successes: number;
  hedged: number;
  /** These three are null without event files. */
  executions: number | null;
  /** Tasks that were executed more than once. */
  repeated: number | null;
  /** Successes without an execution in the files. */
  lost: number | null;
  corrupted: number;
  /** So many executions may have been in the buffers of killed servers. */
  excusable: number;
  adds_up: boolean | 'unknown';
  why: string;
}

export type Scale = 'excellent' | 'acceptable under faults' | 'investigate' | 'unknown';

/** A rule of the cluster, judged by whoever called (`run`). */
export interface RuleResult {
  rule: string;
  verdict: boolean | 'unknown';
  problems: string[];
}

/** run.json */
export interface RunFacts extends RunFile {
  /** host:port */
  servers?: readonly string[];
}

export type InputKind = 'records' | 'client' | 'events' | 'faults' | 'generator' | 'run';

/** A file that was read: how many lines (a client's JSON: 1), and what was wrong with it. */
export interface InputFile {
  path: string;
  kind: InputKind;
  lines: number;
  badLines: number;
  /** So many of the bad lines are sound, but tell of requests that were counted before. Default: none. */
  repeats?: number;
  /** The first few of them, with line numbers. */
  problems: string[];
}

/** A run that was found, taken or left out. */
export interface RunSeen {
  run_id: string;
  file: string;
  requests: number;
  taken: boolean;
}

/** final_report.json. Times are unix milliseconds, percentages 0 to 100. */
export interface Report {
  total_requests: number;
  successful_requests: number;
  failed_requests: number;
  failure_rate: number;
  /** By server id, failed requests too. */
  server_distribution: Record<string, number>;
  /** By count, descending. */
  failure_reasons: Record<string, number>;
  latency_stats: LatencyStats;
  p99_9_ms: number | null;
  /** From the actual send. */
  service_stats: LatencyStats;
  /** Clients whose latencies are in minimum, maximum and average only. */
  clients_without_percentiles: number;
  retry_count: number;
  bytes_sent: number;
  bytes_received: number;
  /** What began within so long after the first request is in no steady phase. */
  warmup_secs: number;
  /** In no total: the user stopped the run. */
  interrupted_requests: number;
  unsent_requests: number;
  runs: RunSeen[];
  duration_secs: number;
  throughput_per_s: number;
  images: (Share & { image: string })[];
  phases: PhaseShare[];
  faults: FaultReport[] | null;
  audit: Audit;
  leaders: Leaders | null;
  balance: Balance;
  /** null without requests that ended. */
  timeline: Timeline | null;
  percentile_curve: CurvePoint[];
  servers: ServerSeries[];
  generators: GeneratorSeries[];
  /** What each machine's `stress` was told to do: the machine_{n}_run.json of the runs that are taken. */
  loads: StressRunFile[];
  /** Of machines whose clocks were compared; empty where all files are of this machine. */
  clocks: MachineClock[];
  clock_changes: ClockChange[];
  self_check: string[];
  verdict: { failure_rate: number; scale: Scale; text: string };
  thresholds: ThresholdResult[];
  rules?: RuleResult[];
  /** As in run.json. */
  run?: RunFacts;
  inputs: { files: InputFile[]; missing: string[]; notes: string[] };
}
