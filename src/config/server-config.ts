/** The resolved configuration of a server: its file, overridden by flags, with clashes of ids and addresses refused. */
import { canonicalAddress, isDialAddress, isSameEndpoint } from '../core/transport/address';
import { toMs } from './to-ms';
import { type Merged, merge } from './merge';
import { badSettings, type Problem } from './problem';
import {
  type COMPRESSIONS,
  defaultServerSettings,
  limitsTable,
  peersTable,
  readServerFile,
  type ServerFile,
  type ServerSettings,
  serverTable,
} from './server-file';
import type { FlagsOf } from './settings';
import { type TlsFiles, tlsFilesOf } from './tls';

export type Compression = (typeof COMPRESSIONS)[number];

/** Another server of the cluster and the address at which this one reaches it (host:port). */
export interface Peer {
  id: number;
  address: string;
}

/** The resolved configuration of a server. Paths are relative to its working folder. */
export interface ServerConfig {
  id: number;
  /** The address it listens on (host:port). */
  address: string;
  /** The address it announces to others; if undefined, the address at which the client reached it. */
  advertiseAddress?: string;
  coverImage?: string;
  eventsFile: string;
  logFile?: string;
  pidFile: string;
  /** The address that serves Prometheus metrics (host:port). */
  metricsAddress?: string;
  peers: Peer[];
  /** Undefined without TLS. */
  tls?: TlsFiles;
  election: {
    heartbeatIntervalMs: number;
    failureTimeoutMs: number;
    electionTimeoutMs: number;
  };
  processing: { workers: number; queueLimit: number; compression: Compression };
  limits: {
    maxFrameBytes: number;
    maxSecretBytes: number;
    maxResponseBytes: number;
    maxConnections: number;
    frameTimeoutMs: number;
  };
}

/** The flags of `cloudp2p server`, as typed; the peers replace the file's whole list. */
export type ServerFlags = FlagsOf<typeof serverTable & typeof peersTable>;

/** The facts of the machine that defaults depend on. */
export interface Machine {
  /** os.availableParallelism() */
  availableParallelism: number;
}

/** More workers than this wait for memory, not for a core; `processing.workers` overrides it. */
const MAX_DEFAULT_WORKERS = 4;

/** A value and its names in errors: `key` is a key of the file or a flag, `place` has the file before it. */
interface Named<T> {
  value: T;
  key: string;
  place: string;
}

interface Identity {
  id: Named<number>;
  address: Named<string>;
  advertiseAddress: Named<string | undefined>;
  metricsAddress: Named<string | undefined>;
  peers: { id: Named<number>; address: Named<string> }[];
}

/**
 * Reads the configuration of a server from its file alone.
 * @throws ClusterError `bad_config`, also if the file is missing
 */
export function loadServerConfig(path: string, machine: Machine): ServerConfig {
  return serverConfigOf({}, readServerFile(path, { required: true }), machine);
}

/**
 * Resolves the configuration of a server from its file and its flags. Without a file: id 1, alone, on 127.0.0.1:8001.
 * @throws ClusterError `bad_config`, one line per problem, naming the flag or the key of the file
 */
export function serverConfigOf(flags: ServerFlags, file: ServerFile | undefined, machine: Machine): ServerConfig {
  const settings = file?.settings ?? defaultServerSettings();
  const problems: Problem[] = [];
  const at = (table: string) => ({ file: file?.path, table });
  const server = merge(serverTable, settings.server, flags, at('server'), problems);
  const peers = merge(peersTable, settings.peers, flags, at('peers'), problems);
  // Relations are checked only between valid values.
  if (problems.length > 0) throw badSettings(problems);
  const identity = identify(server, peers);
  const limits = merge(limitsTable, settings.limits, {}, at('limits'));
  problems.push(
    ...identityProblems(identity),
    ...placeProblems(named(limits, 'max_connections'), identity.peers.length),
  );
  if (problems.length > 0) throw badSettings(problems);
  const merged = { ...settings, server: server.values, peers: peers.values };
  return { ...build(merged, machine), tls: file && tlsFilesOf(settings.tls, file.path) };
}

/** Returns the address that a server announces to others; null for the address at which each of them reached it. */
export function advertisedAddress({
  address,
  advertiseAddress,
}: Pick<ServerConfig, 'address' | 'advertiseAddress'>): string | null {
  return advertiseAddress ?? (isDialAddress(address) ? address : null);
}

