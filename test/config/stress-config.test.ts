import { readFileSync } from 'node:fs';
import { parseConfig } from '../../src/config/load';
import { stressConfigOf, stressFileSchema, type StressOverrides } from '../../src/config/stress-config';
import { configErrorLines, useTempFolder } from './helpers';

const temp = useTempFolder();
const load = (toml: string, overrides?: StressOverrides) => stressConfigOf(temp.file('s.toml', toml), overrides);
const linesOf = (toml: string, overrides?: StressOverrides) =>
  configErrorLines(() => load(toml, overrides)).map((line) => line.replace(`${temp.folder}/`, ''));

const DEFAULTS = {
  machineId: 1,
  numClients: 100,
  requests: { pacing: { mode: 'closed_loop', minDelayMs: 100, maxDelayMs: 2000 }, totalRequests: 1000 },
  imageDirectory: undefined,
  clientConfig: './config/client_stress.toml',
  isClientConfigRequired: false,
  metricsDir: './metrics',
  seed: undefined,
};

describe('a stress file', () => {
  test('says nothing: the defaults, which the shipped file says too', () => {
    expect(load('[stress]')).toEqual(DEFAULTS);
    expect(stressConfigOf('config/stress.toml')).toEqual(DEFAULTS);
  });

  test('must exist where it is named', () => {
    expect(configErrorLines(() => stressConfigOf('none.toml'))).toEqual(['none.toml: no such file']);
  });

  test('the shipped one names every key, and its commented ones are right', () => {
    const text = readFileSync('config/stress.toml', 'utf8');
    const keys = Object.keys(stressFileSchema.pipe[1].entries.stress.wrapped.pipe[1].entries);
    for (const key of keys) expect(text).toMatch(new RegExp(`^(# )?${key} = `, 'm'));
    const opened = parseConfig(stressFileSchema, text.replace(/^# (?=[a-z_]+ = )/gm, ''), 'opened');
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
      seed = 7`;
    expect(load(toml)).toEqual({
      machineId: 2,
      numClients: 3,
      requests: { pacing: { mode: 'closed_loop', minDelayMs: 5, maxDelayMs: 6.5 }, totalRequests: 4 },
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
    ['min_delay_ms = -1', 's.toml: stress.min_delay_ms: expected a number from 0 to 86400000, got -1'],
    ['num_client = 3', 's.toml: stress.num_client: unknown key, did you mean "stress.num_clients"?'],
    ['metrics_output_dir = ""', 's.toml: stress.metrics_output_dir: expected a path, got ""'],
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
    const overrides = { machineId: 8, numClients: 9, requestsPerClient: 10, minDelayMs: 0, maxDelayMs: 0, seed: 0 };
    const paths = { clientConfig: './config/client_stress.toml', imageDirectory: 'i', metricsDir: 'm' };
    expect(load('[stress]\nmachine_id = 2\nnum_clients = 3\nseed = 4', { ...overrides, ...paths })).toEqual({
      machineId: 8,
      numClients: 9,
      requests: { pacing: { mode: 'closed_loop', minDelayMs: 0, maxDelayMs: 0 }, totalRequests: 10 },
      ...paths,
      isClientConfigRequired: true,
      seed: 0,
    });
  });

  test.each<[StressOverrides, object]>([
    [{ durationSecs: 2 }, { durationMs: 2000, totalRequests: undefined }],
    [
      { durationSecs: 2, requestsPerClient: 5 },
      { durationMs: 2000, totalRequests: 5 },
    ],
    [{ requestsPerClient: 5 }, { totalRequests: 5 }],
  ])('limits of %j', (overrides, limits) => {
    const { totalRequests, durationMs } = load('[stress]\nrequests_per_client = 7', overrides).requests;
    expect({ totalRequests, durationMs }).toEqual({ durationMs: undefined, ...limits });
  });

  test('a short think time at most shortens the default of the least', () => {
    expect(load('[stress]', { maxDelayMs: 50 }).requests.pacing).toMatchObject({ minDelayMs: 50, maxDelayMs: 50 });
  });

  test.each<[string, StressOverrides, string]>([
    ['', { minDelayMs: 6, maxDelayMs: 5 }, '--min-delay-ms: expected at most --max-delay-ms (5), got 6'],
    ['max_delay_ms = 5', { minDelayMs: 6 }, '--min-delay-ms: expected at most stress.max_delay_ms (5), got 6'],
    ['', { metricsDir: '' }, '--metrics-dir: expected a path, got ""'],
    ['', { imageDirectory: ' ' }, '--image-dir: expected a path, got " "'],
  ])('%j %j', (toml, overrides, message) => {
    expect(() => load(`[stress]\n${toml}`, overrides)).toThrow(expect.objectContaining({ code: 'bad_usage', message }));
  });

  test('against the file: the file is named', () => {
    const line = 's.toml: stress.min_delay_ms: expected at most --max-delay-ms (5), got 6';
    expect(linesOf('[stress]\nmin_delay_ms = 6', { maxDelayMs: 5 })).toEqual([line]);
  });
});
