import { readFileSync } from 'node:fs';
import path from 'node:path';
import { startLoad } from '../support/client-load';
import { Cluster, freePorts } from '../support/cluster';
import { inFolder, PROGRAM } from '../support/program';

const SMALL = { name: 'small.png', bytes: readFileSync(path.join(__dirname, '../../test_images/small.png')) };
const FAST = '[election]\nheartbeat_interval_secs = 0.2\nfailure_timeout_secs = 1\nelection_timeout_secs = 0.5';

test('1 hears 2, which cannot reach 1: both say so, and when 2 dies nothing of it stays in a ledger', async () => {
  await inFolder(async (folder) => {
    const [nowhere] = await freePorts(1);
    const cluster = await Cluster.create({ command: [PROGRAM], folder, servers: 3, extraToml: FAST });
    cluster.replaceInConfig(2, cluster.address(1), `127.0.0.1:${nowhere}`);
    try {
      // Leads, and hears both: a server 1 that leads assigns nothing to one that does not hear it.
      cluster.start(3);
      await cluster.agreement([3]);
      cluster.start(1);
      cluster.start(2);
      await cluster.ready();
      await cluster.until('1 and 2 say that they miss each other', () =>
        [
          [1, 'Server 2 is heard, but does not hear this server'],
          [2, 'Server 1 was not reached since this server started'],
        ].every(([id, text]) => cluster.output.get(Number(id))?.includes(String(text))),
      );
      const load = startLoad({ addresses: cluster.addresses, clients: 20, image: SMALL });
      const executedBy2 = (): number => cluster.events(2).filter(({ event }) => event === 'executed').length;
      await cluster.until('server 2 executes tasks', () => executedBy2() > 20);
      await cluster.kill(2);
      const enough = load.records.length + 100;
      await cluster.until('others go on', () => load.records.length > enough);
      await load.stop();
      expect(load.records.filter(({ success }) => !success)).toEqual([]);
      const endMs = Date.now();
      const samples = (id: number) =>
        cluster.events(id).flatMap((each) => (each.event === 'sample' && each.time > endMs + 1500 ? [each] : []));
      await cluster.until('samples after the load', () => [1, 3].every((id) => samples(id).length > 0));
      expect([1, 3].flatMap((id) => samples(id).map(({ ledger }) => ledger)).filter((count) => count > 0)).toEqual([]);
    } finally {
      await cluster.stop();
    }
  });
}, 60_000);
