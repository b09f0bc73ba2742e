import { serverConfigOf } from '../../src/config/server-config';
import { stressConfigOf } from '../../src/config/stress-config';
import { parseConfig } from '../../src/config/load';
import { serverFile as file } from '../../src/config/server-file';

const machine = { availableParallelism: 2 };
const serverFile = (line: string) => ({
  path: 's.toml',
  settings: parseConfig(file.schema, `[server]\nid = 1\naddress = "127.0.0.1:8001"\n${line}\n`, 's.toml'),
});
const SHAPE = 'HOST:PORT or [IPV6]:PORT with a port from 1 to 65535';

describe('the metrics address of a server', () => {
  it('is in its file or in a flag, which wins; default: none', () => {
    const file = serverFile('metrics_address = "127.0.0.1:9101"');
    expect(serverConfigOf({}, file, machine).metricsAddress).toBe('127.0.0.1:9101');
    const flags = { 'metrics-address': '[::1]:9102' };
    expect(serverConfigOf(flags, file, machine).metricsAddress).toBe('[::1]:9102');
    expect(serverConfigOf({}, serverFile(''), machine).metricsAddress).toBeUndefined();
  });

  it.each([
    [{ 'metrics-address': '9101' }, '', `--metrics-address: expected ${SHAPE}, got "9101"`],
    [{ 'metrics-address': '\u001b[31m' }, '', `--metrics-address: expected ${SHAPE}, got "\\u001b[31m"`],
    [
      { 'metrics-address': '0.0.0.0:8001' },
      '',
      '--metrics-address: expected a port other than that of server.address, got 0.0.0.0:8001',
    ],
    [
      {},
      'metrics_address = "localhost:8001"\nadvertise_address = "a:1"',
      undefined, // only a resolver knows that these are the same; listening fails
    ],
    [
      { address: '0.0.0.0:9101' },
      'metrics_address = "127.0.0.1:9101"',
      's.toml: server.metrics_address: expected a port other than that of --address, got 127.0.0.1:9101',
    ],
  ])('%j beside %j', (flags, line, message) => {
    const act = () => serverConfigOf(flags, serverFile(line), machine);
    if (message === undefined) expect(act).not.toThrow();
    else expect(act).toThrow(message);
  });
});

describe('where stress shows its metrics', () => {
  it('is what the flag says; by default nowhere', () => {
    expect(stressConfigOf({}).metricsAddress).toBeUndefined();
    expect(stressConfigOf({ 'metrics-address': '127.0.0.1:9100' }).metricsAddress).toBe('127.0.0.1:9100');
  });

  it('must be an address', () => {
    expect(() => stressConfigOf({ 'metrics-address': 'here\u0007' })).toThrow(
      expect.objectContaining({
        code: 'bad_usage',
        message: `--metrics-address: expected ${SHAPE}, got "here\\u0007"`,
      }),
    );
  });
});
