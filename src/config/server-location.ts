/** Reads, on the machine of a server, its addresses and files from its own configuration. */
import { resolve } from 'node:path';
import { type Address, canonicalAddress, parseAddress } from '../core/transport/address';
import { printable } from '../core/printable';
import { systemClock } from '../core/system/system-clock';
import type { TlsPem } from '../core/transport/tls';
import { badConfig } from './problem';
import { advertisedAddress, loadServerConfig, type ServerConfig } from './server-config';
import { MAX_PATH_CHARS } from './show';
import { readTls, type TlsFiles } from './tls';

/** A server on this machine. */
export interface ServerPlace {
  id: number;
  /** Relative to `workDir`. */
  config: string;
  workDir: string;
}

/** Facts from a server's own configuration. */
export interface ServerLocation {
  /** Absolute. */
  pidFile: string;
  /** The address at which its own machine reaches it. */
  address: Address;
  /** The address at which others reach it (host:port); null for the address of its machine and this port. */
  advertised: string | null;
  /** The addresses of its peers (host:port). */
  peers: readonly string[];
  /** Its own TLS files, for queries on its machine; null without TLS. */
  tls: TlsPem | null;
}

/** Reads a server's own configuration. @throws ClusterError `bad_config` */
export function loadOwnConfig(file: string): ServerConfig {
  // The number of workers does not matter to others.
  return loadServerConfig(file, { availableParallelism: 1 });
}

/**
 * Returns paths resolved against `workDir`.
 * @throws ClusterError `bad_config`, also if it is the configuration of another server
 */
export function locateServer({ id, config, workDir }: ServerPlace): ServerLocation {
  const server = loadOwnConfig(resolve(workDir, config));
  if (server.id !== id) {
    const text = `expected ${id}, got ${server.id}`;
    throw badConfig([{ key: 'server.id', text }], printable(config, MAX_PATH_CHARS));
  }
  return {
    pidFile: resolve(workDir, server.pidFile),
    address: reachable(server.address),
    advertised: advertisedAddress(server),
    peers: server.peers.map(({ address }) => address),
    tls: server.tls === undefined ? null : readTls(within(server.tls, workDir), 'server', systemClock.unixMs()),
  };
}

/** Resolves paths against the server's working folder. */
function within({ ca, cert, key }: TlsFiles, workDir: string): TlsFiles {
  const at = ({ path: file, place }: TlsFiles['ca']) => ({ path: resolve(workDir, file), place });
  return { ca: at(ca), cert: at(cert), key: at(key) };
}

/** Returns an address to dial: a server that listens on 0.0.0.0 is reached through loopback. */
function reachable(listens: string): Address {
  const { host, port } = parseAddress(canonicalAddress(listens))!;
  const loopback: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
  return { host: loopback[host] ?? host, port };
}
