/** The fault simulation of a run over SSH. */
import type { FaultServer } from '../../config/faults-config';
import type { RunConfig } from '../../config/run-config';
import type { Clock } from '../../core/environment';
import { pause } from '../../core/system/pause';
import { type FaultsReport, type SimulateOptions, simulateFaults } from '../../faults/session/simulate';
import type { Screen } from '../../stress/screen';
import type { RunRecorder } from '../recorder';
import type { RemoteTls } from './files.pure';

export interface RemoteFaultsOptions {
  config: RunConfig;
  servers: FaultServer[];
  /** The start of the load; unix milliseconds. */
  startAtMs: number;
  program: SimulateOptions['program'];
  /** The probe of `--abort-when` is a client like those of the load. */
  tls?: RemoteTls;
  recorder: RunRecorder;
  clock: Clock;
  signal: AbortSignal;
  screen?: Screen;
  /** Called before the first output of the faults. */
  begin(): void;
  onSeen: SimulateOptions['onSeen'];
}

/** Injects the faults of a run through the agents on its machines; null without faults. @throws ClusterError */
export async function breakServers(options: RemoteFaultsOptions): Promise<FaultsReport | null> {
  const { config, servers, startAtMs, program, tls, recorder, clock, signal, screen, begin, onSeen } = options;
  const { firstMs, ...faults } = config.faults;
  await pause(Math.max(0, startAtMs + firstMs - clock.unixMs()), signal);
  if (faults.spec.cycles === 0 || signal.aborted) return null;
  begin();
  return simulateFaults({
    config: { servers, ...faults, ...recorder.faultFiles, tls: config.lab?.tls },
    program,
    clock,
    signal,
    onSeen,
    secure: tls && new (await import('../../core/transport/tls')).Secure(tls.client),
    // A lost connection to an agent does not end a run.
    onAgentLost: (reason) => recorder.say(`${reason}; it heals its faults, and a new agent replaces it`),
    display: screen && { write: (text: string) => screen.print(text.replace(/\n$/, '')) },
  });
}
