import * as v from 'valibot';
import { type FaultSpec, type SpecFlags, specFields, specOf } from './faults-spec';
import { decimal, list, path, section, table, text, toMs, whole } from './fields';
import { type Lab, labFields, labOf, labProblems } from './lab-config';
import { defaultsOf, loadConfig } from './load';
import { given, loadFields, loadProblems, type LoadShape, loadShapeOf, resolveLoad } from './load-settings';
import type { Threshold } from '../core/metrics/threshold';
import { ClusterError } from '../core/errors';
import { printable } from '../core/printable';
import type { Problem } from './problem';
import { MAX_PATH_CHARS } from './show';
import { GRACEFUL_STOP_SECS, STRESS_RANGES } from './stress-config';

/** Read if no file is named, and it exists. */
export const DEFAULT_RUN_FILE = 'config/run.toml';
const DEFAULT_DELAYS = { minDelayMs: 500, maxDelayMs: 2500 };
const DEFAULT_SERVERS = 3;
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
    servers: v.optional(wholeIn(RUN_RANGES.servers)),
    port: v.optional(wholeIn(RUN_RANGES.port)),
    binary: v.optional(path()),
    output_dir: v.optional(path(), './runs'),
    seed: v.optional(wholeIn(STRESS_RANGES.seed)),
  }),
  stress: section({
    num_clients: v.optional(wholeIn(STRESS_RANGES.numClients), 10),
    ...loadFields,
    image_directory: v.optional(path()),
  }),
  faults: section({
    ...specFields,
    first_fault_secs: v.optional(secs(), 8),
    fault_interval_secs: v.optional(secs(), 8),
    restart_delay_secs: v.optional(secs(), 4),
    num_cycles: v.optional(wholeIn(RUN_RANGES.cycles), 1),
  }),
  report: section({
    thresholds: v.optional(list(text(), 'a list of expressions such as "p99<800ms"'), []),
  }),
  ...labFields,
});

export type RunSettings = v.InferOutput<typeof runFileSchema>;

/** The resolved configuration of a run; everything else is the default of the servers and clients. */
export interface RunConfig {
  /** The machines of a run over SSH; undefined if everything runs on this machine. */
  lab?: Lab;
  /** The executable to copy to the machines; undefined for the running one. */
  binary?: string;
  /** The number of servers. */
  servers: number;
  /** The port of the first server, the others follow; undefined for the first free range. */
  port?: number;
  outputDir: string;
  seed?: number;
  stress: {
    numClients: number;
    /** Without a limit, the load runs until the faults are over. */
    requests: LoadShape;
    warmupMs: number;
    gracefulStopMs: number;
  };
  /** Undefined if not configured. */
  imageDirectory?: string;
  faults: {
    /** The time from the start of the load to the first fault. */
    firstMs: number;
    /** `cycles` 0 means no faults. */
    spec: FaultSpec;
    abortWhen: Threshold[];
    allowTotalOutage: boolean;
  };
  thresholds: string[];
  /** The same with the keys of run.toml. */
  settings: RunSettings;
}

/** The settings that a command line overrides, by the keys of the file; undefined if it does not. */
export type RunOverrides = {
  [Table in 'run' | 'stress' | 'faults' | 'report']?: Partial<RunSettings[Table]>;
};

export interface RunExtras {
  /** The flags of `faults` that `run` has too, as typed. */
  faultFlags?: SpecFlags;
  /** The seed of the faults if none is configured. */
  seed?: number;
}

/**
 * Reads the configuration of a run from the named file, which must exist, or from `config/run.toml` if it exists; the
 * command line overrides it.
 * @throws ClusterError `bad_config` | `bad_usage`
 */
export function runConfigOf(
  file: string | undefined,
  overrides: RunOverrides,
  { faultFlags = {}, seed = 0 }: RunExtras = {},
): RunConfig {
  const filePath = file ?? DEFAULT_RUN_FILE;
  const loaded = loadConfig(runFileSchema, filePath, {
    ...{ required: file !== undefined, check: (inFile) => [...loadProblems(inFile.stress), ...placeProblems(inFile)] },
  });
  const inFile = loaded ?? defaultsOf(runFileSchema);
  const settings: RunSettings = {
    ...inFile,
    run: { ...inFile.run, ...given(overrides.run) },
    stress: resolveLoad(inFile.stress, overrides.stress ?? {}, { ...DEFAULT_DELAYS, file: filePath }),
    faults: { ...inFile.faults, ...given(overrides.faults) },
    report: { ...inFile.report, ...given(overrides.report) },
  };
  const lab = labOf(settings, filePath);
  if (lab !== undefined) refuseLocalFlags(overrides);
  const servers = lab?.servers.length ?? settings.run.servers ?? DEFAULT_SERVERS;
  const faults = specOf({
    ...{ settings: settings.faults, flags: faultFlags, file: printable(filePath, MAX_PATH_CHARS) },
    serverIds: lab?.servers.map(({ id }) => id) ?? Array.from({ length: servers }, (_, index) => index + 1),
    seed: settings.run.seed ?? seed,
  });
  return {
    ...{ lab, binary: settings.run.binary, servers, ...build(settings) },
    faults: { firstMs: toMs(settings.faults.first_fault_secs), ...faults },
  };
}

/** Checks for keys that apply only on one machine, or only over SSH. */
function placeProblems(settings: RunSettings): Problem[] {
  const { servers, port, binary } = settings.run;
  const isLab = labOf(settings) !== undefined;
  const none = 'expected no value: [[servers]] lists the servers';
  const noLab = 'expected [[servers]] and [[clients]] beside it: it is copied to other machines';
  return [
    ...(isLab && servers !== undefined ? [{ key: 'run.servers', text: `${none}, got ${servers}` }] : []),
    ...(isLab && port !== undefined ? [{ key: 'run.port', text: `${none}, got ${port}` }] : []),
    ...(!isLab && binary !== undefined ? [{ key: 'run.binary', text: noLab }] : []),
    ...labProblems(settings),
  ];
}

function refuseLocalFlags({ run }: RunOverrides): void {
  for (const key of ['servers', 'port'] as const) {
    if (run?.[key] === undefined) continue;
    const text = `--${key}: applies to servers on this machine, but the file lists [[servers]] of other machines`;
    throw new ClusterError('bad_usage', text);
  }
}

function build(settings: RunSettings): Omit<RunConfig, 'faults' | 'lab' | 'binary' | 'servers'> {
  const { run, stress, report } = settings;
  return {
    ...{ port: run.port, outputDir: run.output_dir, seed: run.seed },
    stress: {
      numClients: stress.num_clients,
      requests: loadShapeOf(stress),
      warmupMs: toMs(stress.warmup_secs),
      gracefulStopMs: toMs(GRACEFUL_STOP_SECS),
    },
    imageDirectory: stress.image_directory,
    thresholds: report.thresholds,
    settings,
  };
}
