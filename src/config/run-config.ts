import * as v from 'valibot';
import { ClusterError } from '../core/errors';
import { printable } from '../core/printable';
import type { Pacing } from './client-config';
import { decimal, list, path, section, table, text, toMs, whole } from './fields';
import { defaultsOf, loadConfig } from './load';
import { MAX_PATH_CHARS } from './show';
import { STRESS_RANGES } from './stress-config';

/** Read where nobody named another, if it is there. */
export const DEFAULT_RUN_FILE = 'config/run.toml';
const DEFAULT_MIN_DELAY_MS = 500;
const DEFAULT_MAX_DELAY_MS = 2500;
const MAX_SERVERS = 20;
const MAX_SECS = 7 * 24 * 3600;

/** The range of a number, in the file and in flags. */
export const RUN_RANGES = {
  servers: { min: 1, max: MAX_SERVERS },
  port: { min: 1, max: 65_535 - MAX_SERVERS },
  cycles: { min: 0, max: 100_000 },
  secs: { min: 0, max: MAX_SECS },
} as const;

const secs = () => decimal(RUN_RANGES.secs.min, RUN_RANGES.secs.max, 'seconds');
const wholeIn = ({ min, max }: { min: number; max: number }) => whole(min, max);
const delay = () => decimal(STRESS_RANGES.delayMs.min, STRESS_RANGES.delayMs.max);

/** The schema of `run.toml`. */
export const runFileSchema = table({
  run: section({
    servers: v.optional(wholeIn(RUN_RANGES.servers), 3),
    port: v.optional(wholeIn(RUN_RANGES.port)),
    output_dir: v.optional(path(), './runs'),
    seed: v.optional(wholeIn(STRESS_RANGES.seed)),
  }),
  stress: section({
    num_clients: v.optional(wholeIn(STRESS_RANGES.numClients), 10),
    requests_per_client: v.optional(wholeIn(STRESS_RANGES.requestsPerClient)),
    min_delay_ms: v.optional(delay()),
    max_delay_ms: v.optional(delay()),
    image_directory: v.optional(path()),
  }),
  faults: section({
    first_fault_secs: v.optional(secs(), 8),
    fault_interval_secs: v.optional(secs(), 8),
    restart_delay_secs: v.optional(secs(), 4),
    num_cycles: v.optional(wholeIn(RUN_RANGES.cycles), 1),
  }),
  report: section({
    thresholds: v.optional(list(text(), 'a list of expressions such as "p99<800ms"'), []),
  }),
});

export type RunSettings = v.InferOutput<typeof runFileSchema>;

/** What a whole run does; what is not here is the servers' and clients' default. */
export interface RunConfig {
  servers: number;
  /** Of the first server, the others follow; undefined: where there is room. */
  port?: number;
  outputDir: string;
  seed?: number;
  stress: {
    numClients: number;
    requests: { pacing: Pacing; totalRequests?: number };
  };
  /** Undefined: nobody said. */
  imageDirectory?: string;
  faults: { firstMs: number; intervalMs: number; restartDelayMs: number; cycles: number };
  thresholds: string[];
  /** The same in the words of run.toml. */
  settings: RunSettings;
}

/** What a command line may say against the file, by its keys; undefined: nothing. */
export type RunOverrides = { [Table in keyof RunSettings]?: Partial<RunSettings[Table]> };

/**
 * The configuration of a whole run: of the named file, which must exist, or of `config/run.toml` if it is there; what
 * the command line says wins.
 * @throws ClusterError `bad_config` | `bad_usage`
 */
export function runConfigOf(file: string | undefined, overrides: RunOverrides): RunConfig {
  const filePath = file ?? DEFAULT_RUN_FILE;
  const settings = loadConfig(runFileSchema, filePath, { required: file !== undefined }) ?? defaultsOf(runFileSchema);
  const pacing = pacingOf(settings.stress, overrides.stress ?? {}, filePath);
  return build(
    {
      run: { ...settings.run, ...given(overrides.run) },
      stress: { ...settings.stress, ...given(overrides.stress) },
      faults: { ...settings.faults, ...given(overrides.faults) },
      report: { ...settings.report, ...given(overrides.report) },
    },
    pacing,
  );
}

function build({ run, stress, faults, report }: RunSettings, pacing: Pacing): RunConfig {
  return {
    ...{ servers: run.servers, port: run.port, outputDir: run.output_dir, seed: run.seed },
    stress: { numClients: stress.num_clients, requests: { pacing, totalRequests: stress.requests_per_client } },
    imageDirectory: stress.image_directory,
    faults: {
      firstMs: toMs(faults.first_fault_secs),
      intervalMs: toMs(faults.fault_interval_secs),
      restartDelayMs: toMs(faults.restart_delay_secs),
      cycles: faults.num_cycles,
    },
    thresholds: report.thresholds,
    settings: { run, stress: { ...stress, ...delaysOf(pacing) }, faults, report },
  };
}

/** The defaults depend on each other, so they are told as they are used. */
function delaysOf(pacing: Pacing): Partial<RunSettings['stress']> {
  return pacing.mode === 'closed_loop' ? { min_delay_ms: pacing.minDelayMs, max_delay_ms: pacing.maxDelayMs } : {};
}

/** As in `stress`: a short think time at most shortens the default of the least. */
function pacingOf(inFile: RunSettings['stress'], flags: Partial<RunSettings['stress']>, file: string): Pacing {
  const givenMaxMs = flags.max_delay_ms ?? inFile.max_delay_ms;
  const maxDelayMs = givenMaxMs ?? DEFAULT_MAX_DELAY_MS;
  const minDelayMs = flags.min_delay_ms ?? inFile.min_delay_ms ?? Math.min(DEFAULT_MIN_DELAY_MS, maxDelayMs);
  if (minDelayMs <= maxDelayMs) return { mode: 'closed_loop', minDelayMs, maxDelayMs };
  const isLowerInFile = flags.min_delay_ms === undefined;
  const lower = isLowerInFile ? `${printable(file, MAX_PATH_CHARS)}: stress.min_delay_ms` : '--min-delay-ms';
  const upper = flags.max_delay_ms === undefined ? 'stress.max_delay_ms' : '--max-delay-ms';
  const limit = `${maxDelayMs}${givenMaxMs === undefined ? ', its default' : ''}`;
  const text = `${lower}: expected at most ${upper} (${limit}), got ${minDelayMs}`;
  throw new ClusterError(isLowerInFile ? 'bad_config' : 'bad_usage', text);
}

/** Without what was not given, which must not hide the file. */
function given<T extends object>(values: T | undefined): Partial<T> {
  return Object.fromEntries(Object.entries(values ?? {}).filter(([, value]) => value !== undefined)) as Partial<T>;
}
