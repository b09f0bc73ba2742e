import * as v from 'valibot';
import type { Pacing } from './client-config';
import { decimal, list, path, section, table, text, toMs, whole } from './fields';
import { defaultsOf, loadConfig } from './load';
import type { Problem } from './problem';

const DEFAULT_FILE = 'config/run.toml';
const DAY_MS = 24 * 3600 * 1000;
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

/** The schema of `run.toml`. */
export const runFileSchema = table({
  run: section({
    servers: v.optional(wholeIn(RUN_RANGES.servers), 3),
    port: v.optional(wholeIn(RUN_RANGES.port)),
    output_dir: v.optional(path(), './runs'),
    seed: v.optional(whole(0, 2 ** 47)),
  }),
  stress: section({
    num_clients: v.optional(whole(1, 100_000), 10),
    requests_per_client: v.optional(whole(1, 1_000_000_000)),
    min_delay_ms: v.optional(decimal(0, DAY_MS), 500),
    max_delay_ms: v.optional(decimal(0, DAY_MS), 2500),
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
}

/** What a command line may say against the file, by its keys; undefined: nothing. */
export type RunOverrides = { [Table in keyof RunSettings]?: Partial<RunSettings[Table]> };

/**
 * The configuration of a whole run: of the named file, which must exist, or of `config/run.toml` if it is there; what
 * the command line says wins.
 * @throws ClusterError `bad_config`
 */
export function runConfigOf(file: string | undefined, overrides: RunOverrides): RunConfig {
  const merge = (settings: RunSettings): RunSettings => ({
    run: { ...settings.run, ...given(overrides.run) },
    stress: { ...settings.stress, ...given(overrides.stress) },
    faults: { ...settings.faults, ...given(overrides.faults) },
    report: { ...settings.report, ...given(overrides.report) },
  });
  const check = (settings: RunSettings): Problem[] => delayProblems(merge(settings));
  const settings = loadConfig(runFileSchema, file ?? DEFAULT_FILE, { required: file !== undefined, check });
  return build(merge(settings ?? defaultsOf(runFileSchema)));
}

function build({ run, stress, faults, report }: RunSettings): RunConfig {
  const pacing = { mode: 'closed_loop', minDelayMs: stress.min_delay_ms, maxDelayMs: stress.max_delay_ms } as const;
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
  };
}

function delayProblems({ stress }: RunSettings): Problem[] {
  const { min_delay_ms: min, max_delay_ms: max } = stress;
  if (min <= max) return [];
  return [{ key: 'stress.min_delay_ms', text: `expected at most stress.max_delay_ms (${max}), got ${min}` }];
}

/** Without what was not given, which must not hide the file. */
function given<T extends object>(values: T | undefined): Partial<T> {
  return Object.fromEntries(Object.entries(values ?? {}).filter(([, value]) => value !== undefined)) as Partial<T>;
}
