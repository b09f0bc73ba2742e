/** The inputs and effects of a Member: all that passes between a server's state machine and the shell around it. */
import type { LoadSample } from '../../core/election/priority';
import type { ServerEventBody } from '../../core/metrics/record';
import type { Message, MessageOf } from '../../core/protocol';

/** No client waits longer, and sums with larger values lose precision. */
export const MAX_TIMEOUT_MS = 24 * 3_600_000;
/** After a pause of this process its sockets are read for this long, in ms, before anything is done. */
export const READ_FIRST_MS = 10;

/** A connection from a client or a peer that this server accepted. */
export type ConnId = number;

/** The inputs of a Member. Image bytes never enter it: the shell keeps them under `executionId`. */
export type Input =
  | { type: 'start' }
  | { type: 'tick' }
  | { type: 'linkOpened'; peerId: number; link: number }
  | { type: 'linkClosed'; peerId: number; link: number; refused: boolean }
  | { type: 'linkMessage'; peerId: number; link: number; message: Message }
  /** A known message of the peer with a field that no server would send; it is ignored. */
  | { type: 'linkNonsense'; peerId: number; link: number; problem: string }
  /** `secretBytes`: of a task, whose secret has arrived. */
  | { type: 'connMessage'; conn: ConnInfo; message: Message; executionId?: number; secretBytes?: number }
  /** A large secret begins to arrive: time to refuse it. */
  | { type: 'taskHead'; conn: ConnInfo; message: TaskMessage; secretBytes: number }
  | { type: 'connClosed'; connId: ConnId }
  /** The addresses to which the host of a peer's address was resolved. */
  | { type: 'peerHosts'; peerId: number; hosts: readonly string[] }
  | { type: 'executed'; executionId: number; outcome: ExecutionOutcome }
  /** The cover is decoded: tasks are accepted from now on. */
  | { type: 'prepared' }
  | { type: 'load'; sample: LoadSample }
  /** SIGTERM: hand over, finish running tasks, then `stopped`. */
  | { type: 'leave' };

export interface ConnInfo {
  id: ConnId;
  /** The local end of the connection, host:port: reported to clients if the server listens on every address. */
  localAddress: string;
  /** Without the port: replaces the run id of clients that send none. */
  remoteHost: string;
}

export type ExecutionOutcome = 'answered' | 'failed' | 'cancelled';

/** The effects that a Member requests. The shell performs them in order. */
export type Effect =
  | { type: 'dial'; peerId: number; link: number }
  | { type: 'drop'; peerId: number; link: number }
  | { type: 'sendLink'; peerId: number; link: number; message: Message }
  /** Sends the same messages to every connection, one write each. */
  | { type: 'send'; connIds: ConnId[]; messages: Message[] }
  /** Closes a connection to make room for another one. */
  | { type: 'close'; connId: ConnId }
  /** Hides the held secret and streams the response to `connId`; the end is reported as `executed`. */
  | { type: 'execute'; executionId: number; connId: ConnId; requestId: number; deadlineMs: number }
  /** Frees the held bytes; a running execution stops. */
  | { type: 'discard'; executionId: number }
  | { type: 'event'; event: ServerEventBody }
  /** The last effect. Responses in flight may take until `untilMs`; then all connections close. */
  | { type: 'stopped'; untilMs: number };

export interface Timings {
  heartbeatMs: number;
  failureTimeoutMs: number;
  electionTimeoutMs: number;
}

export interface MemberConfig {
  id: number;
  /** The address reported to clients; null: the one at which each of them reached us. */
  address: string | null;
  peers: readonly { id: number; address: string }[];
  timings: Timings;
  workers: number;
  queueLimit: number;
  /** 64 random bits in hex, new at every start. */
  incarnation: string;
  version: string;
  /** Random at every start: answers to a previous incarnation carry other ids. */
  firstCheckId: number;
  /** Time that a leaving server has to finish running tasks. */
  drainMs: number;
}

/**
 * Both clocks at one moment: monotonic for every decision, Unix for reports and for the limit on terms, which only a
 * forged term exceeds (core/election/term.ts).
 */
export interface Now {
  nowMs: number;
  unixMs: number;
}

export type TaskMessage = MessageOf<'TaskRequest'>;
