import { Cluster, type ClusterOptions } from './cluster';
import { inFolder, PROGRAM } from './program';

/** Runs `body` with real servers in a fresh folder, started and agreed on a leader; stops them afterwards. */
export function inCluster<T>(
  options: Pick<ClusterOptions, 'servers' | 'coverFile' | 'extraToml'>,
  body: (cluster: Cluster, folder: string) => Promise<T>,
): Promise<T> {
  return inFolder(async (folder) => {
    const cluster = await Cluster.create({ command: [PROGRAM], folder, ...options });
    try {
      cluster.startAll();
      await cluster.ready();
      if (options.servers > 1) await cluster.agreement();
      return await body(cluster, folder);
    } finally {
      await cluster.stop();
    }
  });
}

/** Waits until every server has sampled a time at which every task had ended: the checker's S7 needs one. */
export async function settled(cluster: Cluster): Promise<void> {
  const fromMs = Math.max(...cluster.allEvents().map((event) => event.time)) + 1500;
  const isSampled = (id: number): boolean =>
    cluster.events(id).some((event) => event.event === 'sample' && event.time > fromMs);
  await cluster.until('a sample of every server after the last task', () => cluster.ids.every(isSampled));
}
