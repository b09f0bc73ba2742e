/** The contents of final_report.json, from which all formats of a report are rendered. */
import type { FaultAction, RunFile, StressRunFile } from '../core/metrics/record';
import type { Scale } from '../core/metrics/failure-scale';
import type { Loop } from '../core/metrics/loop';
import type { SlowLimitSetting } from '../core/metrics/slow-limit';
import type { ThresholdResult } from '../core/metrics/threshold';
import type { RuleResult } from '../core/rule-result';
import type { WrongCount } from '../core/metrics/wrong-carriers';
import type { Blocks } from './report-blocks';

/** Latencies in milliseconds; null if there were no samples. */
export interface LatencyStats {
  min_ms: number | null;
  max_ms: number | null;
  avg_ms: number | null;
  median_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
}

export const PHASES = ['warmup', 'steady', 'fault', 'recovering'] as const;
export type PhaseName = (typeof PHASES)[number];

/** A part of all requests that were due; latencies are those of all of them (src/report/analyze/request-group.ts). */
export interface Share {
  requests: number;
  /** null if requests without a record may belong to it. */
  failed: number | null;
  undecided: number;
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
  p99_9_ms: number | null;
  max_ms: number | null;
}

/** The requests of a phase, with the service times of its successes, from the actual send. */
export interface PhaseShare extends Share {
  phase: PhaseName;
  service_p50_ms: number | null;
  service_p95_ms: number | null;
  service_p99_ms: number | null;
}

/** The measures of a fault that may be unknown, with a reason. */
export type Measure =
  | 'led'
  | 'felt_ms'
  | 'requests'
  | 'recovered_ms'
  | 'detected_first_ms'
  | 'detected_last_ms'
  | 'leader_first_ms'
  | 'leader_all_ms';

/**
 * One fault, from its start until it was healed; durations count from the start. null: unknown, `unknown` has the
 * reason.
 */
export interface FaultReport {
  server_id: number;
  kind: FaultAction;
  /** Unix milliseconds: the start of the injection. No effect is earlier, so that no duration looks too good. */
  start: number;
  /** Unix milliseconds: when it was healed; null if it never was. */
  end: number | null;
  led: boolean | null;
  /** The time in which clients felt it, and until they felt it no more (src/report/analyze/fault-cost.ts). */
  felt_ms: number | null;
  recovered_ms: number | null;
  /** The felt time until the next fault or the end: as much as `felt_ms`, or at least so much if that is unknown. */
  felt_at_least_ms: number | null;
  /** Requests under way from its start to the first calm after it was healed. */
  requests: number | null;
  /** Those that failed, or took longer than their slow limit. */
  bad_requests: number | null;
  failed: number | null;
  retried: number | null;
  hedged: number | null;
  /** 0 if no request was under way, which is shown as "-". */
  longest_ms: number | null;
  /** The first and the last detection by another server. */
  detected_first_ms: number | null;
  detected_last_ms: number | null;
  /** The time until the next leader led, and until all other servers followed it; only if the server led. */
  leader_first_ms: number | null;
  leader_all_ms: number | null;
  /** True if it shares its time with faults that began before another was healed. */
  shared: boolean;
  /** Unix milliseconds: the first calm after it was healed; null if it was not seen to recover. */
  recovered: number | null;
  unknown: Partial<Record<Measure, string>>;
}

/** The time before the first fault: what is usual. */
export interface Baseline extends Interval {
  /** Requests that were due and ended in it. */
  requests: number;
  bad_window_share: number | null;
  /** A shorter stall might not show as felt; null if no stall up to 5 s surely would. */
  felt_resolution_ms: number | null;
  /** The reason for `bad_window_share` null. */
  unknown: string | null;
}

/**
 * The run in windows of equal width; a request belongs to the window in which it ended. Every list has one entry for
 * each window.
 */
export interface Timeline {
  /** Unix milliseconds of the first window. */
  from: number;
  window_ms: number;
  requests: number[];
  failed: number[];
  /** In flight, or waiting for a client, at the end: they are in no server's list. */
  undecided: number[];
  /** The number of requests in no window: their times are so far from the others that they must be damaged. */
  left_out: number;
  /** Latencies of all requests, including failed ones: successes alone would look too good. null if none ended. */
  p50_ms: (number | null)[];
  p95_ms: (number | null)[];
  p99_ms: (number | null)[];
  max_ms: (number | null)[];
  by_server: { server_id: number; requests: number[] }[];
  by_reason: { reason: string; requests: number[] }[];
}

