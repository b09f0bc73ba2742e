/** The configuration of `stress`: its load, thresholds and outputs, from stress.toml and flags. */
import { FAULT_METRICS, METRICS, type Threshold } from '../core/metrics/threshold';
import * as common from './common-settings';
import { configFile, readConfig } from './config-file';
import { toMs } from './to-ms';
import {
  DEFAULT_DURATION_SECS,
  loadSettings,
  type LoadShape,
  loadShapeOf,
  phaseSecs,
  resolveLoad,
} from './load-settings';
import { flagValues, merge } from './merge';
import { type FlagsOf, setting, type ValuesOf } from './settings';
import { thresholdsOf } from './thresholds';
import { decimal, expressions, matching, path, whole } from './value-types';

/** Excludes what a fault cost: a run has only its own figures, and the report measures that. */
const OWN_METRICS = METRICS.filter((metric) => !FAULT_METRICS.includes(metric));

/** The default number of requests per client, without a rate. */
const DEFAULT_REQUESTS = 1000;

const DEFAULT_CLIENT_CONFIG = './config/client_stress.toml';

/** The table [stress] of stress.toml. */
export const stressSettings = {
  machine_id: { ...common.machineId, default: 1 },
  num_clients: setting(whole(1, 100_000), {
    flag: 'clients',
    default: 100,
    help: 'number of concurrent clients, each with one request in flight',
  }),
  ...loadSettings,
  requests_per_client: {
    ...loadSettings.requests_per_client,
    defaultText: `${DEFAULT_REQUESTS}`,
    note: 'with --rate, N times --clients in all',
  },
  duration_secs: {
    ...loadSettings.duration_secs,
    defaultText: `none, or ${DEFAULT_DURATION_SECS} s with --rate`,
    note: 'without --requests their number is then unlimited',
  },
  // The default of k6. A request's own timeout ends it sooner, unless many wait for a free client.
  graceful_stop_secs: setting(phaseSecs(), {
    flag: 'graceful-stop',
    default: 30,
    help: 'grace period for requests in flight when --duration ends',
  }),
  thresholds: {
    ...common.thresholds,
    help: 'threshold checked at the end, like p99<800ms; exit code 3 if it fails',
  },
  abort_on: setting(expressions(), {
    flag: 'abort-on',
    default: [],
    help: 'threshold that must hold throughout, else the run ends',
  }),
  image_directory: common.imageDirectory,
  client_config: setting(path('FILE'), {
    flag: 'client-config',
    default: DEFAULT_CLIENT_CONFIG,
    help: 'client configuration that lists the servers',
  }),
  metrics_output_dir: setting(path('DIR'), {
    flag: 'metrics-dir',
    default: './metrics',
    help: 'folder to write the metrics to',
  }),
  metrics_address: common.metricsAddress,
  seed: common.seed,
};

/** The flags of `stress` without a key in the file. */
export const stressFlagSettings = {
  wait_secs: setting(decimal(0.1, 86_400, 'seconds'), {
    flag: 'wait',
    default: 10,
    help: 'time to wait for the first answer of a server',
  }),
  // `run` sets these two: it starts many machines together.
  start_at_ms: setting(whole(0, 8.64e15, 'milliseconds'), {
    flag: 'start-at',
    placeholder: 'UNIX_MS',
    hidden: true,
    help: 'start time of the load',
  }),
  run_id: setting(matching(/^[A-Za-z0-9-]{1,64}$/, '1 to 64 letters, digits and "-"', 'ID'), {
    flag: 'run-id',
    hidden: true,
    defaultText: 'a new one',
    help: 'run id of all records',
  }),
};

export const stressFile = configFile({
  path: 'config/stress.toml',
  purpose: 'the load of `cloudp2p stress`',
  tables: { stress: stressSettings },
});

export type StressSettings = ValuesOf<typeof stressSettings>;

/** The flags of `cloudp2p stress`, as typed, without those of the client configuration. */
export type StressFlags = FlagsOf<typeof stressSettings> & FlagsOf<typeof stressFlagSettings> & { config?: string };

/** The resolved configuration of `stress`, without the servers, which `clientConfig` lists. */
export interface StressConfig {
  machineId: number;
  numClients: number;
  /** Has at least one limit. */
  requests: LoadShape;
  warmupMs: number;
  gracefulStopMs: number;
  /** Conditions that must hold at the end, and (`abortOn`) throughout. */
  thresholds: Threshold[];
  abortOn: Threshold[];
  /** Undefined if not configured: the default folder may then be missing. */
  imageDirectory?: string;
  clientConfig: string;
  /** True if the client configuration was named, and must exist. */
  isClientConfigRequired: boolean;
  metricsDir: string;
  /** The address that serves Prometheus metrics (host:port). */
  metricsAddress?: string;
  seed?: number;
  waitMs: number;
  startAtMs?: number;
  runId?: string;
  /** The same with the keys of stress.toml. */
  settings: StressSettings;
}

/**
 * Reads the configuration of a stress run from the named file, which must exist, or from `config/stress.toml` if it
 * exists; flags override it.
 * @throws ClusterError `bad_config` | `bad_usage`
 */
export function stressConfigOf(flags: StressFlags): StressConfig {
  const { path: file, values } = readConfig(stressFile, flags.config);
  const merged = merge(stressSettings, values.stress, flags, { file, table: 'stress' });
  const settings = resolveLoad(merged, stressSettings, DEFAULT_REQUESTS);
  const { client_config: clientConfig } = settings;
  const { wait_secs: waitSecs, start_at_ms: startAtMs, run_id: runId } = flagValues(stressFlagSettings, flags);
  return {
    machineId: settings.machine_id,
    numClients: settings.num_clients,
    requests: loadShapeOf(settings),
    warmupMs: toMs(settings.warmup_secs),
    gracefulStopMs: toMs(settings.graceful_stop_secs),
    thresholds: thresholdsOf(merged, 'thresholds', OWN_METRICS),
    abortOn: thresholdsOf(merged, 'abort_on', OWN_METRICS),
    imageDirectory: settings.image_directory,
    clientConfig,
    isClientConfigRequired: merged.isTyped('client_config') || clientConfig !== DEFAULT_CLIENT_CONFIG,
    metricsDir: settings.metrics_output_dir,
    metricsAddress: settings.metrics_address,
    seed: settings.seed,
    waitMs: toMs(waitSecs),
    startAtMs,
    runId,
    settings,
  };
}
