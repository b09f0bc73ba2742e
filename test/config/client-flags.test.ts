import { clientConfigOf, type ClientFlags } from '../../src/config/client-config';
import type { Pacing } from '../../src/config/client-config';
import { useTempFolder } from './helpers';

const temp = useTempFolder();
const CLIENT = '[client]\nname = "FromFile"\nserver_addresses = ["10.0.0.1:1"]\nimage_dir = "dir"\n';
const RATE = 'rate_per_second = 1\nduration_seconds = 300\ntotal_requests = 5';
const LOOP = 'min_delay_ms = 10\nmax_delay_ms = 20\ntotal_requests = 5';
const load = (flags: ClientFlags, requests = RATE) =>
  clientConfigOf({ config: temp.file('c.toml', `${CLIENT}[requests]\n${requests}`), ...flags });

describe('what the command line says against the file', () => {
  it('nothing: the file', () => {
    expect(load({})).toMatchObject({
      name: 'FromFile',
      serverAddresses: ['10.0.0.1:1'],
      imageDirectory: 'dir',
      machineId: 1,
      clientId: 1,
      requests: { pacing: { mode: 'rate', ratePerSecond: 1 }, durationMs: 300_000, totalRequests: 5 },
    });
  });

  it.each<[ClientFlags, string]>([
    [{ 'machine-id': '2' }, 'Machine_2_Client_1'],
    [{ 'client-id': '7' }, 'Machine_1_Client_7'],
    [{ 'machine-id': '2', 'client-id': '7' }, 'Machine_2_Client_7'],
  ])('%p names it %s', (flags, name) => {
    expect(load(flags).name).toBe(name);
  });

  it.each<[ClientFlags, { durationMs?: number; totalRequests?: number }]>([
    [{ requests: '9' }, { totalRequests: 9 }],
    [{ duration: '2.5' }, { durationMs: 2500 }],
    [
      { duration: '2', requests: '9' },
      { durationMs: 2000, totalRequests: 9 },
    ],
  ])('%p replaces both limits', (flags, limits) => {
    const { durationMs, totalRequests } = load(flags).requests;
    expect({ durationMs, totalRequests }).toEqual({ durationMs: undefined, totalRequests: undefined, ...limits });
  });

  it.each<[string, ClientFlags, Pacing]>([
    [RATE, { rate: '7' }, { mode: 'rate', ratePerSecond: 7 }],
    [LOOP, { rate: '7' }, { mode: 'rate', ratePerSecond: 7 }],
    [RATE, { 'min-delay-ms': '0' }, { mode: 'closed_loop', minDelayMs: 0, maxDelayMs: 2000 }],
    [RATE, { 'min-delay-ms': '5000' }, { mode: 'closed_loop', minDelayMs: 5000, maxDelayMs: 5000 }],
    [RATE, { 'max-delay-ms': '50' }, { mode: 'closed_loop', minDelayMs: 50, maxDelayMs: 50 }],
    [LOOP, { 'max-delay-ms': '50' }, { mode: 'closed_loop', minDelayMs: 10, maxDelayMs: 50 }],
    [LOOP, { 'max-delay-ms': '5' }, { mode: 'closed_loop', minDelayMs: 5, maxDelayMs: 5 }],
    [LOOP, { 'min-delay-ms': '30' }, { mode: 'closed_loop', minDelayMs: 30, maxDelayMs: 30 }],
  ])('pacing %#', (requests, flags, pacing) => {
    expect(load(flags, requests).requests.pacing).toEqual(pacing);
  });

  it.each<[ClientFlags, string]>([
    [{ rate: '1', 'min-delay-ms': '1' }, '--rate: cannot be combined with --min-delay-ms'],
    [{ 'min-delay-ms': '2', 'max-delay-ms': '1' }, '--min-delay-ms: expected at most --max-delay-ms (1), got 2'],
    [{ server: ['a:1', 'localhost'] }, expect.stringMatching(/^--server: expected HOST:PORT .*, got "localhost"$/)],
    [{ server: ['0.0.0.0:8001'] }, expect.stringMatching(/only for listening\), got "0\.0\.0\.0:8001"$/)],
    [{ server: ['x', 'y'] }, expect.stringMatching(/^--server: .*got "x"\n--server: .*got "y"$/)],
  ])('%p is refused', (flags, message) => {
    expect(() => load(flags)).toThrow(expect.objectContaining({ code: 'bad_usage', message }));
  });

  it('servers replace those of the file, each once', () => {
    expect(load({ server: ['a:1', 'b:2', 'A:1'] }).serverAddresses).toEqual(['a:1', 'b:2']);
  });

  it('a named file must be there', () => {
    const act = () => clientConfigOf({ config: 'no/such.toml' });
    expect(act).toThrow(expect.objectContaining({ code: 'bad_config' }));
    expect(clientConfigOf({ 'image-dir': 'x' }).imageDirectory).toBe('x');
  });
});

describe('numbers on the command line', () => {
  it('are read', () => {
    const flags = { rate: '0.5', requests: '10', seed: '0', server: ['a:1'], 'image-dir': 'd' };
    expect(load(flags)).toMatchObject({
      seed: 0,
      serverAddresses: ['a:1'],
      imageDirectory: 'd',
      requests: { pacing: { ratePerSecond: 0.5 }, totalRequests: 10 },
    });
  });

  it.each([
    [{ rate: '0' }, '--rate: expected a number from 0.001 to 1000000, got "0"'],
    [{ rate: 'fast' }, '--rate: expected a number from 0.001 to 1000000, got "fast"'],
    [{ rate: '1e9' }, '--rate: expected a number from 0.001 to 1000000, got "1e9"'],
    [{ requests: '1.5' }, '--requests: expected a whole number from 1 to 1000000000, got "1.5"'],
    [{ 'min-delay-ms': '-1' }, '--min-delay-ms: expected a number of milliseconds from 0 to 86400000, got "-1"'],
    [{ seed: '' }, '--seed: expected a whole number from 0 to 140737488355328, got ""'],
  ])('%p is refused in words', (flags, message) => {
    expect(() => load(flags)).toThrow(expect.objectContaining({ code: 'bad_usage', message }));
  });
});
