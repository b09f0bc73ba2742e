import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { TlsPem } from '../../src/core/transport/tls';
import { reset, wireOver } from '../fuzz/attack';
import { Cluster } from '../support/cluster';
import { descriptorsOf } from '../support/descriptors';
import { HAS_OPENSSL, LabCa } from '../support/lab-ca';
import { PROGRAM } from '../support/program';
import { envelopeHead, plain, taskRequest } from '../support/raw';

const CALLERS = 10;
/** Half the time allowed to a client that may only have ended its stream. */
const BACK_MS = 5_000;

const QUERY = plain('StatusQuery');
/** Too large for its answer to fit into the kernels' buffers. */
const TASK = Buffer.concat([envelopeHead(taskRequest('gone', 1), 2_000_000), Buffer.alloc(2_000_000)]);

if (!HAS_OPENSSL) console.log('openssl is not there: the tests of TLS are skipped');
const describeWithOpenssl = HAS_OPENSSL ? describe : describe.skip;

/** A client whose TCP connection can end without TLS knowing. */
class Caller {
  private readonly tls: TLSSocket;

  private constructor(
    private readonly raw: Socket,
    pem: TlsPem,
    maxVersion: Version,
  ) {
    this.tls = connectTls({ socket: wireOver(raw, null), ...pem, maxVersion, rejectUnauthorized: false });
    this.tls.on('error', () => undefined);
  }

  static async to(port: number, pem: TlsPem, version: Version): Promise<Caller> {
    const raw = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true });
    raw.on('error', () => undefined);
    await new Promise((resolve) => raw.once('connect', resolve));
    return new Caller(raw, pem, version);
  }

  async secured(): Promise<this> {
    await new Promise((resolve) => this.tls.once('secureConnect', resolve));
    return this;
  }

  /** Waits for any bytes from the server: in the handshake the first ones contain its certificate. */
  async heard(): Promise<this> {
    await new Promise((resolve) => this.raw.once('data', resolve));
    return this;
  }

  async says(...frames: Buffer[]): Promise<this> {
    await Promise.all(frames.map((bytes) => new Promise<void>((done) => this.tls.write(bytes, () => done()))));
    return this;
  }

  /** Sends the frames and waits for an answer. */
  async asks(...frames: Buffer[]): Promise<this> {
    const isAnswered = new Promise((resolve) => this.tls.once('data', resolve));
    await this.says(...frames);
    await isAnswered;
    return this;
  }

  /** Closes properly: a close_notify, then the end of the stream. */
  async closes(): Promise<this> {
    await new Promise<void>((resolve) => this.tls.end(() => resolve()));
    return this;
  }

  resets = (): void => reset(this.raw);

  /** Sends a FIN without a close_notify. */
  ends = (): void => void this.raw.end();

  destroy(): void {
    this.raw.destroy();
  }
}

type Version = 'TLSv1.2' | 'TLSv1.3';

const WAYS: [string, (caller: Caller) => Promise<void>][] = [
  ['resets in its handshake', async (caller) => (await caller.heard()).resets()],
  ['resets after its handshake', async (caller) => (await caller.secured()).resets()],
  ['resets behind a StatusQuery', async (caller) => (await (await caller.secured()).says(QUERY)).resets()],
  ['resets inside a task', async (caller) => (await (await caller.secured()).says(TASK.subarray(0, 90_000))).resets()],
  // The answer to the query proves that the task was read.
  ['resets while its task is worked on', async (caller) => (await (await caller.secured()).asks(TASK, QUERY)).resets()],
  ['resets inside its answer', async (caller) => (await (await caller.secured()).asks(TASK)).resets()],
  [
    'closes and resets while its task is worked on',
    async (caller) => (await (await (await caller.secured()).asks(TASK, QUERY)).closes()).resets(),
  ],
  ['ends its TCP in its handshake', async (caller) => (await caller.heard()).ends()],
  ['ends its TCP after its handshake', async (caller) => (await caller.secured()).ends()],
  ['ends its TCP behind a StatusQuery', async (caller) => (await (await caller.secured()).says(QUERY)).ends()],
];

/** Only sockets count: the server may open other files meanwhile, for instance for a new worker thread. */
const socketsOf = (pid: number): number => descriptorsOf(pid).sockets;

describeWithOpenssl('a server with TLS soon closes the descriptors of clients of which each', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-e2e-'));
  let cluster: Cluster;
  let pem: TlsPem;

  beforeAll(async () => {
    const lab = new LabCa(folder);
    pem = lab.pem('client');
    cluster = await Cluster.create({ command: [PROGRAM], folder, servers: 1, extraToml: lab.toml('server-1') });
    cluster.startAll();
    await cluster.ready();
  }, 30_000);

  afterAll(async () => {
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const rows = WAYS.flatMap(([name, goes]) =>
    (['TLSv1.2', 'TLSv1.3'] as const).map((version) => [name, version, goes] as const),
  );

  test.each(rows)(
    '%s (%s)',
    async (_, version, goes) => {
      const pid = cluster.processes.get(1)!.pid!;
      const before = socketsOf(pid);
      const callers = await Promise.all(
        Array.from({ length: CALLERS }, () => Caller.to(cluster.ports[0]!, pem, version)),
      );
      await Promise.all(callers.map(goes));
      await cluster.until('the sockets of all callers are closed', () => socketsOf(pid) <= before, BACK_MS);
      callers.forEach((caller) => caller.destroy());
      const good = await Caller.to(cluster.ports[0]!, pem, version);
      await (await good.secured()).asks(QUERY);
      good.destroy();
      await cluster.until('nobody is left', () => socketsOf(pid) <= before, BACK_MS);
    },
    20_000,
  );
});
