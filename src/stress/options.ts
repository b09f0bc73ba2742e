import type { ClientImage } from '../client/client';
import type { LoadShape } from '../config/load-settings';
import type { Clock, LogLevel } from '../core/environment';
import type { LatencyFigures } from '../core/metrics/latency-fold';
import type { ProgramFacts } from '../core/metrics/record';
import type { GeneratorSummary } from '../core/metrics/saturation';
import type { AggregatedStats } from '../core/metrics/summary';
import type { Threshold, ThresholdResult } from '../core/metrics/threshold';
import type { Secure } from '../core/transport/network';
import type { Screen } from './screen';

export interface StressOptions {
  machineId: number;
  numClients: number;
  requests: LoadShape;
  /** Requests that start within so long after the load began are not judged. */
  warmupMs: number;
  /** So long what is in flight may take after the end of `requests.durationMs`, after `enough`, and when it is aborted. */
  gracefulStopMs: number;
  /** What must hold at the end. */
  thresholds: readonly Threshold[];
  /** What must hold all the time: the first that does not ends the run. */
  abortOn: readonly Threshold[];
  /** At least one. */
  images: readonly ClientImage[];
  serverAddresses: readonly string[];
  requestTimeoutMs: number;
  /** Default: in the clear. */
  secure?: Secure;
  metricsDir: string;
  /** Where Prometheus may ask (host:port). */
  metricsAddress?: string;
  seed: number;
  /** How long a server may take to answer before the run begins. */
  waitMs: number;
  /** What the banner calls them. */
  names: { images: string; clientConfig: string };
  /** Lines to say before the banner. */
  notes: readonly string[];
  facts: ProgramFacts;
  clock: Clock;
  logLevel: LogLevel;
  /** Aborted by Ctrl-C: starts no more, what is in flight counts as interrupted. */
  signal: AbortSignal;
  /** When `enough` is expected, for the bar and the banner. */
  expectedMs?: number;
  /** Aborted when it is enough: starts no more, what is in flight ends as it does. */
  enough?: AbortSignal;
  /** Who reads along, if anybody does. */
  screen?: Screen;
  /** Default: a fresh one. */
  runId?: string;
  /** The load begins then, if that is not over: unix milliseconds of this machine. */
  startAtMs?: number;
}

/** What a run came to; field names as in its files. */
export interface StressReport {
  machine_id: number;
  run_id: string;
  seed: number;
  num_clients: number;
  /** Unix milliseconds. */
  started_at: number;
  test_duration_secs: number;
  interrupted: boolean;
  /** In no total: the run ended before they did, or before they were sent. */
  interrupted_requests: number;
  unsent_requests: number;
  /** Latencies count from the intended start. */
  aggregated_stats: AggregatedStats;
  /** Latencies from the send, of successes. */
  service_stats: LatencyFigures;
  /** Of what started after so long. */
  warmup_secs: number;
  thresholds: ThresholdResult[];
  /** The threshold that ended the run, as it was then. */
  aborted_by: ThresholdResult | null;
  /** How this process itself did. */
  generator: GeneratorSummary;
  metrics_dir: string;
  /** Where the files of an earlier run are now. */
  previous_dir: string | null;
  /** Why files are missing or not complete (a full disk). */
  problem: string | null;
  /** False: no server ever said a word to a client, whatever the first probe heard. */
  reached: boolean;
}
