import { ClusterError } from '../core/errors';

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
      `raise the limit (ulimit -n ${roundUp(needed)}; where that is not permitted, "nofile" in ` +
      `/etc/security/limits.conf) or take fewer clients`,
  );
}

/** What holds for this very process: Node raises its soft limit to the hard one when it starts. Infinity: none. */
function openFilesLimit(): number {
  // Newer than its types; without it names of open connections may be looked up.
  Object.assign(process.report, { excludeNetwork: true });
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft: number | string } } };
  const limit = Number(report.userLimits?.open_files?.soft);
  return Number.isNaN(limit) ? Infinity : limit;
}

function roundUp(count: number): number {
  return 2 ** Math.ceil(Math.log2(count));
}
