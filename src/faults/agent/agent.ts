import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { ServerLocation } from '../../config/faults-config';
import type { Clock } from '../../core/environment';
import { ClusterError } from '../../core/errors';
import { type FaultKind, isHealedByStart, isOfNetwork } from '../../core/fault-kinds';
import { logLine } from '../../core/log-line';
import { oneLine } from '../../core/printable';
import { localDriver } from '../drivers/local';
import type { LocalServer } from '../drivers/local-server';
import { unableTo } from '../drivers/network/abilities';
import { healNetwork, toolsFor } from '../drivers/network/network';
import { mayAdministerNetwork } from '../drivers/network/tools';
import { appendToLog, logFileOf, whyNoLog } from '../drivers/server-log';
import { ownKernelStart } from '../../files/kernel-start';
import type { Driver, ServerProcess } from '../driver';
import { nullIfRefused, reasonOf, refused } from '../refusal';
import { Watchdog } from './watchdog';
import { readLines } from './lines';
import { type Lock, takeLock } from './lock';
import {
  type AgentServer,
  type Hello,
  MAX_LINE_CHARS,
  type Reply,
  type Request,
  type ServerReport,
  SILENCE_MS,
} from './protocol';

export interface AgentOptions {
  /** Ends when the controller is gone. */
  input: Readable;
  output: Writable;
  /** The version of this program. */
  version: string;
  pid: number;
  clock: Clock;
  /** Unix milliseconds. */
  startMs: number;
  /** Reads a server's own configuration. @throws ClusterError if it is missing or invalid */
  locate(server: AgentServer): ServerLocation;
  /** Aborted by SIGTERM. */
  signal: AbortSignal;
  /** Replaces the driver in tests. */
  driverOf?(servers: readonly LocalServer[]): Driver;
  silenceMs?: number;
}

/**
 * Injects faults into servers of its machine for a controller, which sends it lines of JSON (./protocol). When the
 * controller is gone or silent for too long, it heals its faults and resolves.
 */
export async function runAgent(options: AgentOptions): Promise<void> {
  const { input, output, signal, silenceMs = SILENCE_MS } = options;
  const agent = new Agent(options);
  // Without a reader its input ends, too.
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
    readLines(input, MAX_LINE_CHARS, onLine, () => {
      clearTimeout(timer);
      resolve('the controller is gone');
    });
  });
  await agent.end(reason);
}

class Agent {
  readonly #options: AgentOptions;
  #servers: LocalServer[] = [];
  /** Locks by server. */
  readonly #locks = new Map<number, Lock>();
  #driver: Driver = localDriver({ servers: [] });
  #watchdog = this.#newWatchdog();
  /** The end waits for it. */
  #greeting: Promise<Hello> | undefined;

  constructor(options: AgentOptions) {
    this.#options = options;
  }

