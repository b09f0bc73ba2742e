import type { DownReason } from '../election/failure-detector';
import type { TaskName } from '../protocol';

/**
 * The records that a run leaves, one JSON object a line. Times are unix milliseconds with fractions from a monotonic
 * clock anchored once to the wall clock; latencies are milliseconds with fractions.
 */

export type FailureReason =
  | 'Connection refused'
  | `Request timeout after ${number}s`
  | 'Server unavailable during reassignment polling'
  | 'No leader available'
  | 'Server overloaded'
  | 'Verification failed'
  | `Server error: ${string}`;

/** `interrupted` and `unsent` are in no total: the user stopped the run. */
export type RequestOutcome = 'success' | 'failure' | 'interrupted' | 'unsent';

/** metrics/machine_{n}_requests.ndjson, the truth of a run. Field order is part of the format (fast readers scan for it). */
export interface RequestRecord {
  client_id: number;
  request_id: number;
  /** The intended start. */
  start_time: number;
  /** From the intended start to the last byte of a carrier that verified. */
  latency_ms: number;
  /** From the actual send. */
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
}

export interface ServerSample {
  /** Of its machine, all cores and programs: what the load score is made of. */
  cpu_percent: number;
  memory_bytes: number;
  active: number;
  queued: number;
  /** Tasks in the ledger, of every server; zero when the cluster is idle. */
  ledger: number;
  event_loop_delay_ms: number;
}

/**
 * How the clocks of a machine stand to each other, as a process of it sees them: written at its start, and again
 * whenever its own time, by which it records, and the wall clock have moved against each other. Milliseconds.
 */
export interface ClockNote {
  /** So much further ahead is the wall clock than at the last note of this process; null: this is its first. */
  by_ms: number | null;
  /** The wall clock is ahead of `time` by so much. */
  ahead_ms: number;
  /** Since the machine's start, without the time that it was suspended: one clock for all its processes, never set. */
  machine_ms: number;
  /** How long it has been suspended since its start; exact to 10 ms or so. */
  suspended_ms: number;
  /** Names this start of this machine; null: unknown, and `machine_ms` is of this process alone. */
  boot_id: string | null;
}

/** A note among the lines of fault_events.ndjson; among those of machine_{n}_generator.ndjson it has a `run_id`, too. */
export type ClockLine = { time: number; event: 'clock'; run_id?: string } & ClockNote;

/** One event of a server, before the shell adds `time` and `server_id`. */
export type ServerEventBody =
  | { event: 'started'; incarnation: string; address: string }
  | { event: 'ready' }
  | { event: 'election'; term: number; reason: string }
  /** This server's leader is now `leader_id` (itself, when it leads). */
  | { event: 'leader'; term: number; leader_id: number; reason: string }
  | { event: 'stepped_down'; term: number; leader_id: number | null; reason: string }
  | { event: 'peer_up'; peer_id: number }
  | { event: 'peer_down'; peer_id: number; reason: DownReason | 'leaving' }
  | { event: 'resumed'; late_ms: number }
  | { event: 'overloaded'; reason: string }
  /** The lists of peers of two servers do not fit together. */
  | { event: 'mismatch'; reason: string }
  | { event: 'stopping' }
  | { event: 'stopped' }
  | ({ event: 'clock' } & ClockNote)
  | ({ event: 'assigned'; term: number; to: number } & TaskName)
  | ({ event: 'executed'; outcome: string; incarnation: string } & TaskName)
  | ({ event: 'sample' } & ServerSample)
  /** So many events of each kind had no room in the file since the last time that this was said. */
  | { event: 'left_out'; counts: Record<string, number> };

/** server_{id}_events.ndjson */
export type ServerEvent = { time: number; server_id: number } & ServerEventBody;

export type FaultAction =
  'kill' | 'terminate' | 'pause' | 'resume' | 'partition' | 'delay' | 'loss' | 'heal' | 'restart';

/** machine_{n}_generator.ndjson, a line a second: how the process that makes the load does itself. */
export interface GeneratorSample {
  time: number;
  run_id: string;
  /** Of one core; all threads together may use more than 100. */
  cpu_percent: number;
  memory_bytes: number;
  /** The longest of this second. */
  event_loop_delay_ms: number;
  /** The share of this second in which the event loop had something to do. */
  event_loop_utilization_percent: number;
  in_flight: number;
  /** Carriers that have begun to arrive and are not verified to their end. */
  verification_backlog: number;
  /** Requests that left in this second, and those of them that left more than LATE_SEND_MS after they were due. */
  sent: number;
  late_sends: number;
  /** How late the late ones were, added up. */
  late_total_ms: number;
  /** Requests that ended in this second as success or failure, and their latencies, added up. */
  ended: number;
  latency_total_ms: number;
}

/**
 * A request that leaves later than this because its generator was late is a late send. One that is late because its
 * virtual client was still busy is none: that is the cluster's doing.
 */
export const LATE_SEND_MS = 10;

/** The program that did something, where, and how it was asked. */
export interface ProgramFacts {
  command_line: readonly string[];
  version: string;
  node_version: string;
  host: string;
  cores: number;
  /** As resolved from flags and file, by the keys of the file. */
  config: object;
}

/** What it takes to do the same run again. */
export interface RunFile extends ProgramFacts {
  run_id: string;
  seed: number;
  /** Unix milliseconds; `ended_at` is null while it runs. */
  started_at: number;
  ended_at: number | null;
}

/** machine_{n}_run.json: the load of one machine. Written at the start, and again at the end. */
export interface StressRunFile extends RunFile {
  machine_id: number;
  /** What starts within so long is not steady. */
  warmup_secs: number;
}

/** fault_events.ndjson */
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
