import * as v from 'valibot';
import { canonicalAddress } from '../core/address';
import { decimal, dialAddress, list, path, seconds, section, table, text, toMs, whole } from './fields';
import { defaultsOf, loadConfig } from './load';
import type { Problem } from './problem';
import { tlsFields, type TlsFiles, tlsFilesOf, tlsProblems } from './tls';

const LAPTOP = ['127.0.0.1:8001', '127.0.0.1:8002', '127.0.0.1:8003'];
const DAY_MS = 24 * 3600 * 1000;
const DEFAULT_RATE_PER_SECOND = 1;
const DEFAULT_DURATION_SECS = 300;
const DEFAULT_MIN_DELAY_MS = 100;
const DEFAULT_MAX_DELAY_MS = 2000;

/** The schema of `client_stress.toml`. */
export const clientFileSchema = table({
  client: section({
    name: v.optional(text(), 'StressTestClient'),
    server_addresses: v.optional(list(dialAddress(), 'a list of addresses'), LAPTOP),
    image_dir: v.optional(path(), './test_images'),
    request_timeout_secs: v.optional(seconds(), 10),
  }),
  tls: tlsFields,
  requests: section({
    rate_per_second: v.optional(decimal(0.001, 1_000_000)),
    duration_seconds: v.optional(seconds()),
    total_requests: v.optional(whole(1, 1_000_000_000)),
    min_delay_ms: v.optional(decimal(0, DAY_MS)),
    max_delay_ms: v.optional(decimal(0, DAY_MS)),
  }),
});

type ClientSettings = v.InferOutput<typeof clientFileSchema>;

/** Starts requests at a fixed rate, or each a think time (uniform in its range) after the last one ended. */
export type Pacing =
  { mode: 'rate'; ratePerSecond: number } | { mode: 'closed_loop'; minDelayMs: number; maxDelayMs: number };

/** The resolved configuration of a client. */
export interface ClientConfig {
  name: string;
  /** host:port, at least one, without duplicates. */
  serverAddresses: string[];
  imageDir: string;
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

/**
 * Reads the configuration of clients. Every key has a default, so a missing file that is not required means all
 * defaults.
 * @throws ClusterError `bad_config`
 */
export function loadClientConfig(filePath: string, { required }: { required: boolean }): ClientConfig {
  const settings = loadConfig(clientFileSchema, filePath, { required, check: clientProblems });
  return build(settings ?? defaultsOf(clientFileSchema), filePath);
}

/** Checks relations between settings. */
function clientProblems({ client, tls, requests }: ClientSettings): Problem[] {
  return [...tlsProblems(tls), ...addressProblems(client.server_addresses), ...pacingProblems(requests)];
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

function pacingProblems(requests: ClientSettings['requests']): Problem[] {
  const { rate_per_second: rate, min_delay_ms: min, max_delay_ms: max } = requests;
  if (min === undefined && max === undefined) return [];
  if (rate !== undefined) {
    const loop = min === undefined ? 'max_delay_ms' : 'min_delay_ms';
    const text = `expected either a rate or think times (min_delay_ms, max_delay_ms), got ${rate} beside ${loop}`;
    return [{ key: 'requests.rate_per_second', text }];
  }
  const upper = max ?? DEFAULT_MAX_DELAY_MS;
  const lower = min ?? Math.min(DEFAULT_MIN_DELAY_MS, upper);
  if (lower <= upper) return [];
  const limit = max === undefined ? `${upper}, its default` : `${upper}`;
  return [{ key: 'requests.min_delay_ms', text: `expected at most requests.max_delay_ms (${limit}), got ${lower}` }];
}

function pacingOf(requests: ClientSettings['requests']): Pacing {
  const { rate_per_second: rate, min_delay_ms: min, max_delay_ms: max } = requests;
  if (min === undefined && max === undefined) return { mode: 'rate', ratePerSecond: rate ?? DEFAULT_RATE_PER_SECOND };
  const maxDelayMs = max ?? DEFAULT_MAX_DELAY_MS;
  return { mode: 'closed_loop', minDelayMs: min ?? Math.min(DEFAULT_MIN_DELAY_MS, maxDelayMs), maxDelayMs };
}

function build({ client, tls, requests }: ClientSettings, filePath: string): ClientConfig {
  const { duration_seconds: durationSecs, total_requests: totalRequests } = requests;
  const endless = durationSecs === undefined && totalRequests === undefined;
  const limitSecs = endless ? DEFAULT_DURATION_SECS : durationSecs;
  return {
    name: client.name,
    serverAddresses: client.server_addresses,
    imageDir: client.image_dir,
    requestTimeoutMs: toMs(client.request_timeout_secs),
    tls: tlsFilesOf(tls, filePath),
    requests: {
      pacing: pacingOf(requests),
      durationMs: limitSecs === undefined ? undefined : toMs(limitSecs),
      totalRequests,
    },
    saysRequests: Object.values(requests).some((value) => value !== undefined),
  };
}
