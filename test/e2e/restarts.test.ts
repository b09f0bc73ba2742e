import { inCluster } from '../support/in-cluster';

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const extraToml = '[election]\nheartbeat_interval_secs = 0.2\nfailure_timeout_secs = 1\nelection_timeout_secs = 0.5\n';

test('a server that stands still right after its start unseats no leader', async () => {
  await inCluster({ servers: 3, extraToml }, async (cluster) => {
    // The lowest id wins among leaders of one term, so it must be a follower.
    if ((await cluster.agreement()).leaderId === 1) {
      await cluster.kill(1);
      await cluster.agreement([2, 3]);
      cluster.restart(1);
    }
    const before = await cluster.agreement();
    for (let round = 0; round < 3; round++) {
      await cluster.kill(1);
      await later(500);
      const starts = (): number => cluster.events(1).filter(({ event }) => event === 'started').length;
      const known = starts();
      cluster.restart(1);
      while (starts() === known) await new Promise(setImmediate);
      cluster.pause(1); // as a rule before it has heard anybody
      await later(1500);
      cluster.resume(1);
      await cluster.until('it follows again', () => cluster.agreed(cluster.ids) !== null);
      expect(await cluster.agreement()).toEqual(before);
    }
    await later(1500);
    expect(await cluster.agreement()).toEqual(before);
  });
}, 60_000);
