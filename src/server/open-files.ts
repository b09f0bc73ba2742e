/**
 * Limits a server's connections to the open files that it may have: a crowd of callers must leave files for peers,
 * events and samples.
 */
import { ClusterError } from '../core/errors';
import { DEFAULT_MAX_HANDSHAKES } from '../core/transport/listener';
import { openFilesLimit, raiseTo } from '../files/open-files-limit';

/** Event loops, standard streams, events, log, pid file, load sampling, name resolution. */
const OWN_FILES = 64;
/** A worker thread's event loop. */
const FILES_PER_WORKER = 8;
/** The dialed link and the one before it. Links dialed by peers are among the connections. */
const FILES_PER_PEER = 2;
/** The Prometheus listener and its connections. */
const METRICS_FILES = 40;
/** One in this many remaining places is for callers in the middle of their TLS handshake. */
const HANDSHAKE_SHARE = 4;

export interface OpenFileNeeds {
  maxConnections: number;
  peerCount: number;
  workers: number;
  hasMetrics: boolean;
  hasTls: boolean;
}

export interface FittedConnections {
  maxConnections: number;
  maxHandshakes: number;
  /** Logged once the server listens. */
  warnings: string[];
}

/**
 * Returns as many connections as the limit of open files allows besides everything else that a server opens.
 * @param limit the soft limit in effect
 * @throws ClusterError `bad_config` if not even the peers and one client have room
 */
export function fitConnections(needs: OpenFileNeeds, limit = openFilesLimit()): FittedConnections {
  const { maxConnections: wanted, peerCount, workers, hasMetrics, hasTls } = needs;
  const reserve =
    OWN_FILES + FILES_PER_WORKER * workers + FILES_PER_PEER * peerCount + (hasMetrics ? METRICS_FILES : 0);
  const free = limit - reserve;
  const maxHandshakes = Math.min(DEFAULT_MAX_HANDSHAKES, Math.max(1, Math.floor(free / HANDSHAKE_SHARE)));
  const maxConnections = Math.min(wanted, hasTls ? free - maxHandshakes : free);
  if (maxConnections < peerCount + 1) {
    const places = peerCount + 1;
    const least = reserve + (hasTls ? places + Math.ceil(places / (HANDSHAKE_SHARE - 1)) : places);
    throw new ClusterError(
      'bad_config',
      `a server with ${peerCount} peers and ${workers} workers needs at least ${least} open files and the limit of this process is ` +
        `${limit}: ${raiseTo(least)}`,
    );
  }
  if (maxConnections === wanted) return { maxConnections, maxHandshakes, warnings: [] };
  const needed = reserve + wanted + (hasTls ? DEFAULT_MAX_HANDSHAKES : 0);
  const warning =
    `limits.max_connections is ${wanted}, but this process is limited to ${limit} open files: it accepts at most ` +
    `${maxConnections} connections; for all of them ${raiseTo(needed)}`;
  return { maxConnections, maxHandshakes, warnings: [warning] };
}