export interface CurvePoint {
  /** 0 to 100. */
  percentile: number;
  /** The latency of all requests, from when they were due. */
  latency_ms: number | null;
  /** The latency of successes, from the actual send. */
  service_ms: number | null;
}

/** The samples of a server over time, downsampled to a few hundred points, each the worst of its span. */
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

/** The samples of a load generator over time, and if it was the bottleneck. */
export interface GeneratorSeries {
  machine_id: number;
  time: number[];
  cpu_percent: number[];
  event_loop_delay_ms: number[];
  in_flight: number[];
  verification_backlog: number[];
  /** Totals of the whole run. */
  sent: number;
  late_sends: number;
  /** Times in which the process stood still; see GeneratorSummary. */
  pauses: number;
  paused_ms: number;
  longest_pause_ms: number;
  longest_pause_at: number | null;
  /** null: unknown, samples are missing. */
  saturated: boolean | null;
  /** The reason for `saturated`; null if it is not set. */
  why: string | null;
}

/** The offset of a machine's clock, compared with the machine that made the report. */
export interface MachineClock {
  machine: string;
  /** Milliseconds; positive if ahead. It is subtracted from all times of the machine in this report. */
  offset_ms: number;
  /** The possible error of the offset in either direction: half of the shortest round trip. */
  uncertainty_ms: number;
}

/** A change of a clock during recording; times are corrected as far as possible. */
export interface ClockChange {
  /** `server 2`, `the load of machine 1`, `the faults`. */
  who: string;
  file: string;
  /**
   * Set (for example by NTP), drifted from the machine's monotonic clock, or stopped while the machine was suspended.
   */
  kind: 'set' | 'drifted' | 'suspended';
  /** Positive if it went forward; for a suspension, its length. */
  by_ms: number;
  /**
   * `as it happened` if a process of this file noticed it (within 1.5 s); `before` a process began or `after` the last
   * one ended if none ran at that time.
   */
  seen: 'as it happened' | 'before' | 'after';
  /** Unix milliseconds: when it was noticed, or when the process began or ended. */
  at: number;
}

export interface LeaderSpan {
  server_id: number;
  term: number;
  /** Unix milliseconds. */
  from: number;
  to: number;
}

/** A closed interval in Unix milliseconds. */
export interface Interval {
  from: number;
  to: number;
}

/** The leaders of a run by the servers' own files. */
export interface Leaders {
  timeline: LeaderSpan[];
  /** Terms in which a server began to lead during the run. null: unknown, like the next two. */
  terms: number | null;
  /** The times without a leader, and those in which two led that were certainly alive. */
  none: Interval[] | null;
  several: Interval[] | null;
  /** The reason for null. */
  unknown: string | null;
}

export interface Spread {
  median: number | null;
  worst: number | null;
}

export interface Balance {
  /** The servers that were there to be used; null if unknown, and with it all figures. */
  servers_expected: number | null;
  /** The busiest server's requests divided by the mean, over the whole run; 1 is perfect. */
  total_max_over_mean: number | null;
  /** The number of windows of 1 s outside faults, and of those with enough requests. */
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
  /** This and the next two are null without event files. */
  executions: number | null;
  /** Tasks that were executed more than once. */
  repeated: number | null;
  /** Successes without an execution in the files. */
  lost: number | null;
  /** Wrong carriers, whatever became of their requests. */
  corrupted: number;
  /** The same by the server that sent them, the worst first; null: unknown. */
  corrupted_by: WrongCount[];
  /** The number of executions that may have been lost in the buffers of killed servers. */
  excusable: number;
  adds_up: boolean | 'unknown';
  why: string;
}

/** Why what depends on it is unknown. */
export const NO_FAULT_FILE = 'there is no file of faults';

/** From the worst to the best. */
export const VERDICTS = ['wrong', 'invalid', 'crossed', 'not verified', 'facts'] as const;

export interface Verdict {
  kind: (typeof VERDICTS)[number];
  text: string;
  /** The checks whose outcome is unknown, also where something else leads the text. */
  not_verified: string[];
  /** failure_rate_max */
  failure_rate: number;
  /** The guide's scale; null where no faults were made. */
  scale: Scale | null;
  scale_text: string | null;
}

