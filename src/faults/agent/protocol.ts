import type { FaultServer } from '../../config/faults-config';
import type { FaultKind } from '../../core/fault-kinds';
import type { StatusFields } from '../../core/protocol';
import type { Fault, Found, ServerProcess } from '../driver';

/** A server as the agent is told of it; paths as in faults.toml. */
export type AgentServer = Pick<FaultServer, 'id' | 'config' | 'workDir' | 'binary' | 'command'>;

/** What an agent says of its machine. */
export interface Hello {
  version: string;
  pid: number;
  /** null: its faults can be performed. Otherwise why not, by kind. */
  unable: Partial<Record<FaultKind, string>>;
  servers: ServerReport[];
}

/** One server before the first fault. */
export interface ServerReport {
  id: number;
  /** What is wrong with its configuration or program (a mistake in faults.toml), its process, or that others break it. */
  problems: { kind: 'config' | 'state' | 'lock'; text: string }[];
  /** Where others reach it (host:port), or the port alone, at its machine's address. */
  advertised: string | number | null;
  /** It speaks TLS only. */
  isSecure: boolean;
}

/** What the controller can ask of an agent: a line of JSON `{id, verb, …}` each, answered by `{id, ok}` or `{id, error}`. */
export interface Verbs {
  /** First of all, once: takes the locks of these servers, unless one has a problem. `kinds`: those of the plan. */
  hello: [{ servers: AgentServer[]; kinds: FaultKind[] }, Hello];
  /** Its clock, unix milliseconds; also what keeps it calm when nothing else is said. */
  time: [object, number];
  find: [{ server: number }, Found | null];
  status: [{ server: number }, StatusFields | null];
  /** Answered with what was not as it should be. */
  break: [{ server: number; process: ServerProcess; fault: Fault; healWithinMs: number }, string | null];
  mend: [{ server: number; kind: FaultKind; process: ServerProcess }, ServerProcess];
  /** Starts it as the agent's own user. */
  start: [{ server: number }, ServerProcess];
  /** Ends it for good: nobody starts it again. */
  stop: [{ server: number; process: ServerProcess }, string | null];
}

export type Verb = keyof Verbs;

export type Request = { [V in Verb]: { id: number; verb: V } & Verbs[V][0] }[Verb];

export type Reply = { id: number; ok: unknown } | { id: number; error: { code: 'refused' | 'bug'; message: string } };

/** An agent that hears nothing for so long heals what it broke, and ends. */
export const SILENCE_MS = 15_000;
/** A line of either side; more is nonsense. */
export const MAX_LINE_CHARS = 1_000_000;
