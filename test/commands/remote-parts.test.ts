import { readFileSync } from 'node:fs';
import { runConfigOf } from '../../src/config/run-config';
import type { ClusterError } from '../../src/core/errors';
import { remotePartsOf } from '../../src/commands/run/remote-parts';
import { useTempFolder } from '../config/helpers';
import { HAS_OPENSSL, LabCa } from '../support/lab-ca';

const temp = useTempFolder();
const describeWithOpenssl = HAS_OPENSSL ? describe : describe.skip;

describeWithOpenssl('the certificates of a lab', () => {
  let ca: LabCa;
  beforeAll(() => {
    ca = new LabCa(temp.folder);
  });

  const server = (id: number, address: string, cert: string): string[] => [
    ...['[[servers]]', `id = ${id}`, `host = "s${id}"`, `address = "${address}"`, 'work_dir = "c"'],
    ...[`cert = ${JSON.stringify(ca.file(`${cert}.crt`))}`, `key = ${JSON.stringify(ca.file(`${cert}.key`))}`],
  ];
  /** Makes the parts of a lab whose servers 1 and 2 have these certificates, named as in the lab's folder. */
  function partsOf(first: string, second: string, address = 's2.lab:8001') {
    const lines = [
      ...['[run]', `binary = ${JSON.stringify(process.execPath)}`, ca.toml('client')],
      ...[...server(1, 's1.lab:8001', first), ...server(2, address, second)],
      ...['[[clients]]', 'host = "c1"', 'work_dir = "c"'],
    ];
    const { config } = runConfigOf({ config: temp.file('r.toml', lines.join('\n')) });
    return remotePartsOf(config, config.lab!, []);
  }
  async function problemsOf(...args: Parameters<typeof partsOf>): Promise<string[]> {
    const error: unknown = await Promise.resolve()
      .then(() => partsOf(...args))
      .then(
        () => new Error('nothing is wrong'),
        (each: unknown) => each,
      );
    expect(error).toMatchObject({ code: 'bad_config' });
    return (error as ClusterError).message.replaceAll(`${temp.folder}/`, '').split('\n');
  }

  test('that name their servers are accepted', async () => {
    const { tls } = await partsOf('server-1', 'server-2');
    expect(tls?.servers.get(2)?.cert).toBe(readFileSync(ca.file('server-2.crt'), 'utf8'));
    ca.make('by-host', { names: 'DNS:S2.lab' });
    ca.make('by-ip', { names: 'IP:10.0.0.2' });
    await partsOf('server-1', 'by-host');
    await partsOf('server-1', 'by-ip', '10.0.0.2:8001');
  });

  test('that are swapped are each reported', async () => {
    expect(await problemsOf('server-2', 'server-1')).toEqual([
      'r.toml: servers[0].cert: tls/server-2.crt: names DNS:server-2, but peers look for server-1 or the host they dial (s1.lab)',
      'r.toml: servers[1].cert: tls/server-1.crt: names DNS:server-1, but peers look for server-2 or the host they dial (s2.lab)',
    ]);
  });

  test('that name no server are reported', async () => {
    ca.make('nameless');
    expect(await problemsOf('server-1', 'nameless')).toEqual([
      'r.toml: servers[1].cert: tls/nameless.crt: names no server (it has no subjectAltName), but peers look for server-2 or the host they dial (s2.lab)',
    ]);
  });

  test('that cannot be used are reported by their entry', async () => {
    expect(await problemsOf('server-1', 'client')).toEqual([
      expect.stringMatching(/^r\.toml: servers\[1\]\.cert: tls\/client\.crt: the certificate of a server must allow/),
    ]);
  });
});
