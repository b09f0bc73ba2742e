import { ClusterError } from '../core/errors';
import { openFilesLimit, raiseTo } from '../files/open-files-limit';

/** The files of a run, pipes, worker threads, connections that are being replaced. */
const MARGIN = 100;

/**
 * Before a run: whether this process may open as many files as it is going to need at most, a connection of every client
 * to every server among them.
 * @param limit the soft limit that holds
 * @throws ClusterError `bad_usage` with the limit and how to raise it
 */
export function checkOpenFiles(numClients: number, numServers: number, limit = openFilesLimit()): void {
  const needed = numClients * numServers + MARGIN;
  if (needed <= limit) return;
  const servers = `${numServers} server${numServers === 1 ? '' : 's'}`;
  throw new ClusterError(
    'bad_usage',
    `--clients: ${numClients} clients of ${servers} need up to ${needed} open files and this process may have ${limit}: ` +
      `${raiseTo(needed)} or take fewer clients`,
  );
}
