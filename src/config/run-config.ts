/** The configuration of `run`: servers, load, faults and report of a whole run, from run.toml and flags. */
import type { SlowLimitSetting } from '../core/metrics/slow-limit';
import { FAULT_METRICS, type Threshold } from '../core/metrics/threshold';
import { printable } from '../core/printable';
import * as common from './common-settings';
import { configFile, type FileValues, readConfig } from './config-file';
import { faultSecs, faultSettings, MAX_CYCLES } from './fault-settings';
import { type FaultSpec, specOf } from './faults-spec';
import { toMs } from './to-ms';
import { type Lab, labOf, labProblems, labTables } from './lab-config';
import { loadSettings, type LoadShape, loadShapeOf, resolveLoad } from './load-settings';
import { flagValues, type Merged, merge } from './merge';
import { badSettings, type Problem } from './problem';
import { electionTable } from './server-file';
import { type FlagsOf, setting } from './settings';
import { stressFlagSettings, stressSettings } from './stress-config';
import { thresholdsOf } from './thresholds';
import { path, whole } from './value-types';

const DEFAULT_SERVERS = 3;
const MAX_SERVERS = 20;

/** The timings of a run's servers, whose files leave them at the defaults. */
export const SERVER_TIMINGS = {
  heartbeatMs: toMs(electionTable.heartbeat_interval_secs.default),
  failureTimeoutMs: toMs(electionTable.failure_timeout_secs.default),
  electionTimeoutMs: toMs(electionTable.election_timeout_secs.default),
};

/** The table [run] of run.toml. */
export const runSettings = {
  servers: setting(whole(1, MAX_SERVERS), { flag: 'servers', fallback: DEFAULT_SERVERS, help: 'number of servers' }),
  port: setting(whole(1, 65_535 - MAX_SERVERS), {
    flag: 'port',
    defaultText: 'the first free of 8101, 8201, …',
    help: 'port of the first server',
  }),
  binary: setting(path('FILE'), { defaultText: 'this program', help: 'over SSH: executable to copy' }),
  output_dir: setting(path('DIR'), { default: './runs', help: 'folder that gets a new folder for each run' }),
  seed: common.seed,
};

/** The table [stress] of run.toml. */
export const runStressSettings = {
  num_clients: { ...stressSettings.num_clients, default: 10, help: 'number of concurrent clients' },
  ...loadSettings,
  requests_per_client: { ...loadSettings.requests_per_client, defaultText: 'until the faults are over' },
  duration_secs: {
    ...loadSettings.duration_secs,
    defaultText: 'until the faults are over',
    help: 'duration of the load',
  },
  image_directory: common.imageDirectory,
};

/** The table [faults] of run.toml. */
export const runFaultSettings = {
  ...faultSettings,
  first_fault_secs: setting(faultSecs(), {
    flag: 'first-fault',
    default: 20,
    help: 'least time under load before the first fault',
    note: 'on this machine longer, until every image has 20 successes',
  }),
  fault_interval_secs: { ...faultSettings.fault_interval_secs, default: 8 },
  restart_delay_secs: { ...faultSettings.restart_delay_secs, default: 4 },
  num_cycles: setting(whole(0, MAX_CYCLES), {
    flag: 'cycles',
    default: 1,
    help: 'number of fault cycles',
    note: '0 for no faults',
  }),
  // The flag --seed sets the one in [run].
  seed: { ...faultSettings.seed, flag: undefined, defaultText: 'that of [run]' },
};

/** The table [report] of run.toml. */
export const runReportSettings = { thresholds: common.thresholds, slow_limit_ms: common.slowLimit };

const tables = {
  run: runSettings,
  stress: runStressSettings,
  faults: runFaultSettings,
  report: runReportSettings,
  ...labTables,
};

export type RunSettings = FileValues<typeof tables>;

export const runFile = configFile(
  { path: 'config/run.toml', purpose: 'a whole run by `cloudp2p run`', tables },
  placeProblems,
);

/** The flags of `run` without a key in the file. */
export const runFlagSettings = {
  out: setting(path('DIR'), {
    flag: 'out',
    defaultText: 'runs/<start time>',
    help: 'new folder to write all files to',
  }),
};

