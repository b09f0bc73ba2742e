import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as later } from 'node:timers/promises';
import { startLoad } from '../support/client-load';
import type { Cluster } from '../support/cluster';
import { inCluster } from '../support/in-cluster';

const SMALL = { name: 'small.png', bytes: readFileSync(path.join(__dirname, '../../test_images/small.png')) };
/** About 1 s by the rule, and time for a machine that is busy with other tests. */
const LONGEST_MS = 2000;

/** One client with one request in flight at a time while `faults` stops servers (of three) with SIGSTOP. */
async function lived(thinkMs: number, faults: (cluster: Cluster, followers: number[]) => Promise<void>): Promise<void> {
  await inCluster({ servers: 3 }, async (cluster) => {
    const { leaderId } = await cluster.agreement();
    const load = startLoad({ addresses: cluster.addresses, clients: 1, image: SMALL, thinkMs });
    await later(1500);
    await faults(
      cluster,
      cluster.ids.filter((id) => id !== leaderId),
    );
    await later(6000);
    for (const id of cluster.ids) cluster.resume(id);
    await load.stop();
    expect(load.records.filter(({ success }) => !success)).toEqual([]);
    expect(Math.max(...load.records.map(({ latency_ms }) => latency_ms))).toBeLessThan(LONGEST_MS);
    expect(load.records.length).toBeGreaterThan(15);
  });
}

test('both followers stop: the one request in flight goes on to the leader', async () => {
  await lived(20, async (cluster, followers) => {
    for (const id of followers) cluster.pause(id);
    await later(0);
  });
}, 60_000);

test('one follower stops for a while, later the other: the token is spent, and none is needed', async () => {
  // So few requests do not bring the token back.
  await lived(300, async (cluster, [first, second]) => {
    cluster.pause(first!);
    await later(1500);
    cluster.resume(first!);
    await later(2000);
    cluster.pause(second!);
  });
}, 60_000);
