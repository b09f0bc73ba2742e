import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectPlain, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect as connectTls, TLSSocket } from 'node:tls';
import fc from 'fast-check';
import { encodeMessage } from '../../../src/core/transport/wire/frame';
import { type Connection, dial, type DialOptions } from '../../../src/core/transport/network';
import { nameProblem, Secure } from '../../../src/core/transport/tls';
import { HAS_OPENSSL, LabCa } from '../../support/lab-ca';
import { plain } from '../../support/raw';
import { cleanUp, Ear, leaveUnread, listening, Queue, rawClient, rawServer } from './sockets';

if (!HAS_OPENSSL) console.log('openssl is not there: the tests of TLS are skipped');
const whereOpenssl = HAS_OPENSSL ? describe : describe.skip;

type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

const HELLO = Buffer.from('16030100f8010000f40303', 'hex');
const MAX_HANDSHAKES = 1024;

whereOpenssl('mutual TLS', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-tls-'));
  const otherFolder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-tls-'));
  let lab: LabCa;
  let other: LabCa;
  const sockets: { destroy(): void }[] = [];

  beforeAll(() => {
    lab = new LabCa(folder);
    other = new LabCa(otherFolder);
    lab.make('expired', { from: '20200101000000Z', until: '20200201000000Z', names: 'DNS:server-1' });
    lab.make('future', { from: '20900101000000Z', until: '20910101000000Z', names: 'DNS:server-1' });
    lab.make('only-server', { purpose: 'serverAuth', names: 'DNS:server-1' });
    lab.make('by-ip', { names: 'IP:127.0.0.1' });
    lab.make('link-local', { names: 'IP:fe80::1' });
    lab.make('by-host', { names: 'DNS:localhost' });
    lab.make('nameless');
    lab.make('posing', { names: 'DNS:server-1.example.com,DNS:xserver-1,URI:server-1' });
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await cleanUp();
  });
  afterAll(() => {
    for (const each of [folder, otherFolder]) rmSync(each, { recursive: true });
  });

  const secureOf = (name: string, ca = lab): Secure => new Secure(ca.pem(name));

  async function secured(name = 'server-1', more: { handshakeTimeoutMs?: number } = {}) {
    const problems = new Queue<string>();
    const onTlsProblem = (remote: string, problem: string): void => {
      expect(remote).toMatch(/^127\.0\.0\.1:\d+$/);
      problems.push(problem);
    };
    return { ...(await listening({ secure: secureOf(name), onTlsProblem, ...more })), problems };
  }

  function dialed(address: string, secure: Secure | undefined, more: Partial<DialOptions> = {}) {
    const ear = new Ear();
    const connection: Connection = dial(address, { connectTimeoutMs: 5000, handler: ear, secure, ...more });
    sockets.push(connection);
    return { ear, connection };
  }

  /** Connects as a TLS program that is not ours. */
  function stranger(port: number, options: { maxVersion?: TlsVersion; name?: string; session?: Buffer }) {
    const { ca, ...own } = lab.pem(options.name ?? 'client');
    const shown = options.name === undefined ? {} : own;
    const { maxVersion, session } = options;
    const socket = connectTls({
      host: '127.0.0.1',
      port,
      ca,
      ...shown,
      maxVersion,
      session,
      checkServerIdentity: () => undefined,
    });
    sockets.push(socket);
    socket.on('error', () => undefined);
    return socket;
  }

  function silent(port: number): Socket {
    const socket = connectPlain({ host: '127.0.0.1', port });
    sockets.push(socket);
    socket.on('error', () => undefined);
    return socket;
  }

  const closed = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once('close', () => resolve()));

  test('data sent before the handshake arrives after it, in order; bodies and ends as without TLS', async () => {
    const { accepted, address, listener } = await secured();
    const { ear, connection } = dialed(address, secureOf('client'));
    connection.send({ kind: 'LeaderQuery' });
    connection.send({ kind: 'StatusQuery' });
    const there = await accepted.next();
    expect(await there.ear.messages.next()).toEqual({ kind: 'LeaderQuery' });
    expect(await there.ear.messages.next()).toEqual({ kind: 'StatusQuery' });
    await ear.opens.next();
    expect(there.connection.remoteAddress).toBe(connection.localAddress);
    const body = Buffer.alloc(8_000_000, 'carrier');
    const head = { kind: 'TaskResponse', request_id: 1, success: true, error_message: null, server_id: 1 } as const;
    const writer = there.connection.sendBody(head, body.length);
    expect(writer.write(body)).toBe(false);
    expect((await ear.bodies.next()).equals(body)).toBe(true);
    await there.connection.drained();
    expect(connection.bytesRead).toBeGreaterThan(body.length);
    expect(connection.bytesRead).toBe(there.connection.bytesWritten);
    expect(listener.traffic).toEqual({ readBytes: connection.bytesWritten, writtenBytes: connection.bytesRead });
    connection.end();
    expect(await there.ear.closes.next()).toBe('closed');
    expect(ear.tlsProblems.size + there.ear.tlsProblems.size).toBe(0);
  });

  test('TLS 1.3 if both have it, otherwise 1.2', async () => {
    const { accepted, listener } = await secured();
    const protocols = [];
    for (const maxVersion of [undefined, 'TLSv1.2'] as const) {
      const socket = stranger(listener.port, { name: 'client', maxVersion });
      await accepted.next();
      protocols.push(socket.getProtocol());
    }
    expect(protocols).toEqual(['TLSv1.3', 'TLSv1.2']);
    const old = connectTls({
      host: '127.0.0.1',
      port: listener.port,
      ...lab.pem('client'),
      minVersion: 'TLSv1.1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    old.on('error', () => undefined);
    await closed(old);
    expect(accepted.size).toBe(0);
  });

  describe('a dialer must have a certificate of the CA', () => {
    const cases = [
      ['expired', 'its certificate has expired'],
      ['future', 'its certificate is not valid yet (are the clocks right?)'],
      ['only-server', 'its certificate is for another purpose (extendedKeyUsage)'],
    ];

    test.each(cases)('%s', async (name, text) => {
      const { accepted, address, problems } = await secured();
      const { ear, connection } = dialed(address, secureOf(name));
      connection.send({ kind: 'StatusQuery' });
      expect(await problems.next()).toBe(text);
      expect(await ear.tlsProblems.next()).toBe(`it turned us away, saying of us: "${text}"`);
      expect(await ear.closes.next()).toBe('closed');
      expect(accepted.size).toBe(0);
    });

    test('of another CA', async () => {
      const { accepted, address, problems } = await secured();
      // It trusts the server, but shows a certificate of another CA.
      const { ca } = lab.pem('client');
      const { ear } = dialed(address, new Secure({ ...other.pem('client'), ca }));
      expect(await problems.next()).toMatch('was not signed by the CA');
      await ear.closes.next();
      expect(accepted.size).toBe(0);
    });

    test.each(['TLSv1.2', 'TLSv1.3'] as const)('none at all, or an expired one, over %s', async (maxVersion) => {
      const { accepted, listener, problems } = await secured();
      for (const [name, text] of [
        [undefined, 'it has no certificate'],
        ['expired', 'its certificate has expired'],
      ]) {
        const socket = stranger(listener.port, { maxVersion, name });
        const answer = new Promise<Buffer>((resolve) => socket.once('data', resolve));
        socket.write(plain({ StatusQuery: {} }));
        expect(await problems.next()).toBe(text);
        expect((await answer).subarray(4).toString()).toBe(
          JSON.stringify({ Error: { code: 'bad_certificate', message: text } }),
        );
        await closed(socket);
      }
      expect(accepted.size).toBe(0);
      expect(listener.connectionCount).toBe(0);
    });
  });

  describe('no session is resumed: the certificate is checked every time', () => {
    /** Starts a listener that records the fate of each dialer. */
    async function judging() {
      const fates = new Queue<string>();
      const onConnection = (): Ear => {
        fates.push('let in');
        return new Ear();
      };
      const onTlsProblem = (_remote: string, problem: string): void => fates.push(problem);
      const { listener } = await listening({ secure: secureOf('server-1'), onConnection, onTlsProblem });
      return { listener, fates };
    }

    const versions = ['TLSv1.2', 'TLSv1.3'] as const;
    const shown = [
      [undefined, 'it has no certificate'],
      ['expired', 'its certificate has expired'],
      ['client', 'let in'],
    ] as const;
    const cases = versions.flatMap((maxVersion) => shown.map(([first, fate]) => ({ maxVersion, first, fate })));
    test.each(cases)('$maxVersion, first with the certificate: $first', async ({ maxVersion, first, fate }) => {
      const { listener, fates } = await judging();
      const before = stranger(listener.port, { maxVersion, name: first });
      before.resume();
      // Even without tickets: a session then has an id, which the listener has forgotten.
      const session = await new Promise<Buffer>((resolve) => before.once('session', resolve));
      expect(await fates.next()).toBe(fate);
      before.destroy();
      for (const [second, text] of shown) {
        const after = stranger(listener.port, { maxVersion, name: second, session });
        after.resume();
        expect(await fates.next()).toBe(text);
        expect(after.isSessionReused()).toBe(false);
        after.destroy();
      }
      expect(fates.size).toBe(0);
    });

    test.each([
      ['isSessionReused', true, 'it resumed an earlier session, which shows no certificate'],
      ['getPeerX509Certificate', undefined, 'it has no certificate'],
    ] as const)('%s returning %s is enough to reject', async (method, value, text) => {
      const { listener, fates } = await judging();
      const spy = jest.spyOn(TLSSocket.prototype, method as 'isSessionReused').mockReturnValue(value as boolean);
      try {
        stranger(listener.port, { name: 'client' });
        expect(await fates.next()).toBe(text);
      } finally {
        spy.mockRestore();
      }
    });
  });

  describe('a dialed server must be the intended one', () => {
    const good: [string, string, number | undefined][] = [
      ['server-1', '127.0.0.1', 1],
      ['server-2', '127.0.0.1', undefined],
      ['by-ip', '127.0.0.1', 3],
      ['by-host', 'localhost', 3],
    ];
    test.each(good)('%s as %s, server %s', async (name, host, serverId) => {
      const { listener } = await secured(name);
      const { ear } = dialed(`${host}:${listener.port}`, secureOf('client'), { serverId });
      await ear.opens.next();
    });

    const wrong: [string, string, number | undefined, string][] = [
      ['server-2', '127.0.0.1', 1, 'its certificate names DNS:server-2, not 127.0.0.1 or server-1'],
      ['by-host', '127.0.0.1', 1, 'its certificate names DNS:localhost, not 127.0.0.1 or server-1'],
      ['by-ip', 'localhost', undefined, 'its certificate names IP Address:127.0.0.1, not localhost or server-N'],
      [
        'nameless',
        '127.0.0.1',
        1,
        'its certificate names no server (it has no subjectAltName), not 127.0.0.1 or server-1',
      ],
      [
        'posing',
        '127.0.0.1',
        1,
        'its certificate names DNS:server-1.example.com, DNS:xserver-1, URI:server-1, not 127.0.0.1 or server-1',
      ],
      [
        'posing',
        '127.0.0.1',
        undefined,
        'its certificate names DNS:server-1.example.com, DNS:xserver-1, URI:server-1, not 127.0.0.1 or server-N',
      ],
      ['client', '127.0.0.1', undefined, 'its certificate is for another purpose (extendedKeyUsage)'],
      ['expired', '127.0.0.1', 1, 'its certificate has expired'],
      ['future', '127.0.0.1', 1, 'its certificate is not valid yet (are the clocks right?)'],
    ];
    test.each(wrong)('%s as %s, server %s: reported, closed, and sent nothing', async (name, host, serverId, text) => {
      const { accepted, listener } = await secured(name);
      const { ear, connection } = dialed(`${host}:${listener.port}`, secureOf('client'), { serverId });
      connection.send({ kind: 'StatusQuery' });
      expect(await ear.tlsProblems.next()).toBe(text);
      expect(await ear.closes.next()).toBe('unreachable');
      expect(ear.opens.size).toBe(0);
      if (accepted.size > 0) {
        const there = await accepted.next();
        await there.ear.closes.next();
        expect(there.ear.messages.size).toBe(0);
      }
    });

    test('of another CA', async () => {
      const { address } = await secured();
      const { ear } = dialed(address, secureOf('client', other));
      expect(await ear.tlsProblems.next()).toBe(
        'its certificate was not signed by the CA that is configured here ([tls] ca)',
      );
      expect(await ear.closes.next()).toBe('unreachable');
    });
  });

  describe('problems of its own certificate that a server finds before its peers do', () => {
    const none = undefined;
    test.each([
      ['server-1', 1, ['10.0.0.1'], none],
      ['server-1', 1, [], none],
      ['by-ip', 1, ['127.0.0.1'], none],
      ['by-ip', 1, ['server1.lan', '127.0.0.1'], none],
      ['by-host', 1, ['LocalHost'], none],
      ['link-local', 1, ['fe80::1%eth0'], none],
      [
        'by-host',
        1,
        ['fe80::1%eth0'],
        'names DNS:localhost, but peers look for server-1 or the host they dial (fe80::1%eth0)',
      ],
      [
        'by-host',
        1,
        ['127.0.0.1'],
        'names DNS:localhost, but peers look for server-1 or the host they dial (127.0.0.1)',
      ],
      [
        'server-2',
        1,
        ['10.0.0.1', 'a.lan'],
        'names DNS:server-2, but peers look for server-1 or the host they dial (10.0.0.1, a.lan)',
      ],
      [
        'nameless',
        1,
        ['10.0.0.1'],
        'names no server (it has no subjectAltName), but peers look for server-1 or the host they dial (10.0.0.1)',
      ],
      // The dialed host is not known here; it may be one of these.
      ['by-ip', 1, [], none],
      ['by-host', 1, [], none],
      ['posing', 2, [], none],
      ['server-2', 1, [], 'names DNS:server-2, but peers look for server-1 or the host they dial'],
      [
        'nameless',
        1,
        [],
        'names no server (it has no subjectAltName), but peers look for server-1 or the host they dial',
      ],
    ])('%s as server %s at %j', (name, serverId, hosts, text) => {
      expect(nameProblem(lab.pem(name).cert, serverId, ...hosts)).toBe(text);
      expect(secureOf(name).nameProblem(serverId, hosts)).toBe(text);
    });
  });

  describe('only one side speaks TLS', () => {
    test('a program without it is told so, and is not read', async () => {
      const { accepted, listener, problems } = await secured();
      const client = await rawClient(listener.port);
      client.socket.write(encodeMessage({ kind: 'StatusQuery' }));
      expect(await client.messages.next()).toMatchObject({ kind: 'Error', code: 'tls_needed' });
      await client.closed;
      expect(await problems.next()).toBe('it does not speak TLS, which [tls] of the configuration here asks for');
      expect(accepted.size).toBe(0);
    });

    test('our own client without it reports it', async () => {
      const { address } = await secured();
      const { ear, connection } = dialed(address, undefined);
      connection.send({ kind: 'StatusQuery' });
      expect(await ear.tlsProblems.next()).toBe('it speaks TLS, for which there is no [tls] in the configuration here');
      expect(await ear.closes.next()).toBe('closed');
      expect(ear.messages.size).toBe(0);
    });

    test('a listener without it reports it, and so does its dialer', async () => {
      const { accepted, address } = await listening();
      const { ear } = dialed(address, secureOf('client'));
      const there = await accepted.next();
      expect(await there.ear.tlsProblems.next()).toBe(
        'it speaks TLS, for which there is no [tls] in the configuration here',
      );
      expect(await ear.tlsProblems.next()).toBe(
        'it does not speak TLS, which [tls] of the configuration here asks for',
      );
      expect(await ear.closes.next()).toBe('unreachable');
    });
  });

  describe('a failed dial', () => {
    test('is refused only where nobody listens', async () => {
      const { server, address } = await rawServer(() => undefined);
      await new Promise((resolve) => server.close(resolve));
      const { ear } = dialed(address, secureOf('client'));
      expect(await ear.closes.next()).toBe('refused');
      expect(ear.tlsProblems.size).toBe(0);
    });

    test.each(['end', 'resetAndDestroy'] as const)('is not refused after %s in the handshake', async (how) => {
      const { address } = await rawServer((socket) => socket.once('data', () => socket[how]()));
      const { ear } = dialed(address, secureOf('client'));
      expect(await ear.closes.next()).toMatch(/^(unreachable|closed)$/);
      expect(ear.opens.size + ear.tlsProblems.size).toBe(0);
    });

    test('times out if the other side never answers, like the kernel of a paused process', async () => {
      const { address } = await rawServer(() => undefined);
      const { ear } = dialed(address, secureOf('client'), { connectTimeoutMs: 50 });
      expect(await ear.closes.next()).toBe('timeout');
    });
  });

  describe('hostile dialers', () => {
    test('a silent one, or one with half a hello, is closed after the handshake timeout', async () => {
      const { accepted, listener, problems } = await secured('server-1', { handshakeTimeoutMs: 100 });
      const nothing = silent(listener.port);
      const half = silent(listener.port);
      half.write(HELLO);
      await Promise.all([closed(nothing), closed(half)]);
      expect(accepted.size + problems.size).toBe(0);
    });

    test('a flood of handshakes is bounded, and does not keep out a valid certificate', async () => {
      const { accepted, listener, address } = await secured();
      let openCount = 0;
      const first = silent(listener.port);
      first.write(HELLO);
      await new Promise((resolve) => first.once('connect', resolve));
      const flood = Array.from({ length: MAX_HANDSHAKES + 100 }, () => {
        const socket = silent(listener.port);
        socket.once('connect', () => (openCount += 1)).once('close', () => (openCount -= 1));
        socket.write(HELLO);
        return socket;
      });
      await Promise.all([closed(first), ...flood.slice(0, 50).map(closed)]);
      const { ear } = dialed(address, secureOf('client'));
      await ear.opens.next();
      await accepted.next();
      expect(openCount).toBeLessThanOrEqual(MAX_HANDSHAKES + 50);
      expect(listener.connectionCount).toBe(1);
    });

    test('whatever comes first, the next valid certificate is accepted', async () => {
      const { accepted, listener, address } = await secured();
      const bytes = fc.uint8Array({ minLength: 1, maxLength: 600 });
      const records = bytes.map((rest) => Buffer.concat([Buffer.from([0x16, 0x03, 0x01]), rest]));
      await fc.assert(
        fc.asyncProperty(fc.oneof(bytes, records), async (hostile) => {
          const socket = silent(listener.port);
          socket.end(Buffer.from(hostile));
          socket.resume();
          await closed(socket);
          expect(accepted.size).toBe(0);
        }),
        { numRuns: 60 },
      );
      const { ear } = dialed(address, secureOf('client'));
      await ear.opens.next();
    });

    test('closes a connection whose TLS record is invalid even while it is not read', async () => {
      const { accepted, listener } = await secured();
      const raw = silent(listener.port);
      const socket = connectTls({ socket: raw, ...lab.pem('client'), checkServerIdentity: () => undefined });
      socket.on('error', () => undefined);
      const { connection, ear } = await accepted.next();
      await leaveUnread(connection, { socket });
      socket.write(encodeMessage({ kind: 'LeaderQuery' }), () => raw.write(Buffer.from('1703030002aaaa', 'hex')));
      expect(await ear.closes.next()).toBe('error');
      expect(listener.connectionCount).toBe(0);
    });

    test('frames inside TLS keep their limits', async () => {
      const { accepted, listener } = await secured();
      const socket: TLSSocket = stranger(listener.port, { name: 'client' });
      socket.resume().write(Buffer.from('ffffffff', 'hex'));
      const there = await accepted.next();
      expect((await there.ear.errors.next()).code).toBe('frame_too_large');
      await closed(socket);
    });
  });
});
