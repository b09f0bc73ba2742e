import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { clientConfigOf } from '../../src/config/client-config';
import { loadServerConfig } from '../../src/config/server-config';
import { readTls, type TlsFiles, type TlsRole } from '../../src/config/tls';
import { HAS_OPENSSL, LabCa } from '../support/lab-ca';

const whereOpenssl = HAS_OPENSSL ? describe : describe.skip;
/** A time after the certificates were made. */
const NOW_MS = Date.now() + 60_000;

describe('[tls] of a file', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-tls-'));
  const file = path.join(folder, 'some.toml');
  afterAll(() => rmSync(folder, { recursive: true }));

  const client = (toml: string) => {
    writeFileSync(file, `[client]\n${toml}`);
    return clientConfigOf({ config: file }).tls;
  };

  test('names three files; without it, or if it is empty, there is no TLS', () => {
    expect(client('')).toBeUndefined();
    expect(client('[tls]\n')).toBeUndefined();
    const three = '[tls]\nca = "a"\ncert = "b"\nkey = "c"\n';
    const expected = {
      ca: { path: 'a', place: `${file}: tls.ca` },
      cert: { path: 'b', place: `${file}: tls.cert` },
      key: { path: 'c', place: `${file}: tls.key` },
    };
    expect(client(three)).toEqual(expected);
    writeFileSync(file, `[server]\nid = 1\naddress = "127.0.0.1:8001"\n${three}`);
    expect(loadServerConfig(file, { availableParallelism: 1 }).tls).toEqual(expected);
  });

  test('needs all three', () => {
    expect(() => client('[tls]\nca = "a"\n')).toThrow(
      `${file}: tls.cert: missing: expected a path beside tls.ca\n${file}: tls.key: missing: expected a path beside tls.ca`,
    );
    writeFileSync(file, '[server]\nid = 1\naddress = "127.0.0.1:8001"\n[tls]\nca = "a"\ncert = "b"\n');
    expect(() => loadServerConfig(file, { availableParallelism: 1 })).toThrow(
      `${file}: tls.key: missing: expected a path beside tls.ca, tls.cert`,
    );
  });

  test('has no other keys', () => {
    expect(() => client('[tls]\ncrt = "a"\n')).toThrow(`${file}: tls.crt: unknown key, did you mean "tls.cert"?`);
  });
});