/** The flags of `cloudp2p run`, as typed. */
export type RunFlags = FlagsOf<typeof runSettings> &
  FlagsOf<typeof runStressSettings> &
  FlagsOf<typeof runFaultSettings> &
  FlagsOf<typeof runReportSettings> &
  FlagsOf<typeof runFlagSettings> & { config?: string };

/** The configuration of a run, and the parts of it that are not written into its files. */
export interface ResolvedRun {
  config: RunConfig;
  thresholds: Threshold[];
  /** The folder for all files; undefined for a new one in `outputDir`. */
  folder?: string;
}

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
    /** The time to wait for the first answer of a server. */
    waitMs: number;
  };
  timings: typeof SERVER_TIMINGS;
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
  thresholds: readonly string[];
  /** Undefined: from the successes before the first fault. */
  slowLimitMs?: SlowLimitSetting;
  /** The same with the keys of run.toml. */
  settings: RunSettings;
}

/**
 * Reads the configuration of a run from the named file, which must exist, or from `config/run.toml` if it exists; flags
 * override it. `seed` is used for the faults if none is configured.
 * @throws ClusterError `bad_config` | `bad_usage`
 */
export function runConfigOf(flags: RunFlags = {}, seed = 0): ResolvedRun {
  const { path: file, values } = readConfig(runFile, flags.config);
  const problems: Problem[] = [];
  const at = (table: string) => ({ file, table });
  const run = merge(runSettings, values.run, flags, at('run'), problems);
  const stress = merge(runStressSettings, values.stress, flags, at('stress'), problems);
  const faults = merge(runFaultSettings, values.faults, flags, at('faults'), problems);
  const report = merge(runReportSettings, values.report, flags, at('report'), problems);
  if (problems.length > 0) throw badSettings(problems);
  const load = resolveLoad(stress, runStressSettings);
  const settings = { ...values, run: run.values, stress: load, faults: faults.values, report: report.values };
  const lab = labOf(settings, file);
  if (lab !== undefined) refuseLocalFlags(run);
  const servers = lab?.servers.length ?? run.values.servers ?? DEFAULT_SERVERS;
  const serverIds = lab?.servers.map(({ id }) => id) ?? Array.from({ length: servers }, (_, index) => index + 1);
  const spec = specOf(faults, serverIds, run.values.seed ?? seed);
  return {
    config: {
      lab,
      binary: run.values.binary,
      servers,
      ...build(settings),
      faults: { firstMs: toMs(faults.values.first_fault_secs), ...spec },
    },
    thresholds: runThresholdsOf(report, faults),
    folder: flagValues(runFlagSettings, flags).out,
  };
}

/** Returns the thresholds. @throws ClusterError for one on what a fault cost, if no fault is planned */
function runThresholdsOf(report: Merged<RunSettings['report']>, faults: Merged<RunSettings['faults']>): Threshold[] {
  const thresholds = thresholdsOf(report, 'thresholds');
  const ofFaults = thresholds.find(({ metric }) => FAULT_METRICS.includes(metric));
  if (ofFaults === undefined || faults.values.num_cycles > 0) return thresholds;
  const why = `${faults.nameOf('num_cycles')} is 0: no fault is planned`;
  throw report.error(
    'thresholds',
    `expected no ${FAULT_METRICS.join(' or ')}, since ${why}, got "${printable(ofFaults.expression)}"`,
  );
}

/** Finds keys that apply only on one machine, or only over SSH. */
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

function refuseLocalFlags({ isTyped, error }: Merged<RunSettings['run']>): void {
  for (const key of ['servers', 'port'] as const) {
    const text = 'applies to servers on this machine, but the file lists [[servers]] of other machines';
    if (isTyped(key)) throw error(key, text);
  }
}

function build(settings: RunSettings): Omit<RunConfig, 'faults' | 'lab' | 'binary' | 'servers'> {
  const { run, stress, report } = settings;
  return {
    port: run.port,
    outputDir: run.output_dir,
    seed: run.seed,
    stress: {
      numClients: stress.num_clients,
      requests: loadShapeOf(stress),
      warmupMs: toMs(stress.warmup_secs),
      gracefulStopMs: toMs(stressSettings.graceful_stop_secs.default),
      waitMs: toMs(stressFlagSettings.wait_secs.default),
    },
    timings: SERVER_TIMINGS,
    imageDirectory: stress.image_directory,
    thresholds: report.thresholds,
    slowLimitMs: report.slow_limit_ms,
    settings,
  };
}
