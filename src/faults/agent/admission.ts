/** The servers that a fault agent may affect: located, locked, and healed of what a killed agent left. */
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import type { ServerLocation } from '../../config/server-location';
import { ClusterError } from '../../core/errors';
import { type FaultKind, isHealedByStart, isOfNetwork } from '../../core/fault-kinds';
import { oneLine } from '../../core/printable';
import type { Driver } from '../driver';
import { localDriver } from '../drivers/local';
import type { LocalServer } from '../drivers/local-server';
import { healNetwork, toolsFor } from '../drivers/network/impairment';
import { mayAdministerNetwork } from '../drivers/network/tools';
import { logFileOf, whyNoLog } from '../drivers/server-log';
import { nullIfRefused, reasonOf, refused } from '../refusal';
import { type Lock, type OpenFault, takeLock } from './lock';
import type { AgentServer, ServerReport } from './protocol.pure';

export interface AdmissionOptions {
  pid: number;
  /** Unix milliseconds. */
  startMs: number;
  /** Reads a server's own configuration. @throws ClusterError if it is missing or invalid */
  locate(server: AgentServer): ServerLocation;
}

export class AdmittedServers {
  readonly servers: LocalServer[] = [];
  private readonly locks = new Map<number, Lock>();

  constructor(private readonly options: AdmissionOptions) {}

  /** Locates a server and takes its lock. */
  async admit(place: AgentServer): Promise<ServerReport> {
    const { pid, startMs } = this.options;
    const report: ServerReport = { id: place.id, problems: [], advertised: null, isSecure: false };
    let server: LocalServer;
    try {
      server = this.locate(place);
    } catch (error) {
      report.problems.push({ kind: 'config', text: reasonOf(error) });
      return report;
    }
    this.servers.push(server);
    report.advertised = server.advertised ?? server.address.port;
    report.isSecure = server.tls !== null;
    try {
      const lock = await takeLock(server.pidFile, { pid, startMs });
      this.locks.set(server.id, lock);
      if (lock.wasStale) await cleanUpAfterDead(server, lock);
    } catch (error) {
      report.problems.push({ kind: 'lock', text: reasonOf(error) });
    }
    return report;
  }

  /** Adds problems of the server itself that prevent the plan. */
  async judgeState({ id, problems }: ServerReport, kinds: readonly FaultKind[], driver: Driver): Promise<void> {
    if (problems.length > 0) return;
    const say = (text: string): void => void problems.push({ kind: 'state', text });
    try {
      const found = await driver.find(id);
      if (found === null) return say('it is not running');
      if (found.isPaused) say('its process is stopped (SIGSTOP)');
      if (!kinds.every(isOfNetwork) && !maySignal(found.pid)) {
        say(`its process ${found.pid} belongs to another user: only that user or root may signal it`);
      }
      const server = this.serverOf(id);
      const noLog = kinds.some(isHealedByStart) ? whyNoLog(server) : undefined;
      if (noLog !== undefined) {
        say(`cannot write ${oneLine(logFileOf(server))}, the log of the server after a restart: ${noLog}`);
      }
    } catch (error) {
      say(reasonOf(error));
    }
  }

  serverOf(id: number): LocalServer {
    return this.servers.find((server) => server.id === id)!;
  }

  /** Records the active fault of a server in its lock; null if there is none. */
  note(id: number, open: OpenFault | null): void {
    this.locks.get(id)?.note(open);
  }

  /** Releases the locks, so that another agent may inject faults into these servers. */
  release(): void {
    for (const lock of this.locks.values()) lock.release();
  }

  private locate(place: AgentServer): LocalServer {
    const location = this.options.locate(place);
    const [program = '', ...rest] = place.command;
    const absolute = path.resolve(place.workDir, program);
    try {
      accessSync(absolute, constants.X_OK);
    } catch (error) {
      throw new ClusterError('bad_config', `its program ${place.binary} is not executable`, { cause: error });
    }
    return { ...place, host: '', command: [absolute, ...rest], ...location };
  }
}

/** Heals what the killed agent could not. */
async function cleanUpAfterDead(server: LocalServer, { left, note }: Lock): Promise<void> {
  if (left !== null && isOfNetwork(left.kind) && !mayAdministerNetwork()) {
    throw refused(`a fault agent that was killed left the fault "${left.kind}" on it: run this once as root`);
  }
  await healNetwork(server, left === null ? new Set() : await toolsFor(left.kind));
  const driver = localDriver({ servers: [server] });
  if (left?.kind === 'pause') await driver.heal(server.id, 'pause', left.process);
  const found = await driver.find(server.id).catch(nullIfRefused);
  if (found?.isPaused) await driver.heal(server.id, 'pause', found);
  if (found === null && left !== null && isHealedByStart(left.kind)) {
    await driver.heal(server.id, left.kind, left.process);
  }
  note(null);
}

function maySignal(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // A process that has just ended is reported elsewhere.
    return (error as NodeJS.ErrnoException).code !== 'EPERM';
  }
}