/** The contents of run.json. */
export interface RunMetadata extends RunFile {
  /** host:port */
  servers?: readonly string[];
}

export type InputKind = 'records' | 'client' | 'events' | 'faults' | 'generator' | 'run';

/** A file that was read: its number of lines (1 for a client's JSON) and its problems. */
export interface InputFile {
  path: string;
  kind: InputKind;
  lines: number;
  badLines: number;
  /** The number of bad lines that are valid but repeat requests already counted. Default: 0. */
  repeats?: number;
  /** The first few, with line numbers. */
  problems: string[];
}

/** A run that was found; `taken` if it is part of the report. */
export interface RunSeen {
  run_id: string;
  file: string;
  requests: number;
  taken: boolean;
}

/** The loop that sent the requests; null: unknown, `unknown` has the reason. Both figures are null in an open loop. */
export interface LoopFigures {
  loop: Loop | null;
  /** The time for which clients waited beyond their mean think time, of all requests together. */
  blocked_client_secs: number | null;
  /** The requests that they would have sent meanwhile. */
  missed_requests: number | null;
  unknown: Partial<Record<'loop' | 'blocked_client_secs' | 'missed_requests', string>>;
}

/** Times are Unix milliseconds, percentages 0 to 100. Totals leave out what was due in the warm-up. */
export interface Report extends LoopFigures {
  /** All that were due: successful, failed and undecided ones. */
  total_requests: number;
  successful_requests: number;
  failed_requests: number;
  /** Failures among the decided requests; `failure_rate_max` if there are none. */
  failure_rate: number;
  /** Failures among all requests, with undecided ones as failed: thresholds and verdict use this one. */
  failure_rate_max: number;
  decided_requests: number;
  /** In flight, or waiting for a client, at the end. */
  undecided_requests: number;
  /** Failures that waited too long for a free client. */
  never_sent_requests: number;
  /** Failures without a record: others show that they existed. */
  missing_records: number;
  /** Requests by server id, including failed ones. */
  server_distribution: Record<string, number>;
  /** Failed requests by reason, in descending order of count. */
  failure_reasons: Record<string, number>;
  /** Latencies of successes only. */
  latency_stats: LatencyStats;
  /** Latencies of all requests, and the p99.9 of successes only. */
  all_stats: LatencyStats & { p99_9_ms: number | null };
  p99_9_ms: number | null;
  /** Latencies from the actual send. */
  service_stats: LatencyStats;
  /** Clients whose latencies count for minimum, maximum and average only. */
  clients_without_percentiles: number;
  retry_count: number;
  bytes_sent: number;
  bytes_received: number;
  /** Requests that are due within this time after the start of the load are in no total. */
  warmup_secs: number;
  /** The undecided requests: in flight, or waiting for a client. */
  interrupted_requests: number;
  unsent_requests: number;
  runs: RunSeen[];
  duration_secs: number;
  /** Successes, and requests that were due, per second. The first is null if it is not known when a load ended. */
  goodput_per_s: number | null;
  attempted_per_s: number;
  /** Goodput, under its older name. */
  throughput_per_s: number | null;
  /** As configured; null if no limit is fixed. */
  slow_limit_ms: SlowLimitSetting | null;
  /** By operation, in ms; null if unknown. null without records. */
  slow_limits_ms: Record<string, number | null> | null;
  baseline: Baseline | null;
  images: (Share & { image: string })[];
  phases: PhaseShare[];
  faults: FaultReport[] | null;
  audit: Audit;
  leaders: Leaders | null;
  balance: Balance;
  /** null if no request with a record ended. */
  timeline: Timeline | null;
  /** null without records. */
  blocks: Blocks | null;
  percentile_curve: CurvePoint[];
  servers: ServerSeries[];
  generators: GeneratorSeries[];
  /** The settings of each machine's `stress`: the machine_{n}_run.json of the selected runs. */
  loads: StressRunFile[];
  /** Machines whose clocks were compared; empty if all files are local. */
  clocks: MachineClock[];
  clock_changes: ClockChange[];
  self_check: string[];
  verdict: Verdict;
  thresholds: ThresholdResult[];
  rules?: RuleResult[];
  /** The contents of run.json. */
  run?: RunMetadata;
  inputs: { files: InputFile[]; missing: string[]; notes: string[] };
}
