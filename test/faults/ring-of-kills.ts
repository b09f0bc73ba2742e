import type { FaultSpec } from '../../src/config/faults-spec';

/** The guide's ring of kills, with defaults for everything else. */
export function ringOfKills(times: Pick<FaultSpec, 'cycles' | 'intervalMs' | 'restartDelayMs'>): FaultSpec {
  return {
    ...times,
    pattern: 'ring',
    kinds: [{ kind: 'kill', weight: 1 }],
    target: 'all',
    count: 1,
    seed: 0,
    partitionFrom: 'both',
    delayMs: 0,
    jitterMs: 0,
    lossPercent: 0,
  };
}