whereOpenssl('the files of [tls]', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-tls-'));
  let lab: LabCa;
  beforeAll(() => {
    lab = new LabCa(folder);
    lab.make('expired', { from: '20200101000000Z', until: '20200201000000Z' });
    lab.make('future', { from: '20900101000000Z', until: '20910101000000Z' });
    writeFileSync(lab.file('text.crt'), 'no certificate\n');
    writeFileSync(
      lab.file('broken.crt'),
      readFileSync(lab.file('client.crt'), 'utf8').replace(/\n.{10}/, '\nAAAAAAAAAA'),
    );
    writeFileSync(lab.file('empty.crt'), '');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const files = (ca: string, cert: string, key: string): TlsFiles => ({
    ca: { path: lab.file(ca), place: 's.toml: tls.ca' },
    cert: { path: lab.file(cert), place: 's.toml: tls.cert' },
    key: { path: lab.file(key), place: 's.toml: tls.key' },
  });
  const problem = (ca: string, cert: string, key: string, role: TlsRole = 'client', nowMs = NOW_MS): string => {
    try {
      readTls(files(ca, cert, key), role, nowMs);
      return 'none';
    } catch (error) {
      expect(error).toMatchObject({ name: 'ClusterError', code: 'bad_config' });
      return (error as Error).message.replaceAll(`${path.join(folder, 'tls')}/`, '');
    }
  };

  test('of the documented commands are valid', () => {
    expect(readTls(files('ca.crt', 'client.crt', 'client.key'), 'client', NOW_MS)).toEqual(lab.pem('client'));
    for (const id of [1, 2, 3])
      expect(problem('ca.crt', `server-${id}.crt`, `server-${id}.key`, 'server')).toBe('none');
  });

  test('of a file with both certificate and key, each role uses its part only', () => {
    const { ca, cert, key } = lab.pem('client');
    writeFileSync(lab.file('both.pem'), `subject=CN = client\r\n${cert}${key}`);
    writeFileSync(lab.file('turned.pem'), `${key}${cert}\n# the next one's\n${lab.pem('server-1').key}`);
    writeFileSync(lab.file('told.crt'), `The CA of the lab\n${ca}`);
    for (const both of ['both.pem', 'turned.pem'])
      expect(readTls(files('told.crt', both, both), 'client', NOW_MS)).toEqual({ ca, cert, key });
  });

  test('chains are used completely', () => {
    lab.makeIntermediate('chained');
    writeFileSync(lab.file('two.crt'), `${lab.pem('client').ca}${lab.pem('chained-ca').cert}`);
    const { ca, cert } = readTls(files('two.crt', 'chained.crt', 'chained.key'), 'client', NOW_MS);
    expect([ca, cert].map((text) => text.split('BEGIN CERTIFICATE').length - 1)).toEqual([2, 2]);
  });

  test("the CA's key may not be in the file of its certificate, whatever its kind", () => {
    const { ca } = lab.pem('client');
    const caKey = readFileSync(lab.file('ca.key'), 'utf8');
    lab.encryptKey('ca.key', 'ca-encrypted.key');
    const texts = [
      `${ca}${caKey}`,
      `${caKey}${ca}`,
      caKey,
      `${ca}${readFileSync(lab.file('ca-encrypted.key'), 'utf8')}`,
    ];
    for (const text of texts) {
      writeFileSync(lab.file('ca-and-key.pem'), text);
      expect(problem('ca-and-key.pem', 'client.crt', 'client.key')).toBe(
        's.toml: tls.ca: ca-and-key.pem: contains a private key, expected only CA certificates',
      );
    }
  });

  test('a key too weak for OpenSSL, in any of the files', () => {
    // Node 24 requires 2048 bits, Node 20 accepts 1024.
    const newKey = ['-newkey', 'rsa:512', '-nodes'];
    lab.make('weak', { newKey });
    lab.makeIntermediate('feeble', newKey);
    for (const [ca, name, key, line] of [
      ['ca.crt', 'weak.crt', 'weak.key', 'tls.cert: weak.crt: OpenSSL does not accept it: ee key too small'],
      ['ca.crt', 'feeble.crt', 'feeble.key', 'tls.cert: feeble.crt: OpenSSL does not accept it: ca key too small'],
      [
        'feeble-ca.crt',
        'feeble-alone.crt',
        'feeble.key',
        'tls.ca: feeble-ca.crt: OpenSSL does not accept it: ca key too small',
      ],
    ] as const) {
      expect(problem(ca, name, key)).toBe(`s.toml: ${line}`);
    }
    // An unused weak CA does no harm.
    writeFileSync(lab.file('some-weak.crt'), `${lab.pem('feeble-ca').cert}${lab.pem('client').ca}`);
    expect(problem('some-weak.crt', 'client.crt', 'client.key')).toBe('none');
  });

  test.each([
    ['ca.crt', 'client.crt', 'none.key', 's.toml: tls.key: none.key: no such file'],
    ['ca.crt', 'none.crt', 'client.key', 's.toml: tls.cert: none.crt: no such file'],
    ['none.crt', 'client.crt', 'client.key', 's.toml: tls.ca: none.crt: no such file'],
    ['ca.crt', 'empty.crt', 'client.key', 's.toml: tls.cert: empty.crt: is empty'],
    ['text.crt', 'client.crt', 'client.key', 's.toml: tls.ca: text.crt: expected certificates in PEM'],
    ['ca.crt', 'text.crt', 'client.key', 's.toml: tls.cert: text.crt: expected a certificate in PEM'],
    ['ca.crt', 'broken.crt', 'client.key', 's.toml: tls.cert: broken.crt: expected a certificate in PEM'],
    ['ca.crt', 'client.crt', 'client.crt', 's.toml: tls.key: client.crt: expected a private key in PEM'],
    [
      'ca.crt',
      'client.crt',
      'server-1.key',
      /^s.toml: tls.key: server-1.key: does not match the certificate in .*client.crt$/,
    ],
    [
      'server-1.crt',
      'client.crt',
      'client.key',
      /^s.toml: tls.cert: client.crt: was not signed by the CA in .*server-1.crt$/,
    ],
    [
      'ca.crt',
      'expired.crt',
      'expired.key',
      's.toml: tls.cert: expired.crt: the certificate expired on Feb  1 00:00:00 2020 GMT',
    ],
    [
      'ca.crt',
      'future.crt',
      'future.key',
      's.toml: tls.cert: future.crt: the certificate is not valid before Jan  1 00:00:00 2090 GMT',
    ],
  ])('%s %s %s: one line', (ca, cert, key, text) => {
    expect(problem(ca, cert, key)).toMatch(text);
    expect(problem(ca, cert, key)).not.toContain('\n');
  });

  test('a key with a passphrase', () => {
    lab.encryptKey('client.key', 'encrypted.key');
    expect(problem('ca.crt', 'client.crt', 'encrypted.key')).toBe(
      's.toml: tls.key: encrypted.key: the key is encrypted, expected one without a passphrase',
    );
  });

  test("a client's certificate is not valid for a server", () => {
    expect(problem('ca.crt', 'client.crt', 'client.key', 'server')).toBe(
      's.toml: tls.cert: client.crt: the certificate of a server must allow serverAuth (extendedKeyUsage)',
    );
  });

  test('the CA itself expires, too', () => {
    expect(problem('ca.crt', 'client.crt', 'client.key', 'client', NOW_MS + 11 * 365 * 86_400_000)).toMatch(
      /^s.toml: tls.ca: ca.crt: the CA certificate expired on .*\ns.toml: tls.cert: client.crt: the certificate expired/,
    );
  });

  test('an intermediate CA may follow the certificate', () => {
    lab.makeIntermediate('below');
    expect(problem('ca.crt', 'below.crt', 'below.key')).toBe('none');
    expect(problem('ca.crt', 'below-alone.crt', 'below.key')).toMatch('was not signed by the CA');
  });

  const asUser = process.getuid?.() === 0 ? test.skip : test;
  asUser('an unreadable key', () => {
    writeFileSync(lab.file('locked.key'), 'x');
    chmodSync(lab.file('locked.key'), 0o000);
    expect(problem('ca.crt', 'client.crt', 'locked.key')).toBe('s.toml: tls.key: locked.key: no permission to read it');
  });
});
