/** The configuration of clients: the servers, and the load of `client`, from client_stress.toml and flags. */
import { clientName } from '../core/metrics/run-file-names';
import { canonicalAddress } from '../core/transport/address';
import * as common from './common-settings';
import { configFile, readConfig } from './config-file';
import { toMs } from './to-ms';
import {
  DEFAULT_DURATION_SECS,
  limitsOf,
  requestCount,
  requestRate,
  thinkTimes,
  thinkTimesOf,
  type ThinkTimePacing,
} from './load-settings';
import { flagValues, type Merged, merge } from './merge';
import type { Problem } from './problem';
import { type FlagsOf, setting, type ValuesOf } from './settings';
import { type TlsFiles, tlsFilesOf, tlsProblems, tlsSettings } from './tls';
import { dialAddress, list, seconds, text, whole } from './value-types';

const DEFAULT_RATE_PER_SECOND = 1;

const clientTable = {
  name: setting(text(), { default: 'StressTestClient', help: 'name of the client, in logs and events' }),
  server_addresses: setting(list(dialAddress(), 'a list of addresses'), {
    flag: 'server',
    default: ['127.0.0.1:8001', '127.0.0.1:8002', '127.0.0.1:8003'],
    defaultText: '127.0.0.1:8001 to 8003',
    help: 'address of a server',
    note: 'replaces the list of the file',
  }),
  image_dir: common.imageDirectory,
  request_timeout_secs: setting(seconds(), { default: 10, help: 'time after which a request has failed' }),
};

const requestsTable = {
  rate_per_second: setting(requestRate(), {
    flag: 'rate',
    placeholder: 'R',
    fallback: DEFAULT_RATE_PER_SECOND,
    help: 'requests per second, instead of think times',
    conflicts: ['min_delay_ms', 'max_delay_ms'],
  }),
  duration_seconds: setting(seconds(), {
    flag: 'duration',
    defaultText: `${DEFAULT_DURATION_SECS} s without --requests`,
    help: 'stop starting requests after SECS',
    replaces: ['total_requests'],
  }),
  total_requests: setting(requestCount(), {
    flag: 'requests',
    defaultText: 'no limit',
    help: 'stop after N requests',
    replaces: ['duration_seconds'],
  }),
  ...thinkTimes,
};

/** The flags of `client` without a key in the file. */
export const clientFlagSettings = {
  machine_id: common.machineId,
  client_id: setting(whole(1, 1_000_000), {
    flag: 'client-id',
    placeholder: 'I',
    help: 'client number in the client name Machine_{n}_Client_{i}',
  }),
  seed: common.seed,
};

/** The rows of the tables that `client` has flags for. */
export const clientSettings = { ...clientTable, ...requestsTable };

export const clientFile = configFile(
  {
    path: 'config/client_stress.toml',
    purpose: 'the servers, and the load of `cloudp2p client`',
    tables: { client: clientTable, tls: tlsSettings, requests: requestsTable },
  },
  ({ client, tls, requests }) => [
    ...tlsProblems(tls),
    ...addressProblems(client.server_addresses),
    ...thinkTimeProblems(requests),
  ],
);

type Requests = ValuesOf<typeof requestsTable>;

/** The flags of `cloudp2p client`, as typed. */
export type ClientFlags = FlagsOf<typeof clientSettings & typeof clientFlagSettings> & { config?: string };

/** Starts requests at a fixed rate, or with think times. */
export type Pacing = { mode: 'rate'; ratePerSecond: number } | ThinkTimePacing;

/** The resolved configuration of a client. */
export interface ClientConfig {
  name: string;
  /** host:port, at least one, without duplicates. */
  serverAddresses: string[];
  /** Undefined if not configured: the default folder may then be missing. */
  imageDirectory?: string;
  requestTimeoutMs: number;
  /** Undefined without TLS. */
  tls?: TlsFiles;
  requests: {
    pacing: Pacing;
    /** The load ends at whichever of the two comes first; at least one is set. */
    durationMs?: number;
    totalRequests?: number;
  };
  /** True if the file itself defines the load of a client, which only `client` uses. */
  saysRequests: boolean;
}

/** The configuration of one client, with the values that only flags set. */
export interface ClientRunConfig extends ClientConfig {
  machineId: number;
  clientId: number;
  /** Undefined if none was typed. */
  seed?: number;
}

/**
 * Reads the configuration of clients from the named file, which must exist, or from the default one if it exists;
 * flags override it.
 * @throws ClusterError `bad_config` | `bad_usage`
 */
export function clientConfigOf(flags: ClientFlags = {}): ClientRunConfig {
  const { path: file, values } = readConfig(clientFile, flags.config);
  const merged = merge(clientTable, values.client, flags, { file, table: 'client' });
  const requests = merge(requestsTable, values.requests, flags, { file, table: 'requests' });
  const { values: client } = merged;
  const limits = limitsOf(
    { totalRequests: requests.values.total_requests, durationSecs: requests.values.duration_seconds },
    { durationSecs: DEFAULT_DURATION_SECS },
  );
  const { machine_id: machineId, client_id: clientId, seed } = flagValues(clientFlagSettings, flags);
  const isNumbered = machineId !== undefined || clientId !== undefined;
  return {
    name: isNumbered ? clientName(machineId ?? 1, clientId ?? 1) : client.name,
    machineId: machineId ?? 1,
    clientId: clientId ?? 1,
    seed,
    serverAddresses: withoutRepeats(client.server_addresses),
    imageDirectory: client.image_dir,
    requestTimeoutMs: toMs(client.request_timeout_secs),
    tls: tlsFilesOf(values.tls, file),
    requests: {
      pacing: pacingOf(requests),
      durationMs: limits.durationSecs === undefined ? undefined : toMs(limits.durationSecs),
      totalRequests: limits.totalRequests,
    },
    saysRequests: Object.values(values.requests).some((value) => value !== undefined),
  };
}

function withoutRepeats(addresses: readonly string[]): string[] {
  const spelled = addresses.map(canonicalAddress);
  return addresses.filter((_, index) => spelled.indexOf(spelled[index]!) === index);
}

function addressProblems(addresses: readonly string[]): Problem[] {
  const key = 'client.server_addresses';
  if (addresses.length === 0) return [{ key, text: 'expected at least one address, got an empty list' }];
  const spelled = addresses.map(canonicalAddress);
  return addresses.flatMap((address, index) =>
    spelled.indexOf(spelled[index]!) === index
      ? []
      : [{ key: `${key}[${index}]`, text: `expected each address once, got "${address}" again` }],
  );
}

function thinkTimeProblems({ min_delay_ms: min, max_delay_ms: max }: Requests): Problem[] {
  const upper = max ?? thinkTimes.max_delay_ms.fallback;
  if (min === undefined || min <= upper) return [];
  const limit = max === undefined ? `${upper}, its default` : `${upper}`;
  return [{ key: 'requests.min_delay_ms', text: `expected at most requests.max_delay_ms (${limit}), got ${min}` }];
}

function pacingOf(requests: Merged<Requests>): Pacing {
  const { rate_per_second: ratePerSecond, min_delay_ms: min, max_delay_ms: max } = requests.values;
  const isAtRate = ratePerSecond !== undefined || (min === undefined && max === undefined);
  if (isAtRate) return { mode: 'rate', ratePerSecond: ratePerSecond ?? DEFAULT_RATE_PER_SECOND };
  const { min_delay_ms, max_delay_ms } = thinkTimesOf(requests, thinkTimes, { flagsMoveOthers: true });
  return { mode: 'closed_loop', minDelayMs: min_delay_ms, maxDelayMs: max_delay_ms };
}
