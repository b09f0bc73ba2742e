/** Checks before a run that this process may open enough files, with a connection of every client to every server. */
import { ClusterError } from '../core/errors';
import { openFilesLimit, raiseTo } from '../files/open-files-limit';

/** Room for the files of a run, pipes, worker threads, and connections being replaced. */
const MARGIN = 100;

/**
 * @param limit the soft limit in effect
 * @throws ClusterError `bad_usage` with the limit and how to raise it
 */
export function checkOpenFiles(numClients: number, numServers: number, limit = openFilesLimit()): void {
  const needed = numClients * numServers + MARGIN;
  if (needed <= limit) return;
  const servers = `${numServers} server${numServers === 1 ? '' : 's'}`;
  throw new ClusterError(
    'bad_usage',
    `--clients: ${numClients} clients of ${servers} need up to ${needed} open files and the limit of this process is ${limit}: ` +
      `${raiseTo(needed)} or use fewer clients`,
  );
}
