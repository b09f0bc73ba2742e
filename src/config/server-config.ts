import * as v from 'valibot';
import { canonicalAddress, isDialAddress, isListenAddress, isSameEndpoint } from '../core/address';
import { listenAddress, toMs } from './fields';
import { badConfig, type Problem } from './problem';
import {
  type COMPRESSIONS,
  defaultServerSettings,
  MAX_SERVER_ID,
  readServerFile,
  serverId,
  type ServerFile,
  type ServerSettings,
} from './server-file';
import { printable } from '../core/printable';
import { MAX_PATH_CHARS } from './show';
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

/** The flags of `cloudp2p server`, as typed; `peers` are `ID@HOST:PORT` and replace the file's whole list. */
export interface ServerFlags {
  id?: number | string;
  address?: string;
  peers?: readonly string[];
  metricsAddress?: string;
}

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
  advertiseAddress?: Named<string>;
  metricsAddress?: Named<string>;
  peers: { id: Named<number>; address: Named<string> }[];
}

/**
 * Reads the configuration of a server from its file alone.
 * @throws ClusterError `bad_config`, also if the file is missing
 */
export function loadServerConfig(path: string, machine: Machine): ServerConfig {
  return serverConfigFromFlags({}, readServerFile(path, { required: true }), machine);
}

/**
 * Resolves the configuration of a server from its file and its flags, which override it. Without a file: id 1, alone, on
 * 127.0.0.1:8001.
 * @throws ClusterError `bad_config`, one line per problem, naming the flag or the key of the file
 */
export function serverConfigFromFlags(
  flags: ServerFlags,
  file: ServerFile | undefined,
  machine: Machine,
): ServerConfig {
  const settings = file?.settings ?? defaultServerSettings();
  const problems: Problem[] = [];
  const identity = identify(flags, settings, file?.path, problems);
  // Relations are checked only between valid values.
  if (problems.length === 0) {
    const { max_connections: maxConnections } = settings.limits;
    const limit = inFile(file?.path, maxConnections, 'limits.max_connections');
    problems.push(...identityProblems(identity), ...placeProblems(limit, identity.peers.length));
  }
  if (problems.length > 0) throw badConfig(problems);
  return { ...build(settings, identity, machine), tls: file && tlsFilesOf(settings.tls, file.path) };
}

/** Returns the address that a server announces to others; null for the address at which each of them reached it. */
export function advertisedAddress({
  address,
  advertiseAddress,
}: Pick<ServerConfig, 'address' | 'advertiseAddress'>): string | null {
  return advertiseAddress ?? (isDialAddress(address) ? address : null);
}

function identify(
  flags: ServerFlags,
  settings: ServerSettings,
  path: string | undefined,
  problems: Problem[],
): Identity {
  const { id, address, advertise_address: advertised, metrics_address: metrics } = settings.server;
  const { metricsAddress: given } = flags;
  const metricsFlag = given === undefined ? undefined : addressFlag('--metrics-address', given, problems);
  return {
    id: flags.id === undefined ? inFile(path, id, 'server.id') : idFlag(flags.id, problems),
    address:
      flags.address === undefined
        ? inFile(path, address, 'server.address')
        : addressFlag('--address', flags.address, problems),
    advertiseAddress: advertised === undefined ? undefined : inFile(path, advertised, 'server.advertise_address'),
    metricsAddress:
      metricsFlag ?? (metrics === undefined ? undefined : inFile(path, metrics, 'server.metrics_address')),
    peers: flags.peers?.length
      ? flags.peers.flatMap((text) => peerFlag(text, problems))
      : settings.peers.peers.map((peer, index) => ({
          id: inFile(path, peer.id, `peers.peers[${index}].id`),
          address: inFile(path, peer.address, `peers.peers[${index}].address`),
        })),
  };
}

/** Names a key of the file at `path`, or a default if there is no file. */
function inFile<T>(path: string | undefined, value: T, key: string): Named<T> {
  if (path === undefined) return { value, key: `the default of ${key}`, place: `the default of ${key}` };
  return { value, key, place: `${printable(path, MAX_PATH_CHARS)}: ${key}` };
}

function inFlag<T>(value: T, flag: string): Named<T> {
  return { value, key: flag, place: flag };
}

function idFlag(given: number | string, problems: Problem[]): Named<number> {
  const value = typeof given === 'string' && /^\d+$/.test(given) ? Number(given) : given;
  const flag = `--id ${printable(String(given))}`;
  return inFlag(checkFlag(serverId(), value, flag, problems) ?? 0, flag);
}

function addressFlag(name: string, given: string, problems: Problem[]): Named<string> {
  const flag = `${name} ${printable(given)}`;
  return inFlag(checkFlag(listenAddress(), given, flag, problems) ?? '', flag);
}

function checkFlag<T>(schema: v.GenericSchema<T>, value: unknown, flag: string, problems: Problem[]): T | undefined {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  problems.push({ key: flag, text: `expected ${result.issues[0].message}` });
  return undefined;
}

function peerFlag(given: string, problems: Problem[]): Identity['peers'] {
  const flag = `--peer ${printable(given)}`;
  const [, digits = '', address = ''] = /^(\d+)@(.+)$/s.exec(given) ?? [];
  const id = Number(digits);
  const wrong = peerFault(id, address);
  if (wrong === undefined) return [{ id: inFlag(id, flag), address: inFlag(address, flag) }];
  problems.push({ key: flag, text: `expected ID@HOST:PORT${wrong}` });
  return [];
}

/** Returns the rest of the error about a peer; undefined if it is valid. */
function peerFault(id: number, address: string): string | undefined {
  if (!isListenAddress(address)) return '';
  if (!isDialAddress(address)) return ' with a host to connect to (0.0.0.0 and [::] are only for listening)';
  return v.is(serverId(), id) ? undefined : ` with an ID from 1 to ${MAX_SERVER_ID}`;
}

/** Checks that ids and addresses in a cluster do not clash. */
function identityProblems({ id, address, advertiseAddress, metricsAddress, peers }: Identity): Problem[] {
  const ids = peers.map((peer) => peer.id);
  const addresses = peers.map((peer) => peer.address);
  const ownAddresses = advertiseAddress === undefined ? [address] : [address, advertiseAddress];
  return [
    ...clashes(ids, 'id', [id], Object.is, String),
    ...clashes(addresses, 'address', ownAddresses, isSameEndpoint, canonicalAddress),
    ...(metricsAddress === undefined ? [] : metricsProblems(metricsAddress, address)),
  ];
}

/** The listener reserves a connection for each peer: with no more than these it would refuse every client. */
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

function build(settings: ServerSettings, identity: Identity, machine: Machine): Omit<ServerConfig, 'tls'> {
  const { id, address, metricsAddress, peers } = identity;
  const { server, election, processing, limits } = settings;
  const withId = (path: string) => path.replaceAll('{id}', String(id.value));
  return {
    id: id.value,
    address: address.value,
    advertiseAddress: server.advertise_address,
    coverImage: server.cover_image,
    eventsFile: withId(server.events_file),
    logFile: server.log_file && withId(server.log_file),
    pidFile: withId(server.pid_file),
    metricsAddress: metricsAddress?.value,
    peers: peers.map((peer) => ({ id: peer.id.value, address: peer.address.value })),
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
