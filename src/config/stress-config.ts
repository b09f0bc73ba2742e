import * as v from 'valibot';
import { ClusterError } from '../core/errors';
import { decimal, list, listenAddress, path, section, table, text, toMs, whole } from './fields';
import { defaultsOf, loadConfig } from './load';
import { LOAD_RANGES, loadFields, loadProblems, type LoadShape, loadShapeOf, resolveLoad } from './load-settings';
import { printable } from '../core/printable';

/** Read if no file is named, and it exists. */
export const DEFAULT_STRESS_FILE = 'config/stress.toml';
const DEFAULTS = {
  ...{ minDelayMs: 100, maxDelayMs: 2000 },
  // The same duration as the default of `client`.
  limits: { totalRequests: 1000, rateDurationSecs: 300 },
};
/** The default of k6. A request's own timeout ends it sooner, unless many wait for a free client. */
export const GRACEFUL_STOP_SECS = 30;

/** The default folder of the images that clients send. */
export const DEFAULT_IMAGE_DIRECTORY = './test_images';
export const DEFAULT_CLIENT_CONFIG = './config/client_stress.toml';

/** The range of a number, in the file and in flags. */
export const STRESS_RANGES = {
  machineId: { min: 1, max: 1_000_000 },
  numClients: { min: 1, max: 100_000 },
  seed: { min: 0, max: 2 ** 47 },
  ...LOAD_RANGES,
} as const;

const wholeIn = ({ min, max }: { min: number; max: number }) => whole(min, max);
const expressions = () => v.optional(list(text(), 'a list of expressions such as "p99<800ms"'), []);

/** The schema of `stress.toml`. */
export const stressFileSchema = table({
  stress: section({
    machine_id: v.optional(wholeIn(STRESS_RANGES.machineId), 1),
    num_clients: v.optional(wholeIn(STRESS_RANGES.numClients), 100),
    ...loadFields,
    graceful_stop_secs: v.optional(
      decimal(STRESS_RANGES.phaseSecs.min, STRESS_RANGES.phaseSecs.max, 'seconds'),
      GRACEFUL_STOP_SECS,
    ),
    thresholds: expressions(),
    abort_on: expressions(),
    image_directory: v.optional(path()),
    client_config: v.optional(path(), DEFAULT_CLIENT_CONFIG),
    metrics_output_dir: v.optional(path(), './metrics'),
    metrics_address: v.optional(listenAddress()),
    seed: v.optional(wholeIn(STRESS_RANGES.seed)),
  }),
});

export type StressSettings = v.InferOutput<typeof stressFileSchema>['stress'];

/** The settings that a command line overrides, by the keys of the file; undefined if it does not. */
export type StressOverrides = Partial<StressSettings>;

/** The resolved configuration of `stress`, without the servers, which `clientConfig` lists. */
export interface StressConfig {
  machineId: number;
  numClients: number;
  /** Has at least one limit. */
  requests: LoadShape;
  warmupMs: number;
  gracefulStopMs: number;
  /** The expressions that must hold at the end, and (`abortOn`) throughout, as written. */
  thresholds: string[];
  abortOn: string[];
  /** Undefined if not configured: DEFAULT_IMAGE_DIRECTORY may then be missing. */
  imageDirectory?: string;
  clientConfig: string;
  /** True if the client configuration was named, and must exist. */
  isClientConfigRequired: boolean;
  metricsDir: string;
  /** The address that serves Prometheus metrics (host:port). */
  metricsAddress?: string;
  seed?: number;
  /** The same with the keys of stress.toml. */
  settings: StressSettings;
}

/**
 * Reads the configuration of a stress run from the named file, which must exist, or from `config/stress.toml` if it
 * exists; the command line overrides it.
 * @throws ClusterError `bad_config` | `bad_usage`
 */
export function stressConfigOf(file: string | undefined, overrides: StressOverrides = {}): StressConfig {
  const filePath = file ?? DEFAULT_STRESS_FILE;
  const loaded = loadConfig(stressFileSchema, filePath, {
    ...{ required: file !== undefined, check: ({ stress }) => loadProblems(stress) },
  });
  checkTexts(overrides);
  const inFile = (loaded ?? defaultsOf(stressFileSchema)).stress;
  const settings = resolveLoad(inFile, overrides, { ...DEFAULTS, file: filePath });
  return build(settings, overrides.client_config !== undefined);
}

function build(settings: StressSettings, isClientConfigNamed: boolean): StressConfig {
  const { client_config: clientConfig } = settings;
  return {
    machineId: settings.machine_id,
    numClients: settings.num_clients,
    requests: loadShapeOf(settings),
    warmupMs: toMs(settings.warmup_secs),
    gracefulStopMs: toMs(settings.graceful_stop_secs),
    thresholds: settings.thresholds,
    abortOn: settings.abort_on,
    imageDirectory: settings.image_directory,
    clientConfig,
    isClientConfigRequired: isClientConfigNamed || clientConfig !== DEFAULT_CLIENT_CONFIG,
    metricsDir: settings.metrics_output_dir,
    metricsAddress: settings.metrics_address,
    seed: settings.seed,
    settings,
  };
}

function checkTexts(overrides: StressOverrides): void {
  const flags = [
    { flag: '--client-config', value: overrides.client_config, kind: path() },
    { flag: '--image-dir', value: overrides.image_directory, kind: path() },
    { flag: '--metrics-dir', value: overrides.metrics_output_dir, kind: path() },
    { flag: '--metrics-address', value: overrides.metrics_address, kind: listenAddress() },
  ];
  for (const { flag, value, kind } of flags) {
    const result = v.safeParse(v.optional(kind), value);
    if (result.success) continue;
    const text = `${flag}: expected ${result.issues[0].message}, got "${printable(String(value))}"`;
    throw new ClusterError('bad_usage', text);
  }
}