  /** Returns null if the line is not a request. */
  async answer(line: string): Promise<Reply | null> {
    const request = requestOf(line);
    if (request === null) return null;
    const { id } = request;
    try {
      return { id, ok: (await this.#perform(request)) ?? null };
    } catch (error) {
      const code = error instanceof ClusterError ? 'refused' : 'bug';
      return { id, error: { code, message: (error as Error).message } };
    }
  }

  async end(reason: string): Promise<void> {
    await this.#greeting?.catch(() => undefined);
    await this.#watchdog.healAll(reason);
    for (const lock of this.#locks.values()) lock.release();
  }

  #perform(request: Request): unknown {
    switch (request.verb) {
      case 'hello':
        if (this.#greeting !== undefined) throw refused('the fault agent has already been greeted');
        return (this.#greeting = this.#hello(request.servers, request.kinds));
      case 'time':
        return this.#options.clock.unixMs();
      case 'find':
        return this.#driver.find(request.server);
      case 'status':
        return this.#driver.status(request.server);
      case 'break':
        return this.#watchdog.break(request.server, request.process, request.fault, request.healWithinMs);
      case 'mend':
        return this.#watchdog.heal(request.server, request.kind, request.process);
      case 'start':
        return this.#watchdog.heal(request.server, 'kill', ownProcess());
      case 'stop':
        return this.#driver.break(request.server, request.process, { kind: 'terminate' }, 0);
      default:
        throw refused('the fault agent does not know this verb');
    }
  }

  async #hello(places: readonly AgentServer[], kinds: readonly FaultKind[]): Promise<Hello> {
    const { version, pid, driverOf = (servers) => localDriver({ servers }) } = this.#options;
    const reports: ServerReport[] = [];
    for (const place of places) reports.push(await this.#admit(place));
    this.#driver = driverOf(this.#servers);
    this.#watchdog = this.#newWatchdog();
    for (const report of reports) await this.#judgeState(report, kinds);
    return { version, pid, unable: await unableTo(kinds, this.#servers), servers: reports };
  }

  #newWatchdog(): Watchdog {
    return new Watchdog({
      driver: this.#driver,
      say: (id, text) => this.#note(id, text),
      note: (id, open) => this.#locks.get(id)?.note(open),
    });
  }

  /** Locates a server and takes its lock. */
  async #admit(place: AgentServer): Promise<ServerReport> {
    const { pid, startMs } = this.#options;
    const report: ServerReport = { id: place.id, problems: [], advertised: null, isSecure: false };
    try {
      const server = this.#locate(place);
      report.advertised = server.advertised ?? server.address.port;
      report.isSecure = server.tls !== null;
      this.#servers.push(server);
    } catch (error) {
      report.problems.push({ kind: 'config', text: reasonOf(error) });
      return report;
    }
    const server = this.#servers.at(-1)!;
    try {
      const lock = await takeLock(server.pidFile, { pid, startMs });
      this.#locks.set(server.id, lock);
      if (lock.wasStale) await this.#cleanUpAfterDead(server, lock);
    } catch (error) {
      report.problems.push({ kind: 'lock', text: reasonOf(error) });
    }
    return report;
  }

  #locate(place: AgentServer): LocalServer {
    const location = this.#options.locate(place);
    const [program = '', ...rest] = place.command;
    const absolute = path.resolve(place.workDir, program);
    try {
      accessSync(absolute, constants.X_OK);
    } catch (error) {
      throw new ClusterError('bad_config', `its program ${place.binary} is not executable`, { cause: error });
    }
    return { ...place, host: '', command: [absolute, ...rest], ...location };
  }

  /** Heals what an agent that was killed could not. */
  async #cleanUpAfterDead(server: LocalServer, { left, note }: Lock): Promise<void> {
    if (left !== null && isOfNetwork(left.kind) && !mayAdministerNetwork()) {
      throw refused(`a fault agent that was killed left the fault "${left.kind}" on it: run this once as root`);
    }
    await healNetwork(server, left === null ? new Set() : await toolsFor(left.kind));
    const driver = localDriver({ servers: [server] });
    if (left?.kind === 'pause') await driver.heal(server.id, 'pause', left.process);
    const found = await driver.find(server.id).catch(nullIfRefused);
    if (found?.isStopped) await driver.heal(server.id, 'pause', found);
    if (found === null && left !== null && isHealedByStart(left.kind)) {
      await driver.heal(server.id, left.kind, left.process);
    }
    note(null);
  }

  /** Reports problems of the server itself that prevent the plan. */
  async #judgeState(report: ServerReport, kinds: readonly FaultKind[]): Promise<void> {
    if (report.problems.length > 0) return;
    const server = this.#servers.find(({ id }) => id === report.id)!;
    const say = (text: string): void => void report.problems.push({ kind: 'state', text });
    try {
      const found = await this.#driver.find(report.id);
      if (found === null) return say('it is not running');
      if (found.isStopped) say('its process is stopped (SIGSTOP)');
      if (!kinds.every(isOfNetwork) && !maySignal(found.pid)) {
        say(`its process ${found.pid} belongs to another user: only that user or root may signal it`);
      }
      const noLog = kinds.some(isHealedByStart) ? whyNoLog(server) : undefined;
      if (noLog !== undefined) {
        say(`cannot write ${oneLine(logFileOf(server))}, the log of the server after a restart: ${noLog}`);
      }
    } catch (error) {
      say(reasonOf(error));
    }
  }

  /** Actions without a controller are logged in the server's own log. */
  #note(serverId: number, text: string): void {
    const server = this.#servers.find(({ id }) => id === serverId)!;
    const line = logLine(new Date(this.#options.clock.wallMs()), 'warn', `fault agent: ${text}`);
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

function maySignal(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // A process that has just ended is reported elsewhere.
    return (error as NodeJS.ErrnoException).code !== 'EPERM';
  }
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
