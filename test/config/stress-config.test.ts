import { readFileSync } from 'node:fs';
import { parseConfig } from '../../src/config/load';
import { stressConfigOf, stressFile, type StressFlags, stressSettings } from '../../src/config/stress-config';
import { configErrorLines, useTempFolder } from './helpers';

const temp = useTempFolder();
const load = (toml: string, flags?: StressFlags) => stressConfigOf({ config: temp.file('s.toml', toml), ...flags });
const linesOf = (toml: string, flags?: StressFlags) =>
  configErrorLines(() => load(toml, flags)).map((line) => line.replace(`${temp.folder}/`, ''));

const DEFAULTS = {
  machineId: 1,
  numClients: 100,
  requests: {
    pacing: { mode: 'closed_loop', minDelayMs: 100, maxDelayMs: 2000 },
    totalRequests: 1000,
    durationMs: undefined,
    rampUpMs: 0,
  },
  warmupMs: 0,
  gracefulStopMs: 30_000,
  thresholds: [],
  abortOn: [],
  imageDirectory: undefined,
  clientConfig: './config/client_stress.toml',
  isClientConfigRequired: false,
  metricsDir: './metrics',
  seed: undefined,
  waitMs: 10_000,
  startAtMs: undefined,
  runId: undefined,
};
const CLOSED = ['  requests_per_client = 7', '  duration_secs = 8'].join('\n');

