/** Time limits of the load of a run over SSH. */
import type { RunConfig } from '../../config/run-config';
import { expectedMs } from '../expected-duration.pure';
import { REQUEST_TIMEOUT_MS } from '../run-times.pure';

/** Reserve for restarts, slow machines and lost connections, in milliseconds. */
const MARGIN_MS = 5 * 60_000;

/** True if the load continues until the faults are over. */
export function isEndless({ stress }: Pick<RunConfig, 'stress'>): boolean {
  return stress.requests.totalRequests === undefined && stress.requests.durationMs === undefined;
}

/** Returns the time after its start by which a load must have ended. */
export function longestMs(config: RunConfig): number {
  const { requests, gracefulStopMs } = config.stress;
  const { totalRequests, durationMs, pacing } = requests;
  if (durationMs !== undefined) return durationMs + gracefulStopMs + MARGIN_MS;
  // Restarts and agreement of the cluster take time.
  if (totalRequests === undefined) return 2 * expectedMs(config) + MARGIN_MS;
  const eachMs = pacing.mode === 'rate' ? 1000 / pacing.ratePerSecond : pacing.maxDelayMs;
  const loops = pacing.mode === 'rate' ? totalRequests * config.stress.numClients : totalRequests;
  return loops * (eachMs + REQUEST_TIMEOUT_MS) + requests.rampUpMs + MARGIN_MS;
}
