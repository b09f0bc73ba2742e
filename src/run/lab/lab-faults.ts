import path from 'node:path';
import type { FaultServer } from '../../config/faults-config';
import type { RunConfig } from '../../config/run-config';
import type { Clock } from '../../core/environment';
import { pause } from '../../core/pause';
import type { Driver, ServerProcess } from '../../faults/driver';
import { openFaultSession } from '../../faults/fault-session';
import { type FaultsReport, type FaultSession, simulateFaults } from '../../faults/simulate';
import type { Screen } from '../../stress/screen';
import type { RunRecorder } from '../recorder';
import type { LabTls } from './files';

export interface LabFaultsOptions {
  config: RunConfig;
  servers: FaultServer[];
  /** The start of the load; unix milliseconds. */
  startAtMs: number;
  program: { version: string; command: readonly string[] };
  /** The probe of `--abort-when` is a client like those of the load. */
  tls?: LabTls;
  recorder: RunRecorder;
  /** The folder of the run. */
  folder: string;
  clock: Clock;
  signal: AbortSignal;
  screen?: Screen;
  /** Called before their first output. */
  begin(): void;
  /** Called with the process of a server as it is found or started, which changes after a kill. */
  onSeen(serverId: number, process: ServerProcess): void;
}

/** Injects the faults of a run through the agents on its machines; null without faults. @throws ClusterError */
export async function breakServers(options: LabFaultsOptions): Promise<FaultsReport | null> {
  const { config, servers, startAtMs, program, tls, recorder, folder, clock, signal, screen, begin, onSeen } = options;
  const { firstMs, ...faults } = config.faults;
  await pause(Math.max(0, startAtMs + firstMs - clock.unixMs()), signal);
  if (faults.spec.cycles === 0 || signal.aborted) return null;
  begin();
  const places = {
    ...{ logFile: recorder.faultsLog, eventsFile: recorder.faultsFile, logSource: '--out' },
    probeFile: path.join(folder, 'fault_probe.ndjson'),
  };
  const whole = { servers, ...faults, ...places, tls: config.lab?.tls };
  return simulateFaults({
    ...{ config: whole, clock, signal },
    prepare: async (stop) => {
      const secure = tls && new (await import('../../core/transport/tls')).Secure(tls.client);
      const session = await openFaultSession({ config: whole, program, clock, signal: stop, secure });
      return carryOn({ ...session, driver: watched(session.driver, onSeen) }, recorder);
    },
    display: screen && { write: (text: string) => screen.print(text.replace(/\n$/, '')) },
  });
}

/** Wraps a driver to report every process that it sees. */
export function watched(driver: Driver, onSeen: LabFaultsOptions['onSeen']): Driver {
  return {
    ...driver,
    find: async (...args) => {
      const found = await driver.find(...args);
      if (found !== null) onSeen(args[0], found);
      return found;
    },
    heal: async (...args) => {
      const process = await driver.heal(...args);
      onSeen(args[0], process);
      return process;
    },
  };
}

/**
 * A lost connection to an agent does not end a run: the agent heals its faults, and a new one is started when its servers
 * are the next targets.
 */
function carryOn(session: FaultSession, recorder: RunRecorder): FaultSession {
  const { abort, condition } = session;
  const onLost = (): void => {
    if (!condition?.aborted) recorder.say(`${String(abort!.reason)}; it heals its faults, and a new agent replaces it`);
  };
  abort?.addEventListener('abort', onLost, { once: true });
  return {
    ...session,
    abort: condition,
    end: async () => {
      abort?.removeEventListener('abort', onLost);
      await session.end?.();
    },
  };
}
