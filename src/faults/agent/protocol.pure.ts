/** The protocol between a controller and its fault agents. */
import type { FaultServer } from '../../config/faults-config';
import type { FaultKind } from '../../core/fault-kinds';
import type { StatusFields } from '../../core/protocol';
import type { Fault, Found, ServerProcess } from '../driver';

/** A server as described to the agent; paths as in faults.toml. */
export type AgentServer = Pick<FaultServer, 'id' | 'config' | 'workDir' | 'binary' | 'command'>;

/** An agent's report on its machine. */
export interface Hello {
  version: string;
  pid: number;
  /** By kind, the reason why the fault is not possible; absent if it is. */
  unable: Partial<Record<FaultKind, string>>;
  servers: ServerReport[];
}

/** The state of one server before the first fault. */
export interface ServerReport {
  id: number;
  /** Problems of its configuration or program (an error in faults.toml), of its process, or with its lock. */
  problems: { kind: 'config' | 'state' | 'lock'; text: string }[];
  /** The address for others (host:port), or only the port, at the address of its machine. */
  advertised: string | number | null;
  /** True if it requires TLS. */
  isSecure: boolean;
}

/** The requests to an agent: one line of JSON `{id, verb, …}` each, answered by `{id, ok}` or `{id, error}`. */
export interface Verbs {
  /** The first request: takes the locks of these servers, if their configuration is valid. `kinds`: those of the plan. */
  hello: [{ servers: AgentServer[]; kinds: FaultKind[] }, Hello];
  /** Returns its clock in unix milliseconds; also serves as a keep-alive. */
  time: [object, number];
  find: [{ server: number }, Found | null];
  status: [{ server: number }, StatusFields | null];
  /** Answered with a warning, or null. */
  inject: [{ server: number; process: ServerProcess; fault: Fault; healWithinMs: number }, string | null];
  heal: [{ server: number; kind: FaultKind; process: ServerProcess }, ServerProcess];
  /** Starts it as the agent's own user. */
  start: [{ server: number }, ServerProcess];
  /** Terminates it for good, without a restart. */
  terminate: [{ server: number; process: ServerProcess }, string | null];
}

export type Verb = keyof Verbs;

export type Request = { [V in Verb]: { id: number; verb: V } & Verbs[V][0] }[Verb];

export type Reply = { id: number; ok: unknown } | { id: number; error: { code: 'refused' | 'bug'; message: string } };

/** Watchdog: an agent that hears nothing for this long heals its faults and ends. Milliseconds. */
export const SILENCE_MS = 15_000;
/** The limit for a line of either side. */
export const MAX_LINE_CHARS = 1_000_000;