describe('a stress file', () => {
  test('says nothing: the defaults, which the shipped file says too', () => {
    for (const config of [load('[stress]'), stressConfigOf({ config: 'config/stress.toml' })]) {
      const { settings, ...rest } = config;
      expect(rest).toEqual(DEFAULTS);
      expect(settings).toMatchObject({ min_delay_ms: 100, max_delay_ms: 2000, requests_per_client: 1000 });
    }
  });

  test('must exist where it is named', () => {
    expect(configErrorLines(() => stressConfigOf({ config: 'none.toml' }))).toEqual(['none.toml: no such file']);
  });

  test('the shipped one names every key, and its commented ones are valid', () => {
    const text = readFileSync('config/stress.toml', 'utf8');
    for (const key of Object.keys(stressSettings)) expect(text).toMatch(new RegExp(`^(# )?${key} = `, 'm'));
    const opened = parseConfig(stressFile.schema, text.replace(/^# (?=[a-z_]+ = )/gm, ''), 'opened');
    expect(opened.stress).toMatchObject({ image_directory: './test_images', seed: 1 });
  });

  test('sets everything', () => {
    const toml = `[stress]
      machine_id = 2
      num_clients = 3
      requests_per_client = 4
      min_delay_ms = 5
      max_delay_ms = 6.5
      image_directory = "i"
      client_config = "c"
      metrics_output_dir = "m"
      duration_secs = 60
      ramp_up_secs = 1.5
      warmup_secs = 2
      graceful_stop_secs = 0
      thresholds = ["p99<1s"]
      abort_on = ["failure_rate<5%"]
      seed = 7`;
    expect(load(toml)).toMatchObject({
      machineId: 2,
      numClients: 3,
      requests: {
        pacing: { mode: 'closed_loop', minDelayMs: 5, maxDelayMs: 6.5 },
        totalRequests: 4,
        durationMs: 60_000,
        rampUpMs: 1500,
      },
      warmupMs: 2000,
      gracefulStopMs: 0,
      thresholds: [{ expression: 'p99<1s' }],
      abortOn: [{ expression: 'failure_rate<5%' }],
      imageDirectory: 'i',
      clientConfig: 'c',
      isClientConfigRequired: true,
      metricsDir: 'm',
      seed: 7,
    });
  });

  test.each([
    ['num_clients = 0', 's.toml: stress.num_clients: expected a whole number from 1 to 100000, got 0'],
    ['machine_id = "x"', 's.toml: stress.machine_id: expected a whole number from 1 to 1000000, got "x"'],
    ['min_delay_ms = -1', 's.toml: stress.min_delay_ms: expected a number of milliseconds from 0 to 86400000, got -1'],
    ['num_client = 3', 's.toml: stress.num_client: unknown key, did you mean "stress.num_clients"?'],
    ['metrics_output_dir = ""', 's.toml: stress.metrics_output_dir: expected a path, got ""'],
    [
      'rate_per_second = 5\nmax_delay_ms = 5',
      's.toml: stress.rate_per_second: cannot be combined with stress.max_delay_ms',
    ],
    ['arrivals = "even"', 's.toml: stress.arrivals: expected one of "uniform", "poisson", got "even"'],
    [
      'thresholds = "p99<1s"',
      's.toml: stress.thresholds: expected a list of expressions such as "p99<800ms", got "p99<1s"',
    ],
    [
      'duration_secs = 5\nwarmup_secs = 5',
      's.toml: stress.warmup_secs: expected less than stress.duration_secs (5), got 5',
    ],
    [
      'min_delay_ms = 6\nmax_delay_ms = 5',
      's.toml: stress.min_delay_ms: expected at most stress.max_delay_ms (5), got 6',
    ],
    [
      'min_delay_ms = 3000',
      's.toml: stress.min_delay_ms: expected at most stress.max_delay_ms (2000, its default), got 3000',
    ],
  ])('%j', (toml, line) => {
    expect(linesOf(`[stress]\n${toml}`)).toEqual([line]);
  });
});

describe('the command line', () => {
  test('wins', () => {
    const flags = {
      'machine-id': '8',
      clients: '9',
      requests: '10',
      'min-delay-ms': '0',
      'max-delay-ms': '0',
      seed: '0',
      'client-config': './config/client_stress.toml',
      'image-dir': 'i',
      'metrics-dir': 'm',
    };
    expect(load('[stress]\nmachine_id = 2\nnum_clients = 3\nseed = 4', flags)).toMatchObject({
      machineId: 8,
      numClients: 9,
      requests: { pacing: { mode: 'closed_loop', minDelayMs: 0, maxDelayMs: 0 }, totalRequests: 10 },
      clientConfig: './config/client_stress.toml',
      imageDirectory: 'i',
      metricsDir: 'm',
      isClientConfigRequired: true,
      seed: 0,
    });
  });

  test.each<[string, StressFlags, object]>([
    ['', {}, { totalRequests: 1000 }],
    [CLOSED, {}, { totalRequests: 7, durationMs: 8000 }],
    ['duration_secs = 8', {}, { durationMs: 8000 }],
    [CLOSED, { duration: '2' }, { durationMs: 2000 }],
    [CLOSED, { duration: '2', requests: '5' }, { durationMs: 2000, totalRequests: 5 }],
    [CLOSED, { requests: '5' }, { totalRequests: 5 }],
    // With a rate on the command line, the file's requests per client belong to another load.
    ['requests_per_client = 7', { rate: '5' }, { durationMs: 300_000 }],
    [CLOSED, { rate: '5' }, { durationMs: 8000 }],
    [CLOSED, { rate: '5', requests: '3' }, { totalRequests: 3 }],
    ['rate_per_second = 5', {}, { durationMs: 300_000 }],
    [`rate_per_second = 5\n${CLOSED}`, {}, { totalRequests: 7, durationMs: 8000 }],
  ])('limits of %j with %j', (toml, flags, limits) => {
    const { totalRequests, durationMs } = load(`[stress]\n${toml}`, flags).requests;
    expect({ totalRequests, durationMs }).toEqual({ totalRequests: undefined, durationMs: undefined, ...limits });
  });

  test.each<[string, StressFlags, object]>([
    ['', { rate: '5' }, { mode: 'rate', ratePerSecond: 5, arrivals: 'uniform' }],
    ['min_delay_ms = 3', { rate: '5', arrivals: 'poisson' }, { ratePerSecond: 5, arrivals: 'poisson' }],
    ['rate_per_second = 5\narrivals = "poisson"', {}, { mode: 'rate', ratePerSecond: 5, arrivals: 'poisson' }],
    ['rate_per_second = 5', { arrivals: 'poisson' }, { ratePerSecond: 5, arrivals: 'poisson' }],
    ['rate_per_second = 5', { 'max-delay-ms': '50' }, { mode: 'closed_loop', minDelayMs: 50, maxDelayMs: 50 }],
  ])('pacing of %j with %j', (toml, flags, pacing) => {
    const config = load(`[stress]\n${toml}`, flags);
    expect(config.requests.pacing).toMatchObject(pacing);
    const isAtRate = config.requests.pacing.mode === 'rate';
    expect(config.settings.rate_per_second !== undefined).toBe(isAtRate);
    expect(config.settings.min_delay_ms === undefined && config.settings.arrivals !== undefined).toBe(isAtRate);
  });

  test('a short think time at most shortens the default of the least', () => {
    expect(load('[stress]', { 'max-delay-ms': '50' }).requests.pacing).toMatchObject({
      minDelayMs: 50,
      maxDelayMs: 50,
    });
  });

  test.each<[string, StressFlags, string]>([
    ['', { 'min-delay-ms': '6', 'max-delay-ms': '5' }, '--min-delay-ms: expected at most --max-delay-ms (5), got 6'],
    ['max_delay_ms = 5', { 'min-delay-ms': '6' }, '--min-delay-ms: expected at most stress.max_delay_ms (5), got 6'],
    ['', { 'metrics-dir': '' }, '--metrics-dir: expected a path, got ""'],
    ['', { 'image-dir': ' ' }, '--image-dir: expected a path, got " "'],
    ['', { rate: '5', 'min-delay-ms': '5' }, '--rate: cannot be combined with --min-delay-ms'],
    ['', { arrivals: 'poisson' }, '--arrivals: expected --rate beside it'],
    ['', { duration: '5', warmup: '6' }, '--warmup: expected less than --duration (5), got 6'],
    [
      '',
      { rate: '5', 'ramp-up': '300' },
      '--ramp-up: expected less than stress.duration_secs (300, its default), got 300',
    ],
  ])('%j %j', (toml, flags, message) => {
    expect(() => load(`[stress]\n${toml}`, flags)).toThrow(expect.objectContaining({ code: 'bad_usage', message }));
  });

  test('against the file: the file is named', () => {
    const line = 's.toml: stress.min_delay_ms: expected at most --max-delay-ms (5), got 6';
    expect(linesOf('[stress]\nmin_delay_ms = 6', { 'max-delay-ms': '5' })).toEqual([line]);
  });
});
