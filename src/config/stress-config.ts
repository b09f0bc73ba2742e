import * as v from 'valibot';
import { ClusterError } from '../core/errors';
import type { Pacing } from './client-config';
import { decimal, path, section, table, whole } from './fields';
import { defaultsOf, loadConfig } from './load';
import { printable } from '../core/printable';
import { MAX_PATH_CHARS } from './show';

const DEFAULT_FILE = 'config/stress.toml';
const DAY_MS = 24 * 3600 * 1000;
const DEFAULT_MIN_DELAY_MS = 100;
const DEFAULT_MAX_DELAY_MS = 2000;

/** Where clients send pictures from if nobody says. */
export const DEFAULT_IMAGE_DIRECTORY = './test_images';
export const DEFAULT_CLIENT_CONFIG = './config/client_stress.toml';

/** The range of a number, in the file and in flags. */
export const STRESS_RANGES = {
  machineId: { min: 1, max: 1_000_000 },
  numClients: { min: 1, max: 100_000 },
  requestsPerClient: { min: 1, max: 1_000_000_000 },
  delayMs: { min: 0, max: DAY_MS },
  durationSecs: { min: 0.001, max: DAY_MS / 1000 },
  seed: { min: 0, max: 2 ** 47 },
} as const;

const wholeIn = ({ min, max }: { min: number; max: number }) => whole(min, max);
const delay = () => decimal(STRESS_RANGES.delayMs.min, STRESS_RANGES.delayMs.max);

/** The schema of `stress.toml`. */
export const stressFileSchema = table({
  stress: section({
    machine_id: v.optional(wholeIn(STRESS_RANGES.machineId), 1),
    num_clients: v.optional(wholeIn(STRESS_RANGES.numClients), 100),
    requests_per_client: v.optional(wholeIn(STRESS_RANGES.requestsPerClient), 1000),
    min_delay_ms: v.optional(delay()),
    max_delay_ms: v.optional(delay()),
    image_directory: v.optional(path()),
    client_config: v.optional(path(), DEFAULT_CLIENT_CONFIG),
    metrics_output_dir: v.optional(path(), './metrics'),
    seed: v.optional(wholeIn(STRESS_RANGES.seed)),
  }),
});

type StressSettings = v.InferOutput<typeof stressFileSchema>['stress'];

/** What a command line may say against the file; undefined: nothing. */
export interface StressOverrides {
  machineId?: number;
  numClients?: number;
  requestsPerClient?: number;
  minDelayMs?: number;
  maxDelayMs?: number;
  durationSecs?: number;
  clientConfig?: string;
  imageDirectory?: string;
  metricsDir?: string;
  seed?: number;
}

/** All that `stress` needs to know at its start, but for the servers, which stand in `clientConfig`. */
export interface StressConfig {
  machineId: number;
  numClients: number;
  requests: {
    pacing: Pacing;
    /** Each client ends at whichever of the two comes first; at least one is set. */
    totalRequests?: number;
    durationMs?: number;
  };
  /** Undefined: nobody said, and DEFAULT_IMAGE_DIRECTORY may be missing. */
  imageDirectory?: string;
  clientConfig: string;
  /** The client file was asked for: then it must exist. */
  isClientConfigRequired: boolean;
  metricsDir: string;
  seed?: number;
}

/**
 * The configuration of a stress run: of the named file, which must exist, or of `config/stress.toml` if it is there;
 * what the command line says wins.
 * @throws ClusterError `bad_config` | `bad_usage`
 */
export function stressConfigOf(file: string | undefined, overrides: StressOverrides = {}): StressConfig {
  const filePath = file ?? DEFAULT_FILE;
  const settings = loadConfig(stressFileSchema, filePath, { required: file !== undefined });
  return build((settings ?? defaultsOf(stressFileSchema)).stress, overrides, filePath);
}

function build(settings: StressSettings, overrides: StressOverrides, file: string): StressConfig {
  const { machineId, numClients, imageDirectory, clientConfig, metricsDir, seed } = overrides;
  checkPaths(overrides);
  const client = clientConfig ?? settings.client_config;
  return {
    machineId: machineId ?? settings.machine_id,
    numClients: numClients ?? settings.num_clients,
    requests: { pacing: pacingOf(settings, overrides, file), ...limitsOf(settings, overrides) },
    imageDirectory: imageDirectory ?? settings.image_directory,
    clientConfig: client,
    isClientConfigRequired: clientConfig !== undefined || client !== DEFAULT_CLIENT_CONFIG,
    metricsDir: metricsDir ?? settings.metrics_output_dir,
    seed: seed ?? settings.seed,
  };
}

/** As in `client`, a duration without a number of requests replaces the file's limit: the user has said when it ends. */
function limitsOf(
  settings: StressSettings,
  { requestsPerClient, durationSecs }: StressOverrides,
): { totalRequests?: number; durationMs?: number } {
  if (durationSecs === undefined) return { totalRequests: requestsPerClient ?? settings.requests_per_client };
  return { totalRequests: requestsPerClient, durationMs: durationSecs * 1000 };
}

function pacingOf(settings: StressSettings, overrides: StressOverrides, file: string): Pacing {
  const maxDelayMs = overrides.maxDelayMs ?? settings.max_delay_ms ?? DEFAULT_MAX_DELAY_MS;
  const given = overrides.minDelayMs ?? settings.min_delay_ms;
  const minDelayMs = given ?? Math.min(DEFAULT_MIN_DELAY_MS, maxDelayMs);
  if (minDelayMs <= maxDelayMs) return { mode: 'closed_loop', minDelayMs, maxDelayMs };
  const inFile = printable(file, MAX_PATH_CHARS);
  const lower = overrides.minDelayMs === undefined ? `${inFile}: stress.min_delay_ms` : '--min-delay-ms';
  const isDefault = overrides.maxDelayMs === undefined && settings.max_delay_ms === undefined;
  const upper = overrides.maxDelayMs === undefined ? 'stress.max_delay_ms' : '--max-delay-ms';
  const limit = `${maxDelayMs}${isDefault ? ', its default' : ''}`;
  const code = overrides.minDelayMs === undefined ? 'bad_config' : 'bad_usage';
  throw new ClusterError(code, `${lower}: expected at most ${upper} (${limit}), got ${minDelayMs}`);
}

function checkPaths({ clientConfig, imageDirectory, metricsDir }: StressOverrides): void {
  const flags = { '--client-config': clientConfig, '--image-dir': imageDirectory, '--metrics-dir': metricsDir };
  for (const [flag, value] of Object.entries(flags)) {
    if (value === undefined || v.is(path(), value)) continue;
    throw new ClusterError('bad_usage', `${flag}: expected a path, got "${printable(value)}"`);
  }
}
