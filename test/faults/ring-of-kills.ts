import type { FaultSpec } from '../../src/config/faults-spec';

/** A ring of kills, the guide's, with the defaults of everything else. */
export function ringOfKills(times: Pick<FaultSpec, 'cycles' | 'intervalMs' | 'restartDelayMs'>): FaultSpec {
  return {
    ...{ ...times, pattern: 'ring', kinds: [{ kind: 'kill', weight: 1 }], target: 'all', count: 1, seed: 0 },
    ...{ partitionFrom: 'both', delayMs: 0, jitterMs: 0, lossPercent: 0 },
  };
}