function identify(server: Merged<ServerSettings['server']>, peers: Merged<ServerSettings['peers']>): Identity {
  const { values } = peers;
  return {
    id: named(server, 'id'),
    address: named(server, 'address'),
    advertiseAddress: named(server, 'advertise_address'),
    metricsAddress: named(server, 'metrics_address'),
    peers: values.peers.map(({ id, address }, index) => {
      const typed = `--peer ${id}@${address}`;
      const nameOf = (key: string, isLong: boolean): string =>
        peers.isTyped('peers') ? typed : `${peers.nameOf('peers', isLong)}[${index}].${key}`;
      const part = <T>(key: string, value: T) => ({ value, key: nameOf(key, false), place: nameOf(key, true) });
      return { id: part('id', id), address: part('address', address) };
    }),
  };
}

function named<V, K extends keyof V>({ values, nameOf }: Merged<V>, key: K): Named<V[K]> {
  return { value: values[key], key: nameOf(key), place: nameOf(key, true) };
}

/** Checks that ids and addresses in a cluster do not clash. */
function identityProblems({ id, address, advertiseAddress, metricsAddress, peers }: Identity): Problem[] {
  const ids = peers.map((peer) => peer.id);
  const addresses = peers.map((peer) => peer.address);
  const ownAddresses = [address, advertiseAddress].filter(isGiven);
  return [
    ...clashes(ids, 'id', [id], Object.is, String),
    ...clashes(addresses, 'address', ownAddresses, isSameEndpoint, canonicalAddress),
    ...(isGiven(metricsAddress) ? metricsProblems(metricsAddress, address) : []),
  ];
}

function isGiven(each: Named<string | undefined>): each is Named<string> {
  return each.value !== undefined;
}

/** The listener reserves a connection for each peer: with no more than these, it would refuse every client. */
function placeProblems({ value, place }: Named<number>, peerCount: number): Problem[] {
  if (value > peerCount) return [];
  const why = `${peerCount} are reserved for the peers, which leaves none for clients`;
  return [{ key: place, text: `expected at least ${peerCount + 1} (${why}), got ${value}` }];
}

/** HTTP and the cluster's own protocol need a port each. */
function metricsProblems({ value, place }: Named<string>, address: Named<string>): Problem[] {
  if (!isSameEndpoint(address.value, value) && !isSameEndpoint(value, address.value)) return [];
  return [{ key: place, text: `expected a port other than that of ${address.key}, got ${value}` }];
}

/** Finds values of peers that repeat this server's own or another peer's; `spell` normalizes equal values. */
function clashes<T extends number | string>(
  values: Named<T>[],
  what: string,
  own: Named<T>[],
  isSame: (own: T, other: T) => boolean,
  spell: (value: T) => string,
): Problem[] {
  const firstKeys = new Map<string, string>();
  return values.flatMap(({ value, key, place }) => {
    const self = own.find((mine) => isSame(mine.value, value));
    const firstKey = firstKeys.get(spell(value));
    firstKeys.set(spell(value), firstKey ?? key);
    if (self !== undefined) {
      const text = `expected the ${what} of another server, got this server's own, ${value} (${self.key})`;
      return [{ key: place, text }];
    }
    if (firstKey === undefined) return [];
    return [{ key: place, text: `expected each ${what} once, got ${value} again (first at ${firstKey})` }];
  });
}

function build(settings: ServerSettings, machine: Machine): Omit<ServerConfig, 'tls'> {
  const { server, peers, election, processing, limits } = settings;
  const withId = (path: string) => path.replaceAll('{id}', String(server.id));
  return {
    id: server.id,
    address: server.address,
    advertiseAddress: server.advertise_address,
    coverImage: server.cover_image,
    eventsFile: withId(server.events_file),
    logFile: server.log_file && withId(server.log_file),
    pidFile: withId(server.pid_file),
    metricsAddress: server.metrics_address,
    peers: [...peers.peers],
    election: {
      heartbeatIntervalMs: toMs(election.heartbeat_interval_secs),
      failureTimeoutMs: toMs(election.failure_timeout_secs),
      electionTimeoutMs: toMs(election.election_timeout_secs),
    },
    processing: {
      workers: processing.workers ?? Math.max(1, Math.min(machine.availableParallelism, MAX_DEFAULT_WORKERS)),
      queueLimit: processing.queue_limit,
      compression: processing.compression,
    },
    limits: {
      maxFrameBytes: limits.max_frame_bytes,
      maxSecretBytes: limits.max_secret_bytes,
      maxResponseBytes: limits.max_response_bytes,
      maxConnections: limits.max_connections,
      frameTimeoutMs: toMs(limits.frame_timeout_secs),
    },
  };
}
