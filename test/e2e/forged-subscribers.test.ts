import type { Message } from '../../src/core/protocol';
import { dial, type Connection } from '../../src/core/transport/network';
import { Secure } from '../../src/core/transport/tls';
import { Cluster } from '../support/cluster';
import { inCluster, settled } from '../support/in-cluster';
import { HAS_OPENSSL, LabCa } from '../support/lab-ca';
import { inFolder, PROGRAM } from '../support/program';
import { envelopeHead, plain, RawConnection, taskRequest } from '../support/raw';
import { expectHeld, verdicts } from '../support/verdicts';

const MANY = 1027;
const PLACES = 4;
const SECRET = Buffer.alloc(2000, 7);

if (!HAS_OPENSSL) console.log('openssl is not there: the tests of TLS are skipped');
const withOpenssl = HAS_OPENSSL ? test : test.skip;

/** Opens `count` connections that subscribe as `id` and read what they receive. */
async function forge(address: string, id: number, count: number): Promise<RawConnection[]> {
  const opened: RawConnection[] = [];
  while (opened.length < count) {
    const batch = await RawConnection.openMany(address, Math.min(200, count - opened.length));
    for (const connection of batch) opened.push(connection.send(plain({ Subscribe: { from_id: id } })));
  }
  return opened;
}

function destroyAll(connections: Iterable<RawConnection>): void {
  for (const connection of connections) connection.destroy();
}

/** Connections that reconnect as often as they can when they are closed. */
class Siege {
  readonly connections = new Set<RawConnection>();
  private isOver = false;
  private readonly ended: Promise<unknown>;

  constructor(address: string, id: number, count: number) {
    this.ended = Promise.all(Array.from({ length: count }, () => this.besiege(address, id)));
  }

  async end(): Promise<void> {
    this.isOver = true;
    destroyAll(this.connections);
    await this.ended;
  }

