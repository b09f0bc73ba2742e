import { readFileSync } from 'node:fs';
import { defaultsOf, parseConfig } from '../../src/config/load';
import { runConfigOf, runFile, type RunFlags } from '../../src/config/run-config';
import { isRows } from '../../src/config/config-file';
import { configErrorLines, useTempFolder } from './helpers';

const temp = useTempFolder();
const load = (toml: string, flags: RunFlags = {}) =>
  runConfigOf({ config: temp.file('r.toml', toml), ...flags }).config;
const linesOf = (toml: string, flags?: RunFlags) =>
  configErrorLines(() => load(toml, flags)).map((line) => line.replace(`${temp.folder}/`, ''));

const SPEC = {
  pattern: 'ring',
  kinds: [{ kind: 'kill', weight: 1 }],
  target: 'all',
  count: 1,
  cycles: 1,
  intervalMs: 8000,
  restartDelayMs: 4000,
  seed: 0,
  partitionFrom: 'both',
  delayMs: 200,
  jitterMs: 100,
  lossPercent: 20,
};
const ENDS = { abortWhen: [], allowTotalOutage: false };
const DEFAULTS = {
  lab: undefined,
  binary: undefined,
  servers: 3,
  port: undefined,
  outputDir: './runs',
  seed: undefined,
  imageDirectory: undefined,
  thresholds: [],
  stress: {
    numClients: 10,
    requests: {
      pacing: { mode: 'closed_loop', minDelayMs: 100, maxDelayMs: 2000 },
      totalRequests: undefined,
      durationMs: undefined,
      rampUpMs: 0,
    },
    warmupMs: 0,
    gracefulStopMs: 30_000,
    waitMs: 10_000,
  },
  timings: { heartbeatMs: 1000, failureTimeoutMs: 3000, electionTimeoutMs: 2000 },
  faults: { firstMs: 20_000, spec: SPEC, ...ENDS },
};

