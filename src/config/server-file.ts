import * as v from 'valibot';
import { choice, dialAddress, list, listenAddress, path, seconds, section, table, whole } from './fields';
import { loadConfig } from './load';
import { tlsFields, tlsProblems } from './tls';
import type { Problem } from './problem';

/** The whole queue of a server must fit in one message (1 MiB on links to peers). */
const MAX_QUEUE_LIMIT = 4096;

export const MAX_SERVER_ID = 4294967295;
/** A frame's length is a 32-bit number. */
const MAX_BYTES = 4294967295;
const MAX_TOTAL_BYTES = 2 ** 40;

/** The id of a server, in a file and in flags. */
export const serverId = () => whole(1, MAX_SERVER_ID);

/** Compression levels of a carrier's PNG, from the fastest and largest to the slowest and smallest. */
export const COMPRESSIONS = ['stored', 'huffman', 'fast'] as const;

const server = {
  id: serverId(),
  address: listenAddress(),
  advertise_address: v.optional(dialAddress()),
  cover_image: v.optional(path()),
  events_file: v.optional(path(), 'server_{id}_events.ndjson'),
  log_file: v.optional(path()),
  metrics_address: v.optional(listenAddress()),
  pid_file: v.optional(path(), 'server_{id}.pid'),
};

/** All sections of a server's file but its identity; each key has a default. */
const behaviour = {
  peers: section({
    peers: v.optional(list(table({ id: serverId(), address: dialAddress() }), 'a list of { id, address }'), []),
  }),
  tls: tlsFields,
  election: section({
    heartbeat_interval_secs: v.optional(seconds(), 1),
    monitor_interval_secs: v.optional(seconds(), 1),
    failure_timeout_secs: v.optional(seconds(), 3),
    election_timeout_secs: v.optional(seconds(), 2),
  }),
  processing: section({
    workers: v.optional(whole(1, 1024)),
    queue_limit: v.optional(whole(1, MAX_QUEUE_LIMIT), 128),
    compression: v.optional(choice(COMPRESSIONS), 'stored'),
  }),
  limits: section({
    max_frame_bytes: v.optional(whole(1, MAX_BYTES), 67_108_864),
    max_secret_bytes: v.optional(whole(1, MAX_BYTES), 7_340_032),
    max_response_bytes: v.optional(whole(1, MAX_TOTAL_BYTES), 536_870_912),
    max_connections: v.optional(whole(1, 1_000_000), 16_384),
    frame_timeout_secs: v.optional(seconds(), 30),
  }),
};

/** The schema of `server*.toml`. */
export const serverFileSchema = table({ server: section(server), ...behaviour });

/** The settings with the names and units of the file. */
export type ServerSettings = v.InferOutput<typeof serverFileSchema>;

/** The settings of a file and its path, for errors. */
export interface ServerFile {
  path: string;
  settings: ServerSettings;
}

/** Returns the settings of a server without a file: id 1, alone, on this machine. */
export function defaultServerSettings(): ServerSettings {
  const alone = { id: 1, address: '127.0.0.1:8001' };
  return v.parse(serverFileSchema, { server: alone });
}

/**
 * Reads `server*.toml`; undefined if it is missing and not required. `serverConfigFromFlags` adds flags and the checks
 * that depend on them.
 * @throws ClusterError `bad_config`
 */
export function readServerFile(filePath: string, { required }: { required: boolean }): ServerFile | undefined {
  const settings = loadConfig(serverFileSchema, filePath, { required, check: fileProblems });
  return settings && { path: filePath, settings };
}

/** Checks relations between settings. */
function fileProblems(settings: ServerSettings): Problem[] {
  return [...tlsProblems(settings.tls), ...timingProblems(settings)];
}

/** The failure timeout must exceed the heartbeat interval, or every server would count as dead between two heartbeats. */
function timingProblems({ election }: ServerSettings): Problem[] {
  const { heartbeat_interval_secs: heartbeat, failure_timeout_secs: failure } = election;
  if (failure > heartbeat) return [];
  const text = `expected more than election.heartbeat_interval_secs (${heartbeat}), got ${failure}`;
  return [{ key: 'election.failure_timeout_secs', text }];
}
