/** Parses the text of a machine_{n}_client_{i}.json, and checks every field: no file is trusted. */
import { CappedCounts } from '../../core/metrics/capped-counts';
import type { Centroid } from '../../core/metrics/digest';
import { isFixedReason, keptReason, OTHER_REASONS, VERIFICATION_FAILED } from '../../core/metrics/failure-reasons';
import { OTHER_SERVERS } from '../../core/metrics/servers';
import { WrongCarriers } from '../../core/metrics/wrong-carriers';
import { MAX_LATENCY_MS } from './columns';
import { MAX_REASONS, MAX_SERVERS } from './inputs';
import { parseJson } from './parse-json';
import type { Parsed } from './parse-line';

/** The contents of one client's file. A file of the original implementation has only name, duration and statistics. */
export interface ClientFile {
  path: string;
  name: string;
  /** null in a file of the original implementation, which has no run id. */
  runId: string | null;
  /** Unix milliseconds. */
  startedAtMs: number | null;
  durationSecs: number;
  /** It was stopped before its plan was done. */
  wasInterrupted: boolean;
  successful: number;
  failed: number;
  minMs: number | null;
  maxMs: number | null;
  avgMs: number | null;
  servers: Map<number, number>;
  reasons: Map<string, number>;
  /** Those of an older version, which does not name their servers, are failures. */
  wrong: WrongCarriers;
  /** null in a file of the original implementation, which does not count these. */
  extras: { retries: number; bytesSent: number; bytesReceived: number } | null;
  /** null if the file has no digest, so that its percentiles cannot be merged. */
  centroids: Centroid[] | null;
}

type Fields = Record<string, unknown>;

const ROUNDING = 1e-6;
const MAX_NAME_CHARS = 200;

export function parseClientFile(path: string, text: string): Parsed<ClientFile> {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    return { problem: 'not valid JSON' };
  }
  try {
    return { ok: read(path, fieldsOf(value, 'the file')) };
  } catch (error) {
    if (error instanceof InvalidFile) return { problem: error.message };
    throw error;
  }
}

class InvalidFile extends Error {}

function read(path: string, file: Fields): ClientFile {
  const stats = fieldsOf(file['aggregated_stats'], '"aggregated_stats"');
  const successful = countOf(stats, 'successful_requests');
  const failed = countOf(stats, 'failed_requests');
  if (countOf(stats, 'total_requests') !== successful + failed)
    throw new InvalidFile('"total_requests" is not the sum of successful and failed requests');
  const has = successful > 0;
  return {
    path,
    name: textOf(file, 'client_name'),
    runId: typeof file['run_id'] === 'string' ? textOf(file, 'run_id') : null,
    startedAtMs: file['started_at'] === undefined ? null : numberOf(file, 'started_at'),
    durationSecs: numberOf(file, 'test_duration_secs'),
    wasInterrupted: file['interrupted'] === true,
    successful,
    failed,
    ...(has ? latenciesOf(stats) : { minMs: null, maxMs: null, avgMs: null }),
    servers: serversOf(stats),
    reasons: reasonsOf(stats),
    wrong: wrongOf(stats),
    extras: stats['retry_count'] === undefined ? null : extrasOf(stats),
    centroids: file['latency_digest'] === undefined ? null : centroidsOf(file['latency_digest'], successful),
  };
}

/** Averages are sums of fractions, so their last digits may be inexact. */
function latenciesOf(stats: Fields): { minMs: number; maxMs: number; avgMs: number } {
  const minMs = numberOf(stats, 'latency_min_ms');
  const maxMs = numberOf(stats, 'latency_max_ms');
  const avgMs = numberOf(stats, 'latency_avg_ms');
  if (maxMs > MAX_LATENCY_MS) throw new InvalidFile('"latency_max_ms" has an invalid value');
  if (avgMs < minMs * (1 - ROUNDING) || avgMs > maxMs * (1 + ROUNDING)) {
    throw new InvalidFile('"latency_avg_ms" is not between minimum and maximum');
  }
  return { minMs, maxMs, avgMs };
}

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new InvalidFile(value === undefined ? `${what} is missing` : `${what} is not an object`);
}

function numberOf(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
  throw new InvalidFile(value === undefined ? `"${name}" is missing` : `"${name}" has an invalid value`);
}

function countOf(fields: Fields, name: string): number {
  const value = numberOf(fields, name);
  if (Number.isSafeInteger(value)) return value;
  throw new InvalidFile(`"${name}" has an invalid value`);
}

function textOf(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value === 'string' && value !== '' && value.length <= MAX_NAME_CHARS) return value;
  throw new InvalidFile(value === undefined ? `"${name}" is missing` : `"${name}" has an invalid value`);
}

function countsOf(stats: Fields, name: string): [string, number][] {
  const counts = fieldsOf(stats[name], `"${name}"`);
  return Object.keys(counts).map((key) => [key, countOf(counts, key)]);
}

function serversOf(stats: Fields): Map<number, number> {
  const counts = new CappedCounts(MAX_SERVERS, OTHER_SERVERS);
  for (const [id, count] of countsOf(stats, 'server_distribution'))
    counts.add(serverIdOf(id, 'server_distribution'), count);
  return counts.all;
}

function reasonsOf(stats: Fields): Map<string, number> {
  const counts = new CappedCounts<string>(MAX_REASONS, OTHER_REASONS, isFixedReason);
  for (const [reason, count] of countsOf(stats, 'failure_reasons')) counts.add(keptReason(reason), count);
  return counts.all;
}

function wrongOf(stats: Fields): WrongCarriers {
  const wrong = new WrongCarriers();
  const counts = stats['wrong_carriers'] === undefined ? [] : countsOf(stats, 'wrong_carriers');
  for (const [id, count] of counts) wrong.addOf(serverIdOf(id, 'wrong_carriers'), count);
  const failed = reasonsOf(stats).get(VERIFICATION_FAILED) ?? 0;
  wrong.addOf(OTHER_SERVERS, Math.max(0, failed - wrong.count));
  return wrong;
}

function extrasOf(stats: Fields): ClientFile['extras'] {
  return {
    retries: countOf(stats, 'retry_count'),
    bytesSent: countOf(stats, 'bytes_sent'),
    bytesReceived: countOf(stats, 'bytes_received'),
  };
}

function serverIdOf(key: string, name: string): number {
  if (/^\d{1,15}$/.test(key)) return Number(key);
  throw new InvalidFile(`"${name}" has a key that is not a server id`);
}

function centroidsOf(value: unknown, successful: number): Centroid[] {
  const isCentroid = (each: unknown): each is Centroid =>
    Array.isArray(each) &&
    each.length === 2 &&
    each.every((part) => typeof part === 'number' && Number.isFinite(part) && part >= 0) &&
    Number.isSafeInteger(each[1]) &&
    each[1] >= 1;
  if (!Array.isArray(value) || !value.every(isCentroid)) throw new InvalidFile('"latency_digest" has an invalid value');
  const count = value.reduce((sum, [, n]) => sum + n, 0);
  if (count !== successful)
    throw new InvalidFile('the counts in "latency_digest" do not add up to "successful_requests"');
  return value;
}
