/** The fault simulation of a run, here or on other machines. */
import type { FaultServer } from '../config/faults-config';
import type { RunConfig } from '../config/run-config';
import { beginEmpty } from '../files/append';
import { type FaultsReport, type SimulateOptions, simulateFaults } from '../faults/session/simulate';
import type { Screen } from '../stress/screen';
import type { RunRecorder } from './recorder';

export interface InjectFaultsOptions extends Omit<SimulateOptions, 'config' | 'display'> {
  config: RunConfig;
  servers: readonly FaultServer[];
  /** Resolves when the first fault may begin, or the signal is aborted. */
  untilFirst(signal: AbortSignal): Promise<void>;
  recorder: RunRecorder;
  screen?: Screen;
  /** Called before the first output of the faults. */
  begin(): void;
}

/** Injects and heals the faults of a run; null without faults. @throws ClusterError */
export async function injectFaults(options: InjectFaultsOptions): Promise<FaultsReport | null> {
  const { config, servers, untilFirst, recorder, screen, begin, ...session } = options;
  const { firstMs: _before, ...faults } = config.faults;
  await untilFirst(session.signal);
  // An empty file tells the report that no fault was made.
  if (faults.spec.cycles === 0) await beginEmpty(recorder.faultFiles.eventsFile);
  if (faults.spec.cycles === 0 || session.signal.aborted) return null;
  begin();
  return simulateFaults({
    ...session,
    config: { servers: [...servers], ...faults, ...recorder.faultFiles, tls: config.lab?.tls },
    display: screen && { write: (text: string) => screen.print(text.replace(/\n$/, '')) },
  });
}
