/** The options of a stress run, resolved from its configuration, and the report that it returns. */
import type { ClientImage } from '../client/client';
import type { LoadShape } from '../config/load-settings';
import type { Clock, LogLevel } from '../core/environment';
import type { LatencyFigures } from '../core/metrics/latency-fold';
import type { Loop } from '../core/metrics/loop';
import type { ProgramMetadata, RequestRecord } from '../core/metrics/record';
import type { GeneratorSummary } from '../core/metrics/saturation';
import type { AggregatedStats } from '../core/metrics/summary';
import type { Threshold, ThresholdResult } from '../core/metrics/threshold';
import type { Secure } from '../core/transport/network';
import type { Screen } from './screen';

export interface StressOptions {
  machineId: number;
  numClients: number;
  requests: LoadShape;
  /** Requests that are due within this time of the start of the load are not measured. */
  warmupMs: number;
  /** Grace period for requests in flight after `requests.durationMs`, after `endSignal`, and when aborted. */
  gracefulStopMs: number;
  /** Conditions checked at the end. */
  thresholds: readonly Threshold[];
  /** Conditions checked throughout: the first that is crossed ends the run. */
  abortOn: readonly Threshold[];
  /** At least one. */
  images: readonly ClientImage[];
  serverAddresses: readonly string[];
  requestTimeoutMs: number;
  /** Default: no TLS. */
  secure?: Secure;
  metricsDir: string;
  /** The address that serves Prometheus metrics (host:port). */
  metricsAddress?: string;
  seed: number;
  /** The time that a server may take to answer before the run begins. */
  waitMs: number;
  /** Names for the banner. */
  names: { images: string; clientConfig: string };
  /** Lines printed before the banner. */
  notes: readonly string[];
  metadata: ProgramMetadata;
  clock: Clock;
  logLevel: LogLevel;
  /** Aborted by Ctrl-C: starts no more requests, those in flight count as interrupted. */
  signal: AbortSignal;
  /** The time at which `endSignal` is expected, for the bar and the banner. */
  expectedMs?: number;
  /** Aborted to end the run early: starts no more requests, those in flight end normally. */
  endSignal?: AbortSignal;
  /** Receives each request that ended and was due after the warm-up. */
  onMeasured?(record: RequestRecord): void;
  /** The display of progress, if any. */
  screen?: Screen;
  /** Default: a new one. */
  runId?: string;
  /** The earliest start of the load: Unix milliseconds of this machine. */
  startAtMs?: number;
}

/** The results of a run; field names as in its files. */
export interface StressReport {
  machine_id: number;
  run_id: string;
  seed: number;
  num_clients: number;
  /** A closed loop hides stalls: while a client waits it sends nothing. */
  loop: Loop;
  /** Unix milliseconds. */
  started_at: number;
  test_duration_secs: number;
  interrupted: boolean;
  /** Undecided: the run ended before they ended, or before they were sent. */
  interrupted_requests: number;
  unsent_requests: number;
  /** Percent of all requests that were due, with undecided ones as failed; null if none was due. */
  failure_rate_max: number | null;
  /** Successes, and requests due, by the seconds from the first one due after the warm-up to the end of the run. */
  goodput_per_s: number;
  attempted_per_s: number;
  /** Also in the warm-up. */
  wrong_carriers: number;
  /** By the id of the server that sent them; 0: of unknown servers. */
  wrong_carriers_by_server: Record<string, number>;
  /** Totals of those that ended, and latencies of the successes, without the warm-up; from when they were due. */
  aggregated_stats: AggregatedStats;
  /** Latencies of all requests that were due: thresholds use these (src/core/metrics/population.ts). */
  all_stats: LatencyFigures;
  /** Latencies of successes, from the send. */
  service_stats: LatencyFigures;
  /** No figure includes requests that were due within this time of `started_at`. */
  warmup_secs: number;
  thresholds: ThresholdResult[];
  /** The threshold that ended the run, with its value at that time. */
  aborted_by: ThresholdResult | null;
  /** The state of this process. */
  generator: GeneratorSummary;
  metrics_dir: string;
  /** The folder to which the files of an earlier run were moved. */
  previous_dir: string | null;
  /** The reason that files are missing or incomplete (a full disk). */
  problem: string | null;
  /** False if no client heard from any server, even if the first probe was answered. */
  reached: boolean;
}
