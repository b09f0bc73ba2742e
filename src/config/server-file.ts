/** A server's file, server1.toml: its tables with their defaults, and the checks that do not depend on flags. */
import * as v from 'valibot';
import * as common from './common-settings';
import { configFile } from './config-file';
import { loadConfig } from './load';
import type { Problem } from './problem';
import { setting, type ValuesOf } from './settings';
import { tlsProblems, tlsSettings } from './tls';
import { choice, dialAddress, listenAddress, path, peerList, seconds, serverId, whole } from './value-types';

/** The whole queue of a server must fit in one message (1 MiB on links to peers). */
const MAX_QUEUE_LIMIT = 4096;
/** A frame's length is a 32-bit number. */
const MAX_BYTES = 4294967295;
const MAX_TOTAL_BYTES = 2 ** 40;

/** Compression levels of a carrier's PNG, from the fastest and largest to the slowest and smallest. */
export const COMPRESSIONS = ['stored', 'huffman', 'fast'] as const;

export const serverTable = {
  id: setting(serverId(), {
    flag: 'id',
    required: true,
    defaultText: '1',
    help: 'id of this server, unique in the cluster',
  }),
  address: setting(listenAddress(), {
    flag: 'address',
    required: true,
    defaultText: '127.0.0.1:8001',
    help: 'address to listen on',
  }),
  advertise_address: setting(dialAddress(), {
    defaultText: 'where they reach it',
    help: 'address that it announces to clients and servers',
  }),
  cover_image: setting(path('FILE'), { defaultText: 'built in', help: 'JPEG or PNG that hides the images' }),
  events_file: setting(path('FILE'), {
    default: 'server_{id}_events.ndjson',
    help: 'event log for the report; {id} is replaced by its id',
  }),
  log_file: setting(path('FILE'), {
    defaultText: 'none',
    help: 'file that gets a copy of the log; {id} is replaced by its id',
  }),
  metrics_address: common.metricsAddress,
  pid_file: setting(path('FILE'), {
    default: 'server_{id}.pid',
    help: 'file with its process id, for `cloudp2p faults`',
  }),
};

export const peersTable = {
  peers: setting(peerList(), { flag: 'peer', default: [], help: 'id and address of another server' }),
};

export const electionTable = {
  heartbeat_interval_secs: setting(seconds(), { default: 1, help: 'interval of its heartbeats' }),
  monitor_interval_secs: setting(seconds(), { default: 1, help: 'accepted in old files, without effect' }),
  failure_timeout_secs: setting(seconds(), {
    default: 3,
    help: 'silence after which a server counts as down; above the heartbeat interval',
  }),
  election_timeout_secs: setting(seconds(), { default: 2, help: 'time that a candidate waits for answers' }),
};

const processingTable = {
  workers: setting(whole(1, 1024), { defaultText: 'number of cores, at most 4', help: 'number of tasks at once' }),
  queue_limit: setting(whole(1, MAX_QUEUE_LIMIT), {
    default: 128,
    help: 'number of tasks that may wait; further ones are refused as overloaded',
  }),
  compression: setting(choice(COMPRESSIONS), {
    default: 'stored',
    help: 'compression of carriers, from the least CPU to the smallest',
  }),
};

export const limitsTable = {
  max_frame_bytes: setting(whole(1, MAX_BYTES, 'bytes'), { default: 67_108_864, help: 'largest message' }),
  max_secret_bytes: setting(whole(1, MAX_BYTES, 'bytes'), { default: 7_340_032, help: 'largest image to hide' }),
  max_response_bytes: setting(whole(1, MAX_TOTAL_BYTES, 'bytes'), {
    default: 536_870_912,
    help: 'size of all unread responses together',
  }),
  max_connections: setting(whole(1, 1_000_000), {
    default: 16_384,
    help: 'number of connections; fewer if the process may open fewer files',
  }),
  frame_timeout_secs: setting(seconds(), { default: 30, help: 'time for a message to arrive, from its first byte' }),
};

export const serverFile = configFile(
  {
    path: 'config/server1.toml',
    purpose: 'one server',
    tables: {
      server: serverTable,
      peers: peersTable,
      tls: tlsSettings,
      election: electionTable,
      processing: processingTable,
      limits: limitsTable,
    },
  },
  (values) => [...tlsProblems(values.tls), ...timingProblems(values.election)],
);

/** The settings with the names and units of the file. */
export type ServerSettings = v.InferOutput<typeof serverFile.schema>;

/** The settings of a file and its path, for errors. */
export interface ServerFile {
  path: string;
  settings: ServerSettings;
}

/**
 * Reads `server*.toml`; undefined if it is missing and not required. `serverConfigOf` adds flags and the checks that
 * depend on them.
 * @throws ClusterError `bad_config`
 */
export function readServerFile(path: string, { required }: { required: boolean }): ServerFile | undefined {
  const settings = loadConfig(serverFile.schema, path, { required, check: serverFile.check });
  return settings && { path, settings };
}

/** Returns the settings of a server without a file: id 1, alone, on this machine. */
export function defaultServerSettings(): ServerSettings {
  return v.parse(serverFile.schema, { server: { id: 1, address: '127.0.0.1:8001' } });
}

/** The failure timeout must exceed the heartbeat interval, or every server would count as down between heartbeats. */
function timingProblems(election: ValuesOf<typeof electionTable>): Problem[] {
  const { heartbeat_interval_secs: heartbeat, failure_timeout_secs: failure } = election;
  if (failure > heartbeat) return [];
  const text = `expected more than election.heartbeat_interval_secs (${heartbeat}), got ${failure}`;
  return [{ key: 'election.failure_timeout_secs', text }];
}
