import { applyOverrides, clientConfigOf, type ClientOverrides } from '../../../src/commands/client/overrides';
import type { ClientConfig, Pacing } from '../../../src/config/client-config';
import { overridesOf } from '../../../src/commands/client/flags';

const config: ClientConfig = {
  name: 'FromFile',
  serverAddresses: ['10.0.0.1:1'],
  imageDir: 'dir',
  requestTimeoutMs: 1,
  requests: { pacing: { mode: 'rate', ratePerSecond: 1 }, durationMs: 300_000, totalRequests: 5 },
  saysRequests: true,
};
const loop: ClientConfig = {
  ...config,
  requests: { pacing: { mode: 'closed_loop', minDelayMs: 10, maxDelayMs: 20 }, totalRequests: 5 },
};

describe('the command line against the file', () => {
  it('without flags: the file', () => {
    expect(applyOverrides(config, {})).toEqual(config);
  });

  it.each<[ClientOverrides, string]>([
    [{ machineId: 2 }, 'Machine_2_Client_1'],
    [{ clientId: 7 }, 'Machine_1_Client_7'],
    [{ machineId: 2, clientId: 7 }, 'Machine_2_Client_7'],
  ])('%p names it %s', (overrides, name) => {
    expect(applyOverrides(config, overrides).name).toBe(name);
  });

  it.each<[ClientOverrides, { durationMs?: number; totalRequests?: number }]>([
    [{ totalRequests: 9 }, { totalRequests: 9 }],
    [{ durationSecs: 2.5 }, { durationMs: 2500 }],
    [
      { durationSecs: 2, totalRequests: 9 },
      { durationMs: 2000, totalRequests: 9 },
    ],
  ])('%p replaces both limits', (overrides, limits) => {
    const { durationMs, totalRequests } = applyOverrides(config, overrides).requests;
    expect({ durationMs, totalRequests }).toEqual({ durationMs: undefined, totalRequests: undefined, ...limits });
  });

  it.each<[ClientConfig, ClientOverrides, Pacing]>([
    [config, { ratePerSecond: 7 }, { mode: 'rate', ratePerSecond: 7 }],
    [loop, { ratePerSecond: 7 }, { mode: 'rate', ratePerSecond: 7 }],
    [config, { minDelayMs: 0 }, { mode: 'closed_loop', minDelayMs: 0, maxDelayMs: 2000 }],
    [config, { minDelayMs: 5000 }, { mode: 'closed_loop', minDelayMs: 5000, maxDelayMs: 5000 }],
    [config, { maxDelayMs: 50 }, { mode: 'closed_loop', minDelayMs: 50, maxDelayMs: 50 }],
    [loop, { maxDelayMs: 50 }, { mode: 'closed_loop', minDelayMs: 10, maxDelayMs: 50 }],
    [loop, { minDelayMs: 30 }, { mode: 'closed_loop', minDelayMs: 30, maxDelayMs: 30 }],
  ])('pacing %#', (file, overrides, pacing) => {
    expect(applyOverrides(file, overrides).requests.pacing).toEqual(pacing);
  });

  it.each<ClientOverrides>([
    { ratePerSecond: 1, minDelayMs: 1 },
    { minDelayMs: 2, maxDelayMs: 1 },
    { servers: ['localhost'] },
    { servers: ['0.0.0.0:8001'] },
  ])('%p is refused', (overrides) => {
    expect(() => applyOverrides(config, overrides)).toThrow(expect.objectContaining({ code: 'bad_usage' }));
  });

  it('servers replace those of the file, without duplicates', () => {
    const servers = ['a:1', 'b:2', 'A:1'];
    expect(applyOverrides(config, { servers }).serverAddresses).toEqual(['a:1', 'b:2']);
  });

  it('a named file must exist', () => {
    expect(() => clientConfigOf('no/such.toml', {})).toThrow(expect.objectContaining({ code: 'bad_config' }));
    expect(clientConfigOf(undefined, { imageDir: 'x' }).imageDir).toBe('x');
  });
});

describe('numbers on the command line', () => {
  it('are read', () => {
    const flags = { rate: '0.5', requests: '10', 'max-delay-ms': '0', seed: '0', server: ['a:1'], 'image-dir': 'd' };
    expect(overridesOf(flags)).toMatchObject({
      ...{ ratePerSecond: 0.5, totalRequests: 10, maxDelayMs: 0, seed: 0, servers: ['a:1'], imageDir: 'd' },
      minDelayMs: undefined,
    });
  });

  it.each([
    [{ rate: '0' }, '--rate: expected a number from 0.001 to 1000000, got "0"'],
    [{ rate: 'fast' }, '--rate: expected a number from 0.001 to 1000000, got "fast"'],
    [{ rate: '1e9' }, '--rate: expected a number from 0.001 to 1000000, got "1e9"'],
    [{ requests: '1.5' }, '--requests: expected a whole number from 1 to 1000000000, got "1.5"'],
    [{ 'min-delay-ms': '-1' }, '--min-delay-ms: expected a number from 0 to 86400000, got "-1"'],
    [{ seed: '' }, '--seed: expected a whole number from 0 to 140737488355328, got ""'],
  ])('%p is refused with a clear message', (flags, message) => {
    expect(() => overridesOf(flags)).toThrow(expect.objectContaining({ code: 'bad_usage', message }));
  });
});
