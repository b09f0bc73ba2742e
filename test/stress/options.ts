import { systemClock } from '../../src/core/system/system-clock';
import type { StressOptions } from '../../src/stress/options';
import { randomBytes } from '../imaging/pictures';

/** The options of a run: three clients of four requests each, unless `change` says otherwise. */
export function stressOptions(
  serverAddresses: readonly string[],
  change: Partial<StressOptions> & Pick<StressOptions, 'metricsDir'>,
): StressOptions {
  const pacing = { mode: 'closed_loop', minDelayMs: 0, maxDelayMs: 10 } as const;
  const images = ['a.png', 'b.png', 'c.png'].map((name, index) => ({ name, bytes: randomBytes(100 + index) }));
  return {
    machineId: 1,
    numClients: 3,
    requests: { pacing, totalRequests: 4, rampUpMs: 0 },
    images,
    seed: 5,
    warmupMs: 0,
    gracefulStopMs: 30_000,
    thresholds: [],
    abortOn: [],
    serverAddresses,
    requestTimeoutMs: 2000,
    waitMs: 5000,
    notes: [],
    names: { images: 'pictures', clientConfig: 'client.toml' },
    clock: systemClock,
    logLevel: 'debug',
    metadata: {
      command_line: ['cloudp2p', 'stress'],
      version: '0',
      node_version: process.version,
      host: 'here',
      cores: 2,
      config: { some: 'thing' },
    },
    signal: new AbortController().signal,
    ...change,
  };
}
