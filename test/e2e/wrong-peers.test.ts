import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Cluster } from '../support/cluster';
import { inFolder, PROGRAM } from '../support/program';

const TIMINGS = '[election]\nheartbeat_interval_secs = 0.2\nfailure_timeout_secs = 0.6\nelection_timeout_secs = 0.5\n';

interface Member {
  id: number;
  port: number;
  /** Id and port of each, as its own list has them. */
  peers: [id: number, port: number][];
}

/** Runs `body` with servers that each have their own list; `place` 1 is the first of them, whatever its id. */
async function inWrongCluster(
  count: number,
  membersOf: (ports: readonly number[]) => Member[],
  body: (
    said: (place: number, text: string) => Promise<void>,
    ports: readonly number[],
    cluster: Cluster,
  ) => Promise<void>,
): Promise<void> {
  await inFolder(async (folder) => {
    const cluster = await Cluster.create({ command: [PROGRAM], folder, servers: count });
    const { ports } = cluster;
    membersOf(ports).forEach((member, index) => {
      writeFileSync(path.join(cluster.folder(index + 1), 'server.toml'), tomlOf(member));
    });
    const times = (place: number, text: string): number => (cluster.output.get(place) ?? '').split(text).length - 1;
    try {
      cluster.startAll();
      await body(
        (place, text) => cluster.until(`server ${place} says: ${text}`, () => times(place, `] WARN ${text}\n`) === 1),
        ports,
        cluster,
      );
    } finally {
      await cluster.stop();
    }
  });
}

function tomlOf({ id, port, peers }: Member): string {
  const list = peers.map(([peerId, peerPort]) => `{ id = ${peerId}, address = "127.0.0.1:${peerPort}" }`).join(', ');
  return `[server]\nid = ${id}\naddress = "127.0.0.1:${port}"\n[peers]\npeers = [${list}]\n${TIMINGS}`;
}

test('a wrong id for an address: the dialing server says so', async () => {
  const members = ([four, five]: readonly number[]): Member[] => [
    { id: 4, port: four!, peers: [[6, five!]] },
    { id: 5, port: five!, peers: [[4, four!]] },
  ];
  await inWrongCluster(2, members, async (said, ports) => {
    await said(1, `Server 5 answers at 127.0.0.1:${ports[1]}, expected server 6 by the configuration`);
  });
}, 30_000);

test("a server that is missing in a peer's list: both say so", async () => {
  const members = ([two, three]: readonly number[]): Member[] => [
    { id: 2, port: two!, peers: [] },
    { id: 3, port: three!, peers: [[2, two!]] },
  ];
  await inWrongCluster(2, members, async (said, ports) => {
    await said(2, `Server 2 (127.0.0.1:${ports[0]}) does not have this server in its peers`);
    await said(1, 'A server at 127.0.0.1 has id 3, which is not among the peers of this server');
  });
}, 30_000);

test('two servers with one id: the one that nobody dials says so, once', async () => {
  const members = ([seven, other, eight]: readonly number[]): Member[] => [
    { id: 7, port: seven!, peers: [[8, eight!]] },
    { id: 7, port: other!, peers: [[8, eight!]] },
    { id: 8, port: eight!, peers: [[7, seven!]] },
  ];
  await inWrongCluster(3, members, async (said, ports, cluster) => {
    const line = `Two servers have id 7: server 8 (127.0.0.1:${ports[2]}) hears one that is not this one`;
    await said(2, line);
    // After twice the waiting time it is not logged again.
    await new Promise((resolve) => setTimeout(resolve, 2000));
    await said(2, line);
    expect(cluster.output.get(1)).not.toContain('Two servers');
  });
}, 30_000);
