/** The fault simulation of a run, here or on other machines. */
import type { FaultServer } from '../config/faults-config';
import type { RunConfig } from '../config/run-config';
import { pause } from '../core/system/pause';
import { type FaultsReport, type SimulateOptions, simulateFaults } from '../faults/session/simulate';
import type { Screen } from '../stress/screen';
import type { RunRecorder } from './recorder';

export interface InjectFaultsOptions extends Omit<SimulateOptions, 'config' | 'display'> {
  config: RunConfig;
  servers: readonly FaultServer[];
  /** The time until the first fault. */
  waitMs: number;
  recorder: RunRecorder;
  screen?: Screen;
  /** Called before the first output of the faults. */
  begin(): void;
}

/** Injects and heals the faults of a run; null without faults. @throws ClusterError */
export async function injectFaults(options: InjectFaultsOptions): Promise<FaultsReport | null> {
  const { config, servers, waitMs, recorder, screen, begin, ...session } = options;
  const { firstMs: _before, ...faults } = config.faults;
  await pause(waitMs, session.signal);
  if (faults.spec.cycles === 0 || session.signal.aborted) return null;
  begin();
  return simulateFaults({
    ...session,
    config: { servers: [...servers], ...faults, ...recorder.faultFiles, tls: config.lab?.tls },
    display: screen && { write: (text: string) => screen.print(text.replace(/\n$/, '')) },
  });
}
