import { clientConfigOf } from '../../src/config/client-config';
import { configErrorLines, useTempFolder } from './helpers';

const temp = useTempFolder();
const load = (toml: string) => clientConfigOf({ config: temp.file('c.toml', toml) });
const linesOf = (toml: string) => configErrorLines(() => load(toml)).map((line) => line.replace(`${temp.folder}/`, ''));

const DEFAULTS = {
  machineId: 1,
  clientId: 1,
  seed: undefined,
  name: 'StressTestClient',
  serverAddresses: ['127.0.0.1:8001', '127.0.0.1:8002', '127.0.0.1:8003'],
  requestTimeoutMs: 10_000,
  requests: { pacing: { mode: 'rate', ratePerSecond: 1 }, durationMs: 300_000 },
  saysRequests: false,
};

describe('a client file', () => {
  test('may be missing or say nothing', () => {
    expect(clientConfigOf()).toEqual(DEFAULTS);
    expect(load('[client]')).toEqual(DEFAULTS);
    expect(configErrorLines(() => clientConfigOf({ config: 'none.toml' }))).toEqual(['none.toml: no such file']);
  });

  test("defaults are nobody else's to change", () => {
    clientConfigOf().serverAddresses.push('x:1');
    expect(clientConfigOf()).toEqual(DEFAULTS);
  });

  test('sets name, servers, images and timeout', () => {
    const toml = '[client]\nname = "me"\nserver_addresses = ["a:1"]\nimage_dir = "p"\nrequest_timeout_secs = 2.5';
    expect(load(toml)).toMatchObject({
      name: 'me',
      serverAddresses: ['a:1'],
      imageDirectory: 'p',
      requestTimeoutMs: 2500,
    });
  });

  test.each([
    ['rate_per_second = 2.5', { pacing: { mode: 'rate', ratePerSecond: 2.5 }, durationMs: 300_000 }],
    ['total_requests = 9', { pacing: { mode: 'rate', ratePerSecond: 1 }, totalRequests: 9 }],
    [
      'total_requests = 9\nduration_seconds = 3',
      { pacing: { mode: 'rate', ratePerSecond: 1 }, totalRequests: 9, durationMs: 3000 },
    ],
    [
      'min_delay_ms = 5\nmax_delay_ms = 5',
      { pacing: { mode: 'closed_loop', minDelayMs: 5, maxDelayMs: 5 }, durationMs: 300_000 },
    ],
    [
      'min_delay_ms = 0\nmax_delay_ms = 0',
      { pacing: { mode: 'closed_loop', minDelayMs: 0, maxDelayMs: 0 }, durationMs: 300_000 },
    ],
    ['min_delay_ms = 5', { pacing: { mode: 'closed_loop', minDelayMs: 5, maxDelayMs: 2000 }, durationMs: 300_000 }],
    ['max_delay_ms = 500', { pacing: { mode: 'closed_loop', minDelayMs: 100, maxDelayMs: 500 }, durationMs: 300_000 }],
    ['max_delay_ms = 50', { pacing: { mode: 'closed_loop', minDelayMs: 50, maxDelayMs: 50 }, durationMs: 300_000 }],
  ])('pacing: %j', (toml, requests) => {
    expect(load(`[requests]\n${toml}`).requests).toEqual(requests);
  });

  test.each([
    [
      '[requests]\nrate_per_second = 1\nmin_delay_ms = 5',
      'c.toml: requests.rate_per_second: cannot be combined with requests.min_delay_ms',
    ],
    [
      '[requests]\nrate_per_second = 1\nmax_delay_ms = 5',
      'c.toml: requests.rate_per_second: cannot be combined with requests.max_delay_ms',
    ],
    [
      '[requests]\nmin_delay_ms = 6\nmax_delay_ms = 5',
      'c.toml: requests.min_delay_ms: expected at most requests.max_delay_ms (5), got 6',
    ],
    [
      '[requests]\nmin_delay_ms = 3000',
      'c.toml: requests.min_delay_ms: expected at most requests.max_delay_ms (2000, its default), got 3000',
    ],
    [
      '[requests]\nrate_per_second = 0',
      'c.toml: requests.rate_per_second: expected a number from 0.001 to 1000000, got 0',
    ],
    [
      '[requests]\ntotal_requests = 1.5',
      'c.toml: requests.total_requests: expected a whole number from 1 to 1000000000, got 1.5',
    ],
    [
      '[requests]\nduration_secs = 3',
      'c.toml: requests.duration_secs: unknown key, did you mean "requests.duration_seconds"?',
    ],
    [
      '[client]\nserver_addresses = []',
      'c.toml: client.server_addresses: expected at least one address, got an empty list',
    ],
    ['[client]\nserver_addresses = "a:1"', 'c.toml: client.server_addresses: expected a list of addresses, got "a:1"'],
    [
      '[client]\nserver_addresses = ["a:1", "A:1"]',
      'c.toml: client.server_addresses[1]: expected each address once, got "A:1" again',
    ],
    [
      '[client]\nserver_addresses = ["a:1", "b"]',
      'c.toml: client.server_addresses[1]: expected HOST:PORT or [IPV6]:PORT with a port from 1 to 65535 (0.0.0.0 and [::] are only for listening), got "b"',
    ],
    [
      '[client]\nname = 2025-10-31',
      'c.toml: client.name: expected a text of 1 to 200 characters, got the date or time 2025-10-31',
    ],
    ['[server]\nid = 1', 'c.toml: server: unknown key; known at the top: client, tls, requests'],
  ])('%j', (toml, line) => {
    expect(linesOf(toml)).toEqual([line]);
  });
});
