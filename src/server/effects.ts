import type { LoadSample } from '../core/election/priority';
import type { ServerEventBody } from '../core/metrics/record';
import type { Message, MessageOf } from '../core/protocol';

/** A client's or a peer's connection that this server accepted. */
export type ConnId = number;

/** What happens to a Member. Image bytes never enter it: the shell keeps them under `executionId`. */
export type Input =
  | { type: 'start' }
  | { type: 'tick' }
  | { type: 'linkOpened'; peerId: number; link: number }
  | { type: 'linkClosed'; peerId: number; link: number; refused: boolean }
  | { type: 'linkMessage'; peerId: number; link: number; message: Message }
  /** A known message of the peer with a field that no server would send; nobody acts on it. */
  | { type: 'linkNonsense'; peerId: number; link: number; problem: string }
  | { type: 'connMessage'; conn: ConnInfo; message: Message; executionId?: number }
  | { type: 'connClosed'; connId: ConnId }
  /** The host of a peer's address was resolved to these. */
  | { type: 'peerHosts'; peerId: number; hosts: readonly string[] }
  | { type: 'executed'; executionId: number; outcome: ExecutionOutcome }
  /** The cover is decoded: tasks are welcome from now on. */
  | { type: 'prepared' }
  | { type: 'load'; sample: LoadSample }
  /** SIGTERM: hand over, finish what runs, then `stopped`. */
  | { type: 'leave' };

export interface ConnInfo {
  id: ConnId;
  /** Where the other side reached us, host:port: what a client is told when the server listens on every address. */
  localAddress: string;
  /** Without the port: stands in for the run id of clients that send none. */
  remoteHost: string;
}

export type ExecutionOutcome = 'answered' | 'failed' | 'cancelled';

/** What a Member wants done. The shell performs them in order. */
export type Effect =
  | { type: 'dial'; peerId: number; link: number }
  | { type: 'drop'; peerId: number; link: number }
  | { type: 'sendLink'; peerId: number; link: number; message: Message }
  /** The same messages to every connection, one write each. */
  | { type: 'send'; connIds: ConnId[]; messages: Message[] }
  /** Closes a connection that gives way to somebody else. */
  | { type: 'close'; connId: ConnId }
  /** Hide the held secret and stream the answer to `connId`; the end comes back as `executed`. */
  | { type: 'execute'; executionId: number; connId: ConnId; requestId: number; deadlineMs: number }
  /** The held bytes are not needed; if the execution runs, it stops. */
  | { type: 'discard'; executionId: number }
  | { type: 'event'; event: ServerEventBody }
  /** The last one. Answers that are on their way may take until `untilMs`; then all connections close. */
  | { type: 'stopped'; untilMs: number };

export interface Timings {
  heartbeatMs: number;
  failureTimeoutMs: number;
  electionTimeoutMs: number;
}

export interface MemberConfig {
  id: number;
  /** What clients are told; null: the address at which each of them reached us. */
  address: string | null;
  peers: readonly { id: number; address: string }[];
  timings: Timings;
  workers: number;
  queueLimit: number;
  /** 64 random bits in hex, new at every start. */
  incarnation: string;
  version: string;
  /** Random at every start: answers to a former life carry other ids. */
  firstCheckId: number;
  /** How long a leaving server finishes what runs. */
  drainMs: number;
}

/**
 * Both clocks at one moment: monotonic for every decision, unix for what is only told, and for the bound that no term
 * reaches but a forged one (core/election/term.ts).
 */
export interface Now {
  nowMs: number;
  unixMs: number;
}

export type TaskMessage = MessageOf<'TaskRequest'>;
