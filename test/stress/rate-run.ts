import { readFileSync } from 'node:fs';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import type { ClockLine, GeneratorSample } from '../../src/core/metrics/record';
import { systemClock } from '../../src/core/system/system-clock';
import type { StressOptions, StressReport } from '../../src/stress/options';
import { runStress } from '../../src/stress/runner';
import { Screen } from '../../src/stress/screen';
import { randomBytes } from '../imaging/pictures';

export const MACHINE_ID = 2;

/** Runs 10 clients at 100 requests/s for 2 s, unless `change` says otherwise; returns the report and the output. */
export async function rateRun(
  metricsDir: string,
  serverAddresses: readonly string[],
  change: Partial<StressOptions> = {},
): Promise<{ report: StressReport; shown: string }> {
  const output = new PassThrough();
  let shown = '';
  output.on('data', (chunk: Buffer) => (shown += chunk.toString()));
  const pacing = { mode: 'rate', ratePerSecond: 100, arrivals: 'uniform' } as const;
  const report = await runStress({
    machineId: MACHINE_ID,
    numClients: 10,
    requests: { pacing, durationMs: 2000, rampUpMs: 0 },
    seed: 5,
    images: [{ name: 'a.png', bytes: randomBytes(100) }],
    notes: [],
    clock: systemClock,
    logLevel: 'info',
    serverAddresses,
    requestTimeoutMs: 2000,
    metricsDir,
    waitMs: 5000,
    warmupMs: 0,
    gracefulStopMs: 5000,
    names: { images: 'pictures', clientConfig: 'client.toml' },
    thresholds: [],
    abortOn: [],
    metadata: { command_line: ['stress'], version: '0', node_version: 'v0', host: 'h', cores: 1, config: {} },
    signal: new AbortController().signal,
    screen: new Screen(output, systemClock),
    ...change,
  });
  return { report, shown };
}

/** The lines of one of its files. */
export function linesOf<T>(metricsDir: string, what: 'requests' | 'generator'): T[] {
  const text = readFileSync(path.join(metricsDir, `machine_${MACHINE_ID}_${what}.ndjson`), 'utf8');
  expect(text).toMatch(/\n$/);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as T);
}

/** The samples of the generator; its file has clock notes, too. */
export function samplesOf(metricsDir: string): GeneratorSample[] {
  return linesOf<GeneratorSample | ClockLine>(metricsDir, 'generator').flatMap((line) =>
    'event' in line ? [] : [line],
  );
}
