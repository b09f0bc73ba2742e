import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Cluster } from '../support/cluster';
import { inCluster, settled } from '../support/in-cluster';
import { longestGapMs, startLoad } from '../support/client-load';
import { expectHeld, verdicts } from '../support/verdicts';

const SMALL = { name: 'small.png', bytes: readFileSync(path.join(__dirname, '../../test_images/small.png')) };

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('leader killed under load: no failures, no long waits, and S1 to S8 hold', async () => {
  await inCluster({ servers: 3 }, async (cluster) => {
    const load = startLoad({ addresses: cluster.addresses, clients: 10, image: SMALL, thinkMs: 5 });
    await later(2000);
    const { leaderId } = await cluster.agreement();
    await cluster.kill(leaderId);
    await later(2000);
    cluster.restart(leaderId);
    await cluster.agreement();
    await later(1000);
    await load.stop();
    await settled(cluster);
    expect(load.records.length).toBeGreaterThan(300);
    expect(load.records.filter((record) => !record.success)).toEqual([]);
    // The target is 250 ms; tests share two cores with other work. The bench measures it.
    expect(longestGapMs(load.records)).toBeLessThan(1000);
    expectHeld(verdicts(cluster, load.records));
  });
}, 60_000);

test('killed and restarted within 50 ms: nothing is lost', async () => {
  await inCluster({ servers: 3 }, async (cluster) => {
    const load = startLoad({ addresses: cluster.addresses, clients: 6, image: SMALL, thinkMs: 20 });
    await later(1000);
    const { leaderId } = await cluster.agreement();
    await cluster.kill(leaderId);
    cluster.restart(leaderId);
    await later(3000);
    await load.stop();
    await cluster.agreement();
    await settled(cluster);
    expect(load.records.filter((record) => !record.success)).toEqual([]);
    expectHeld(verdicts(cluster, load.records));
  });
}, 60_000);

test('leader paused for 7 s: another takes over within failure timeout + heartbeat, and stays leader', async () => {
  await inCluster({ servers: 3 }, async (cluster) => {
    const load = startLoad({ addresses: cluster.addresses, clients: 6, image: SMALL, thinkMs: 20 });
    await later(1000);
    const { leaderId } = await cluster.agreement();
    const survivors = cluster.ids.filter((id) => id !== leaderId);
    cluster.pause(leaderId);
    const pausedMs = cluster.faults.at(-1)!.time;
    const next = await cluster.agreement(survivors);
    const led = cluster.events(next.leaderId).find((each) => each.event === 'leader' && each.term === next.term)!;
    expect(led.time - pausedMs).toBeLessThan(4000 + 500);
    await later(7000 - (Date.now() - pausedMs));
    cluster.resume(leaderId);
    await cluster.until('all follow the new leader', () => cluster.agreed(cluster.ids) !== null, 1500);
    expect(await cluster.agreement()).toEqual(next);
    await later(1000);
    await load.stop();
    await settled(cluster);
    expect(load.records.filter((record) => !record.success)).toEqual([]);
    expect(await cluster.agreement()).toEqual(next);
    expectHeld(verdicts(cluster, load.records));
  });
}, 60_000);

/** Kills the leader and another server; resolves when the remaining one leads. */
async function killAllButOne(cluster: Cluster): Promise<{ killedMs: number; survivor: number }> {
  const { leaderId } = await cluster.agreement();
  const survivor = cluster.ids.find((id) => id !== leaderId)!;
  await Promise.all(cluster.ids.filter((id) => id !== survivor).map((id) => cluster.kill(id)));
  const killedMs = cluster.faults.at(-1)!.time;
  await cluster.agreement([survivor]);
  return { killedMs, survivor };
}

test('two of three die: the survivor leads and serves at once', async () => {
  await inCluster({ servers: 3 }, async (cluster) => {
    const load = startLoad({ addresses: cluster.addresses, clients: 6, image: SMALL, thinkMs: 20 });
    await later(1000);
    const { killedMs } = await killAllButOne(cluster);
    await later(2000);
    await load.stop();
    const after = load.records.filter((record) => record.start_time > killedMs + 250);
    expect(after.length).toBeGreaterThan(50);
    expect(load.records.filter((record) => !record.success)).toEqual([]);
    expectHeld(verdicts(cluster, load.records));
  });
}, 60_000);

test('two of three die, with more load than the third can handle: it says so, and nothing fails', async () => {
  const extraToml = '[processing]\nworkers = 1\nqueue_limit = 4\n';
  await inCluster({ servers: 3, extraToml }, async (cluster) => {
    const load = startLoad({ addresses: cluster.addresses, clients: 30, image: SMALL });
    await later(1000);
    const { killedMs, survivor } = await killAllButOne(cluster);
    await later(4000);
    await load.stop();
    const events = cluster.events(survivor).filter(({ time }) => time > killedMs);
    expect(events.filter(({ event }) => event === 'overloaded').length).toBeGreaterThan(1);
    const tasks = events.flatMap((event) => (event.event === 'sample' ? [event.active + event.queued] : []));
    expect(Math.max(...tasks)).toBeLessThanOrEqual(5);
    expect(load.records.filter(({ start_time }) => start_time > killedMs).length).toBeGreaterThan(100);
    expect(load.records.filter((record) => !record.success)).toEqual([]);
    expectHeld(verdicts(cluster, load.records));
  });
}, 60_000);

test('SIGTERM to the leader hands over: exit 0, no request fails', async () => {
  await inCluster({ servers: 3 }, async (cluster) => {
    const load = startLoad({ addresses: cluster.addresses, clients: 6, image: SMALL, thinkMs: 20 });
    await later(500);
    const { leaderId } = await cluster.agreement();
    cluster.signal(leaderId, 'SIGTERM');
    expect(await cluster.exited(leaderId)).toBe(0);
    await cluster.agreement(cluster.ids.filter((id) => id !== leaderId));
    await later(500);
    await load.stop();
    expect(load.records.filter((record) => !record.success)).toEqual([]);
  });
}, 60_000);