describe('a run file', () => {
  test('says nothing: the defaults, which the shipped file says too', () => {
    for (const config of [load('[run]'), runConfigOf({ config: 'config/run.toml' }).config, runConfigOf().config]) {
      const { settings, ...rest } = config;
      expect(rest).toEqual(DEFAULTS);
      expect(settings.stress).toMatchObject({ num_clients: 10, min_delay_ms: 100, max_delay_ms: 2000 });
    }
  });

  test('must exist where it is named', () => {
    expect(configErrorLines(() => runConfigOf({ config: 'none.toml' }))).toEqual(['none.toml: no such file']);
  });

  test('the shipped one names every key, and its commented ones are valid', () => {
    const text = readFileSync('config/run.toml', 'utf8');
    for (const table of Object.values(runFile.tables)) {
      if (isRows(table)) continue;
      for (const key of Object.keys(table)) expect(text).toMatch(new RegExp(`^(# )?${key} = `, 'm'));
    }
    const opened = parseConfig(runFile.schema, text.replace(/^# (?=[a-z_]+ = |\[tls\])/gm, ''), 'opened');
    expect(opened).toMatchObject({ run: { port: 8101, seed: 1 }, stress: { requests_per_client: 100 } });
    const { count, seed, abort_when, ...faults } = opened.faults;
    expect({ count, seed, abort_when }).toEqual({ count: 2, seed: 1, abort_when: ['failure_rate>20%'] });
    expect(faults).toEqual(defaultsOf(runFile.schema).faults);
  });

  test('sets everything', () => {
    const toml = `
      [run]
      servers = 5
      port = 9001
      output_dir = "o"
      seed = 7
      [stress]
      num_clients = 2
      requests_per_client = 4
      min_delay_ms = 5
      max_delay_ms = 6.5
      duration_secs = 30
      ramp_up_secs = 1
      warmup_secs = 2
      image_directory = "i"
      [faults]
      first_fault_secs = 0
      fault_interval_secs = 0.25
      restart_delay_secs = 1.5
      num_cycles = 0
      [report]
      thresholds = ["p99<800ms"]`;
    const { settings, ...config } = load(toml);
    expect(settings).toEqual(parseConfig(runFile.schema, toml, 'r.toml'));
    expect(config).toEqual({
      lab: undefined,
      binary: undefined,
      servers: 5,
      port: 9001,
      outputDir: 'o',
      seed: 7,
      imageDirectory: 'i',
      thresholds: ['p99<800ms'],
      stress: {
        numClients: 2,
        requests: {
          pacing: { mode: 'closed_loop', minDelayMs: 5, maxDelayMs: 6.5 },
          totalRequests: 4,
          durationMs: 30_000,
          rampUpMs: 1000,
        },
        warmupMs: 2000,
        gracefulStopMs: 30_000,
        waitMs: 10_000,
      },
      timings: { heartbeatMs: 1000, failureTimeoutMs: 3000, electionTimeoutMs: 2000 },
      faults: { firstMs: 0, spec: { ...SPEC, intervalMs: 250, restartDelayMs: 1500, cycles: 0, seed: 7 }, ...ENDS },
    });
  });

  test.each([
    ['[run]\nservers = 0', 'run.servers: expected a whole number from 1 to 20, got 0'],
    ['[run]\nservers = 21', 'run.servers: expected a whole number from 1 to 20, got 21'],
    ['[run]\nport = 65535', 'run.port: expected a whole number from 1 to 65515, got 65535'],
    ['[run]\noutput_dir = ""', 'run.output_dir: expected a path, got ""'],
    ['[run]\nseed = -1', 'run.seed: expected a whole number from 0 to 140737488355328, got -1'],
    ['[stress]\nnum_clients = 1.5', 'stress.num_clients: expected a whole number from 1 to 100000, got 1.5'],
    [
      '[stress]\nrequests_per_client = 0',
      'stress.requests_per_client: expected a whole number from 1 to 1000000000, got 0',
    ],
    [
      '[stress]\nmin_delay_ms = "x"',
      'stress.min_delay_ms: expected a number of milliseconds from 0 to 86400000, got "x"',
    ],
    [
      '[stress]\nmax_delay_ms = -1',
      'stress.max_delay_ms: expected a number of milliseconds from 0 to 86400000, got -1',
    ],
    ['[stress]\nimage_directory = 3', 'stress.image_directory: expected a path, got 3'],
    [
      '[faults]\nfirst_fault_secs = -1',
      'faults.first_fault_secs: expected a number of seconds from 0 to 604800, got -1',
    ],
    [
      '[faults]\nfault_interval_secs = 1e9',
      'faults.fault_interval_secs: expected a number of seconds from 0 to 604800, got 1000000000',
    ],
    [
      '[faults]\nrestart_delay_secs = true',
      'faults.restart_delay_secs: expected a number of seconds from 0 to 604800, got true',
    ],
    ['[faults]\nnum_cycles = 0.5', 'faults.num_cycles: expected a whole number from 0 to 100000, got 0.5'],
    [
      '[report]\nthresholds = "p99<1s"',
      'report.thresholds: expected a list of expressions such as "p99<800ms", got "p99<1s"',
    ],
    ['[run]\nserver = 3', 'run.server: unknown key, did you mean "run.servers"?'],
    [
      '[stress]\nmin_delay_ms = 6\nmax_delay_ms = 5',
      'stress.min_delay_ms: expected at most stress.max_delay_ms (5), got 6',
    ],
    [
      '[stress]\nmin_delay_ms = 3000',
      'stress.min_delay_ms: expected at most stress.max_delay_ms (2000, its default), got 3000',
    ],
  ])('%j', (toml, line) => {
    expect(linesOf(toml)).toEqual([`r.toml: ${line}`]);
  });
});

describe('the command line', () => {
  test('wins; without a flag the file counts', () => {
    const toml =
      '[run]\nservers = 5\nseed = 1\n[faults]\nnum_cycles = 9\nrestart_delay_secs = 1\n[report]\nthresholds = ["imbalance<1"]';
    const flags = {
      servers: '2',
      port: undefined,
      seed: '0',
      clients: '1',
      'min-delay-ms': '0',
      'max-delay-ms': '0',
      'image-dir': 'i',
      cycles: '0',
      'restart-delay': undefined,
      threshold: undefined,
    };
    expect(load(toml, flags)).toMatchObject({
      servers: 2,
      port: undefined,
      seed: 0,
      imageDirectory: 'i',
      thresholds: ['imbalance<1'],
      stress: { numClients: 1, requests: { pacing: { minDelayMs: 0, maxDelayMs: 0 } } },
      faults: { spec: { cycles: 0, restartDelayMs: 1000 } },
    });
    expect(load(toml, { threshold: ['p50<1s', 'max<2s'] }).thresholds).toEqual(['p50<1s', 'max<2s']);
  });

  test('a rate takes the place of think times, and needs no limit', () => {
    const { requests } = load('[stress]\nmin_delay_ms = 3\nrequests_per_client = 4', { rate: '9' }).stress;
    expect(requests).toEqual({
      pacing: { mode: 'rate', ratePerSecond: 9, arrivals: 'uniform' },
      rampUpMs: 0,
      totalRequests: undefined,
      durationMs: undefined,
    });
  });

  test('a short think time at most shortens the default of the least', () => {
    const { pacing } = load('[run]', { 'max-delay-ms': '50' }).stress.requests;
    expect(pacing).toMatchObject({ minDelayMs: 50, maxDelayMs: 50 });
  });

  test.each<[string, RunFlags, string]>([
    [
      '[run]',
      { 'min-delay-ms': '6', 'max-delay-ms': '5' },
      '--min-delay-ms: expected at most --max-delay-ms (5), got 6',
    ],
    [
      '[stress]\nmax_delay_ms = 5',
      { 'min-delay-ms': '6' },
      '--min-delay-ms: expected at most stress.max_delay_ms (5), got 6',
    ],
    [
      '[run]',
      { 'min-delay-ms': '3000' },
      '--min-delay-ms: expected at most stress.max_delay_ms (2000, its default), got 3000',
    ],
  ])('%j %j', (toml, flags, message) => {
    const error = expect.objectContaining({ code: 'bad_usage', message }) as Error;
    expect(() => load(toml, flags)).toThrow(error);
  });

  test('is checked without a file, too', () => {
    const before = process.cwd();
    process.chdir(temp.folder);
    try {
      const message = '--min-delay-ms: expected at most stress.max_delay_ms (2000, its default), got 3000';
      expect(() => runConfigOf({ 'min-delay-ms': '3000' })).toThrow(message);
    } finally {
      process.chdir(before);
    }
  });

  test('against the file: the file is named', () => {
    const line = 'r.toml: stress.min_delay_ms: expected at most --max-delay-ms (5), got 6';
    expect(linesOf('[stress]\nmin_delay_ms = 6', { 'max-delay-ms': '5' })).toEqual([line]);
  });
});

describe('thresholds on what a fault cost need a planned fault', () => {
  const judged = (flags: RunFlags, toml = '[run]') =>
    runConfigOf({ ...flags, config: temp.file('r.toml', toml) }).thresholds.map(({ expression }) => expression);
  const none = 'expected no recovery or felt, since';

  test('with faults, all are taken', () => {
    expect(judged({ threshold: ['recovery<2s', 'felt<1s', 'p99<1s'] })).toEqual(['recovery<2s', 'felt<1s', 'p99<1s']);
    expect(judged({ threshold: ['p99<1s'], cycles: '0' })).toEqual(['p99<1s']);
  });

  test.each(['recovery<2s', 'felt<1s'])('without, %s is an error that names both', (threshold) => {
    expect(() => judged({ threshold: ['p99<1s', threshold], cycles: '0' })).toThrow(
      `--threshold: ${none} --cycles is 0: no fault is planned, got "${threshold}"`,
    );
    expect(() => judged({}, `[faults]\nnum_cycles = 0\n[report]\nthresholds = ["${threshold}"]`)).toThrow(
      `r.toml: report.thresholds: ${none} faults.num_cycles is 0: no fault is planned, got "${threshold}"`,
    );
  });
});