  private async besiege(address: string, id: number): Promise<void> {
    while (!this.isOver) {
      const connection = await RawConnection.open(address);
      this.connections.add(connection);
      connection.send(plain({ Subscribe: { from_id: id } }));
      const first = await connection.next().catch(() => null);
      const isIn = first !== null && typeof first.message === 'object' && 'Heartbeat' in (first.message as object);
      if (isIn && !this.isOver) await connection.closed(60_000);
      connection.destroy();
      this.connections.delete(connection);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

async function medianTaskMs(address: string, runId: string): Promise<number> {
  const connection = await RawConnection.open(address);
  const durationsMs: number[] = [];
  for (let index = 0; index < 20; index++) {
    const startMs = performance.now();
    const { TaskRequest } = taskRequest('Measured', index);
    const head = envelopeHead({ TaskRequest: { ...TaskRequest, run_id: runId } }, SECRET.length);
    connection.send(Buffer.concat([head, SECRET]));
    const { message } = await connection.next(20_000);
    expect(message).toMatchObject({ TaskResponse: { success: true } });
    durationsMs.push(performance.now() - startMs);
  }
  connection.destroy();
  return durationsMs.sort((a, b) => a - b)[10]!;
}

async function followerOf(cluster: Cluster): Promise<{ leader: number; follower: number; term: number }> {
  await cluster.ready();
  const { leaderId, term } = await cluster.agreement();
  return { leader: leaderId, follower: cluster.ids.find((id) => id !== leaderId)!, term };
}

/** Restarts the follower; returns the leader that all follow, once every server receives from it. */
async function comesBack(cluster: Cluster, follower: number): Promise<{ leaderId: number }> {
  const before = cluster.events(follower).length;
  cluster.restart(follower);
  const follows = (): boolean =>
    cluster
      .events(follower)
      .slice(before)
      .some((event) => event.event === 'leader');
  await cluster.until('all follow one leader', () => follows() && cluster.agreed(cluster.ids) !== null, 5000);
  for (const id of cluster.ids.filter((each) => each !== follower)) {
    const lastOf = () =>
      cluster
        .events(id)
        .filter((event) => (event.event === 'peer_up' || event.event === 'peer_down') && event.peer_id === follower)
        .at(-1)?.event;
    await cluster.until(`server ${id} hears it`, () => lastOf() === 'peer_up', 5000);
  }
  return cluster.agreement();
}

test(`${MANY} forged subscriptions as an absent peer do not keep it from coming back`, async () => {
  await inCluster({ servers: 3 }, async (cluster) => {
    const { leader, follower } = await followerOf(cluster);
    await cluster.kill(follower);
    const others = cluster.ids.filter((id) => id !== follower);
    const forged = await Promise.all(others.map((id) => forge(cluster.address(id), follower, MANY)));
    try {
      for (const id of others) {
        const place = await RawConnection.open(cluster.address(id));
        expect(await place.ask('LeaderQuery')).toHaveProperty('LeaderResponse'); // everything sent before has been read
        place.destroy();
      }
      expect(await comesBack(cluster, follower)).toMatchObject({ leaderId: leader });
    } finally {
      forged.forEach(destroyAll);
    }
    await settled(cluster);
    expectHeld(verdicts(cluster, []));
  });
}, 60_000);

test('a peer comes back although others keep taking the places in its name', async () => {
  await inCluster({ servers: 3 }, async (cluster) => {
    const { follower } = await followerOf(cluster);
    await cluster.kill(follower);
    const sieges = cluster.ids
      .filter((id) => id !== follower)
      .map((id) => new Siege(cluster.address(id), follower, 3 * PLACES));
    try {
      // Kept out for long enough it runs for leader, and of two leaders of one term the lower id stays.
      await comesBack(cluster, follower);
    } finally {
      await Promise.all(sieges.map((siege) => siege.end()));
    }
  });
}, 60_000);

test('2,000 forged subscriptions make no task slower', async () => {
  await inCluster({ servers: 3 }, async (cluster) => {
    const { leader, follower } = await followerOf(cluster);
    const address = cluster.address(leader);
    const quietMs = await medianTaskMs(address, 'quiet');
    const forged = await forge(address, follower, 2000);
    try {
      const hear = (): number => forged.filter((connection) => !connection.isClosed && connection.hasFrame).length;
      await cluster.until('all have received their answer', () => hear() === forged.length);
      const firsts = await Promise.all(forged.map((connection) => connection.next()));
      const heard = firsts.filter(({ message }) => Object.hasOwn(message as object, 'Heartbeat'));
      expect(heard.length).toBeLessThanOrEqual(PLACES);
      const crowdedMs = await medianTaskMs(address, 'crowded');
      expect(crowdedMs).toBeLessThan(10 * quietMs + 20);
    } finally {
      destroyAll(forged);
    }
    await settled(cluster);
    expectHeld(verdicts(cluster, []));
  });
}, 60_000);

/** Subscribes as a server; resolves to the first message that comes back. */
function subscribe(address: string, secure: Secure, from_id: number, opened: Connection[]): Promise<Message> {
  return new Promise((resolve, reject) => {
    const connection = dial(address, {
      secure,
      connectTimeoutMs: 5000,
      handler: {
        onMessage: (message) => resolve(message),
        onTlsProblem: (message) => resolve({ kind: 'Error', code: 'bad_certificate', message }),
        onBody: () => {},
        onEnd: () => {},
        onClose: (reason) => reject(new Error(reason)),
      },
    });
    opened.push(connection);
    connection.send({ kind: 'Subscribe', from_id });
  });
}

withOpenssl(
  'with TLS, only a certificate that names a server may subscribe as it',
  async () => {
    await inFolder(async (folder) => {
      const lab = new LabCa(folder);
      const extraToml = (id: number): string => lab.toml(`server-${id}`);
      const cluster = await Cluster.create({ command: [PROGRAM], folder, servers: 3, extraToml });
      const opened: Connection[] = [];
      const asked = (name: string): Promise<Message> =>
        subscribe(cluster.address(1), new Secure(lab.pem(name)), 2, opened);
      try {
        cluster.startAll();
        await cluster.ready();
        await cluster.agreement();
        for (const name of ['client', 'server-3']) {
          expect(await asked(name)).toMatchObject({ kind: 'Error', code: 'bad_certificate' });
        }
        expect(await asked('server-2')).toMatchObject({ kind: 'Heartbeat', from_id: 1 });
        expect(cluster.output.get(1)).toMatch(
          /WARN TLS with a caller from 127\.0\.0\.1: its certificate names DNS:server-3, not 127\.0\.0\.1 or server-2/,
        );
      } finally {
        for (const connection of opened) connection.destroy();
        await cluster.stop();
      }
    });
  },
  60_000,
);
