import { serverConfigFromFlags } from '../../src/config/server-config';
import { stressConfigOf } from '../../src/config/stress-config';
import { parseConfig } from '../../src/config/load';
import { serverFileSchema } from '../../src/config/server-file';

const machine = { availableParallelism: 2 };
const serverFile = (line: string) => ({
  path: 's.toml',
  settings: parseConfig(serverFileSchema, `[server]\nid = 1\naddress = "127.0.0.1:8001"\n${line}\n`, 's.toml'),
});
const SHAPE = 'HOST:PORT or [IPV6]:PORT with a port from 1 to 65535';

describe('the metrics address of a server', () => {
  it('is in its file or in a flag, which wins; default: none', () => {
    const file = serverFile('metrics_address = "127.0.0.1:9101"');
    expect(serverConfigFromFlags({}, file, machine).metricsAddress).toBe('127.0.0.1:9101');
    const flags = { metricsAddress: '[::1]:9102' };
    expect(serverConfigFromFlags(flags, file, machine).metricsAddress).toBe('[::1]:9102');
    expect(serverConfigFromFlags({}, serverFile(''), machine).metricsAddress).toBeUndefined();
  });

  it.each([
    [{ metricsAddress: '9101' }, '', `--metrics-address 9101: expected ${SHAPE}`],
    [{ metricsAddress: '\u001b[31m' }, '', `--metrics-address \\u001b[31m: expected ${SHAPE}`],
    [
      { metricsAddress: '0.0.0.0:8001' },
      '',
      '--metrics-address 0.0.0.0:8001: expected a port other than that of server.address, got 0.0.0.0:8001',
    ],
    [
      {},
      'metrics_address = "localhost:8001"\nadvertise_address = "a:1"',
      undefined, // only names show that these are the same; listening will
    ],
    [
      { address: '0.0.0.0:9101' },
      'metrics_address = "127.0.0.1:9101"',
      's.toml: server.metrics_address: expected a port other than that of --address 0.0.0.0:9101, got 127.0.0.1:9101',
    ],
  ])('%j beside %j', (flags, line, message) => {
    const act = () => serverConfigFromFlags(flags, serverFile(line), machine);
    if (message === undefined) expect(act).not.toThrow();
    else expect(act).toThrow(expect.objectContaining({ code: 'bad_config', message }));
  });
});

describe('the metrics address of stress', () => {
  it('is that of the flag; default: none', () => {
    expect(stressConfigOf(undefined).metricsAddress).toBeUndefined();
    expect(stressConfigOf(undefined, { metrics_address: '127.0.0.1:9100' }).metricsAddress).toBe('127.0.0.1:9100');
  });

  it('must be an address', () => {
    expect(() => stressConfigOf(undefined, { metrics_address: 'here\u0007' })).toThrow(
      expect.objectContaining({
        code: 'bad_usage',
        message: `--metrics-address: expected ${SHAPE}, got "here\\u0007"`,
      }),
    );
  });
});
