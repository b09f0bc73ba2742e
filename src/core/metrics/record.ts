/**
 * The records of a run, one JSON object per line. Times are Unix milliseconds with fractions from a monotonic clock
 * anchored once to the wall clock; latencies are milliseconds with fractions.
 */
import type { DownReason } from '../election/failure-detector';
import type { TaskName } from '../protocol';

export type FailureReason =
  | 'Connection refused'
  | `Request timeout after ${number}s`
  | 'Server unavailable during reassignment polling'
  | 'No leader available'
  | 'Server overloaded'
  | 'Verification failed'
  | `Never sent: no client was free for ${number}s`
  | `Server error: ${string}`;

/** The reason of a request that is `interrupted` because its client stood still, so that nobody can judge it. */
export type UndecidedReason = `The client stood still for ${number}s`;

/**
 * A request that is `interrupted` or `unsent` is undecided: it was in flight, or waiting for a client, at the end of the
 * run, or while the process of the clients stood still. One that waited too long for a client is a `failure`.
 */
export const OUTCOMES = ['success', 'failure', 'interrupted', 'unsent'] as const;
export type RequestOutcome = (typeof OUTCOMES)[number];

/**
 * A line of metrics/machine_{n}_requests.ndjson, the source of all results of a run. Field order is part of the format
 * (fast readers scan for it).
 */
export interface RequestRecord {
  client_id: number;
  request_id: number;
  /** The intended start. */
  start_time: number;
  /** Time from the intended start to the last byte of a carrier that verified. */
  latency_ms: number;
  /** Time from the actual send. */
  service_ms: number;
  success: boolean;
  failure_reason: string | null;
  assigned_server_id: number | null;
  retry_count: number;
  hedged: boolean;
  bytes_sent: number;
  bytes_received: number;
  image: string;
  term: number;
  outcome: RequestOutcome;
  run_id: string;
  /**
   * The ids of the servers that answered it with a wrong carrier, in order, whatever became of it then; null for an
   * unknown id. Missing if there were none, and in files of older versions: there a wrong carrier is the failure.
   */
  wrong_carriers?: (number | null)[];
}

export interface ServerSample {
  /** CPU of the whole machine, all cores and programs: an input of the load score. */
  cpu_percent: number;
  memory_bytes: number;
  active: number;
  queued: number;
  /** Tasks in the ledger, for all servers; zero when the cluster is idle. */
  ledger: number;
  event_loop_delay_ms: number;
}

/**
 * The offsets between a machine's clocks, as one of its processes sees them: written at its start, and again whenever
 * the clock by which it records and the wall clock have drifted apart. Milliseconds.
 */
export interface ClockNote {
  /** The advance of the wall clock since the last note of this process; null for its first note. */
  by_ms: number | null;
  /** The lead of the wall clock over `time`. */
  ahead_ms: number;
  /** Time since boot, without suspension: one clock for all processes of the machine, never set. */
  machine_ms: number;
  /** Total time that the machine has been suspended since boot; exact to about 10 ms. */
  suspended_ms: number;
  /** Identifies this boot of the machine; null if unknown, `machine_ms` is then local to this process. */
  boot_id: string | null;
}

/** A clock note as a line of fault_events.ndjson; in machine_{n}_generator.ndjson it also has a `run_id`. */
export type ClockLine = { time: number; event: 'clock'; run_id?: string } & ClockNote;

/** An event of a server, before `time` and `server_id` are added. */
export type ServerEventBody =
  | { event: 'started'; incarnation: string; address: string }
  | { event: 'ready' }
  | { event: 'election'; term: number; reason: string }
  /** This server's leader is now `leader_id` (itself, when it leads). */
  | { event: 'leader'; term: number; leader_id: number; reason: string }
  | { event: 'stepped_down'; term: number; leader_id: number | null; reason: string }
  | { event: 'peer_up'; peer_id: number }
  | { event: 'peer_down'; peer_id: number; reason: DownReason | 'leaving' }
  /** Told once: it was never reached since the start, or it is heard for long and does not hear this server. */
  | { event: 'peer_stranded'; peer_id: number; how: 'never_reached' | 'deaf' }
  | { event: 'resumed'; late_ms: number }
  | { event: 'overloaded'; reason: string }
  /** The peer lists of two servers do not match. */
  | { event: 'mismatch'; reason: string }
  | { event: 'stopping' }
  | { event: 'stopped' }
  | ({ event: 'clock' } & ClockNote)
  | ({ event: 'assigned'; term: number; to: number } & TaskName)
  | ({ event: 'executed'; outcome: string; incarnation: string } & TaskName)
  | ({ event: 'sample' } & ServerSample)
  /** Number of events of each kind that did not fit in the file since the last `left_out` event. */
  | { event: 'left_out'; counts: Record<string, number> };

/** A line of server_{id}_events.ndjson. */
export type ServerEvent = { time: number; server_id: number } & ServerEventBody;

export type FaultAction =
  'kill' | 'terminate' | 'pause' | 'resume' | 'partition' | 'delay' | 'loss' | 'heal' | 'restart';

/** A line of machine_{n}_generator.ndjson, one per second: the state of the process that generates the load. */
export interface GeneratorSample {
  time: number;
  run_id: string;
  /** Percent of one core; all threads together may exceed 100. */
  cpu_percent: number;
  memory_bytes: number;
  /** The longest in this second. */
  event_loop_delay_ms: number;
  /** The share of this second during which the event loop was busy. */
  event_loop_utilization_percent: number;
  in_flight: number;
  /** Carriers that have begun to arrive and are not fully verified. */
  verification_backlog: number;
  /** Requests sent in this second, and how many of them were sent more than LATE_SEND_MS after they were due. */
  sent: number;
  late_sends: number;
  /** Total delay of the late ones. */
  late_total_ms: number;
  /** Requests that ended in this second as success or failure, and the sum of their latencies. */
  ended: number;
  latency_total_ms: number;
}

/**
 * A request sent later than this because its generator was late is a late send. One that is late because its virtual
 * client was still busy is not: the cluster caused that delay.
 */
export const LATE_SEND_MS = 10;

/** The program that ran, where, and with which options. */
export interface ProgramMetadata {
  command_line: readonly string[];
  version: string;
  node_version: string;
  host: string;
  cores: number;
  /** The settings resolved from flags and file, under the keys of the file. */
  config: object;
}

/** Everything needed to repeat a run. */
export interface RunFile extends ProgramMetadata {
  run_id: string;
  seed: number;
  /** Unix milliseconds; `ended_at` is null while it runs. */
  started_at: number;
  ended_at: number | null;
}

/**
 * The cause for which a load sent no more requests: its plan was done; the caller had seen enough (`run`, when the faults
 * are over); a threshold of `abort_on`; Ctrl-C; files that could not be written.
 */
export const LOAD_ENDS = ['plan', 'caller', 'threshold', 'interrupt', 'error'] as const;
export type LoadEnd = (typeof LOAD_ENDS)[number];

/** machine_{n}_run.json: the load of one machine. Written at the start, and again at the end. */
export interface StressRunFile extends RunFile {
  machine_id: number;
  /** Requests that start within this time belong to the warm-up. */
  warmup_secs: number;
  /** null while it runs; missing in the files of older versions. */
  ended_by?: LoadEnd | null;
}

/** A line of fault_events.ndjson. */
export interface FaultEvent {
  time: number;
  cycle: number;
  server_id: number;
  host: string;
  action: FaultAction;
  outcome: 'started' | 'done' | 'failed';
  pid: number | null;
  detail: string | null;
}
