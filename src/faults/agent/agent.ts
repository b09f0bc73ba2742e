/** The fault agent: injects faults into servers of its machine for a controller, which sends it lines of JSON. */
import type { Readable, Writable } from 'node:stream';
import type { Clock } from '../../core/environment';
import { ClusterError } from '../../core/errors';
import type { FaultKind } from '../../core/fault-kinds';
import { logLine } from '../../core/log-line';
import { ownKernelStart } from '../../files/kernel-start';
import type { Driver, ServerProcess } from '../driver';
import { localDriver } from '../drivers/local';
import type { LocalServer } from '../drivers/local-server';
import { unableTo } from '../drivers/network/abilities';
import { appendToLog } from '../drivers/server-log';
import { refused } from '../refusal';
import { type AdmissionOptions, AdmittedServers } from './admission';
import { streamLines } from './lines';
import {
  type AgentServer,
  type Hello,
  MAX_LINE_CHARS,
  type Reply,
  type Request,
  type ServerReport,
  SILENCE_MS,
} from './protocol.pure';
import { Watchdog } from './watchdog';

export interface AgentOptions extends AdmissionOptions {
  /** Ends when the controller is gone. */
  input: Readable;
  output: Writable;
  /** The version of this program. */
  version: string;
  clock: Clock;
  /** Aborted by SIGTERM. */
  signal: AbortSignal;
  /** Replaces the driver in tests. */
  driverOf?(servers: readonly LocalServer[]): Driver;
  silenceMs?: number;
}

/**
 * Answers the requests of a controller (./protocol.pure) until it is gone or silent for `silenceMs`, or `signal` is
 * aborted; then heals its faults and resolves.
 */
export async function runAgent(options: AgentOptions): Promise<void> {
  const { input, output, signal, silenceMs = SILENCE_MS } = options;
  const agent = new Agent(options);
  // When the reader is gone, the input ends, too.
  output.on('error', () => undefined);
  const reason = await new Promise<string>((resolve) => {
    let timer = setTimeout(() => undefined, 0);
    const expectMore = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => resolve(`the controller was silent for ${silenceMs / 1000} s`), silenceMs);
    };
    const onLine = (line: string): void => {
      expectMore();
      void agent.answer(line).then((reply) => reply !== null && output.write(`${JSON.stringify(reply)}\n`));
    };
    expectMore();
    signal.addEventListener('abort', () => resolve('the fault agent was told to end'), { once: true });
    streamLines(input, MAX_LINE_CHARS, onLine, () => {
      clearTimeout(timer);
      resolve('the controller is gone');
    });
  });
  await agent.end(reason);
}

class Agent {
  private readonly admitted: AdmittedServers;
  private driver: Driver = localDriver({ servers: [] });
  private watchdog = this.newWatchdog();
  /** Awaited before the end. */
  private greeting: Promise<Hello> | undefined;

  constructor(private readonly options: AgentOptions) {
    this.admitted = new AdmittedServers(options);
  }

  /** Returns null if the line is not a request. */
  async answer(line: string): Promise<Reply | null> {
    const request = requestOf(line);
    if (request === null) return null;
    const { id } = request;
    try {
      return { id, ok: (await this.perform(request)) ?? null };
    } catch (error) {
      const code = error instanceof ClusterError ? 'refused' : 'bug';
      return { id, error: { code, message: (error as Error).message } };
    }
  }

  async end(reason: string): Promise<void> {
    await this.greeting?.catch(() => undefined);
    await this.watchdog.healAll(reason);
    this.admitted.release();
  }

  private perform(request: Request): unknown {
    switch (request.verb) {
      case 'hello':
        if (this.greeting !== undefined) throw refused('the fault agent has already been greeted');
        return (this.greeting = this.hello(request.servers, request.kinds));
      case 'time':
        return this.options.clock.unixMs();
      case 'find':
        return this.driver.find(request.server);
      case 'status':
        return this.driver.status(request.server);
      case 'inject':
        return this.watchdog.inject(request.server, request.process, request.fault, request.healWithinMs);
      case 'heal':
        return this.watchdog.heal(request.server, request.kind, request.process);
      case 'start':
        return this.watchdog.heal(request.server, 'kill', ownProcess());
      case 'terminate':
        return this.driver.inject(request.server, request.process, { kind: 'terminate' }, 0);
      default:
        throw refused('the fault agent does not know this verb');
    }
  }

  private async hello(places: readonly AgentServer[], kinds: readonly FaultKind[]): Promise<Hello> {
    const { version, pid, driverOf = (servers) => localDriver({ servers }) } = this.options;
    const admitted = this.admitted;
    const reports: ServerReport[] = [];
    for (const place of places) reports.push(await admitted.admit(place));
    this.driver = driverOf(admitted.servers);
    this.watchdog = this.newWatchdog();
    for (const report of reports) await admitted.judgeState(report, kinds, this.driver);
    return { version, pid, unable: await unableTo(kinds, admitted.servers), servers: reports };
  }

  private newWatchdog(): Watchdog {
    return new Watchdog({
      driver: this.driver,
      say: (id, text) => this.note(id, text),
      note: (id, open) => this.admitted.note(id, open),
    });
  }

  /** Actions without a controller are logged in the server's own log. */
  private note(serverId: number, text: string): void {
    const server = this.admitted.serverOf(serverId);
    const line = logLine(new Date(this.options.clock.wallMs()), 'warn', `fault agent: ${text}`);
    try {
      appendToLog(server, line);
    } catch {
      // A full disk must not prevent the other heals.
    }
  }
}

function ownProcess(): ServerProcess {
  const { pid, geteuid, getegid } = process;
  return { pid, kernelStart: ownKernelStart() ?? '', uid: geteuid?.() ?? 0, gid: getegid?.() ?? 0 };
}

function requestOf(line: string): Request | null {
  try {
    const value: unknown = JSON.parse(line);
    const isRequest = typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'number';
    return isRequest ? (value as Request) : null;
  } catch {
    return null;
  }
}
