/**
 * Runs the `client` command: sends the images of a folder as configured, verifies the responses and shows the progress.
 */
import { randomUUID } from 'node:crypto';
import type { ClientConfig } from '../config/client-config';
import type { Clock, Logger, LogLevel, Random } from '../core/environment';
import type { ClusterError } from '../core/errors';
import { longestSuccess } from '../core/metrics/population';
import { oneLine } from '../core/printable';
import { seededRandom } from '../core/random';
import { FrameWatch, type Secure } from '../core/transport/network';
import { resolveAddressAliases } from './address-aliases';
import { type ClientImage, VirtualClient } from './client';
import { type ClientLoop, expectedRequests, newClientLoop } from './client-loop';
import { Hedging } from './attempt/hedging';
import { LogFiles } from './log-files';
import { clientMetrics, type ClientMetrics, writeClientMetrics } from './metrics-file';
import { Progress } from './progress';
import { summaryText } from './summary-text.pure';
import { Tally } from './tally';
import { UnexpectedErrors } from '../core/unexpected-errors';
import { toMicros } from '../core/to-micros';
import { causeOf } from '../files/cause';
import { cannotWrite, checkTarget } from '../files/target';

export interface RunClientOptions {
  config: ClientConfig;
  /** At least one. */
  images: readonly ClientImage[];
  machineId: number;
  clientId: number;
  seed: number;
  clock: Clock;
  /** The file for its metrics; its log goes next to it, unless this is a device, a FIFO or standard output. */
  metricsFile?: string;
  logLevel: LogLevel;
  /** Aborted by Ctrl-C: starts no more requests, those in flight count as interrupted. */
  signal: AbortSignal;
  /** Default: no TLS. */
  secure?: Secure;
  /** The display of the progress; undefined for none. */
  display?: { write(text: string): void; isTerminal: boolean; columns?: number };
}

export type ClientReport = Omit<ClientMetrics, 'latency_digest'> & {
  /** Only in the file: it is long. */
  latency_digest: undefined;
  seed: number;
  interrupted_requests: number;
  metrics_file: string | null;
  /** False if no server ever responded. */
  reached: boolean;
};

/** True after a wrong carrier, or if no request succeeded: under faults, a share of them may fail. */
export function hasFailed(report: ClientReport): boolean {
  const { total_requests: total, successful_requests: successful } = report.aggregated_stats;
  return hasWrongCarrier(report) || (total > 0 && successful === 0);
}

export function hasWrongCarrier({ aggregated_stats: stats }: ClientReport): boolean {
  return Object.keys(stats.wrong_carriers).length > 0;
}

/** @throws ClusterError `bad_usage` for a file that cannot be written, `interrupted` for a FIFO without a reader */
export async function runClient(options: RunClientOptions): Promise<ClientReport> {
  const { config, images, machineId, clientId, clock, metricsFile, signal, seed, display } = options;
  const runId = randomUUID();
  const logs = new LogFiles({ clock, level: options.logLevel, onError: (error) => warn(options, error.message) });
  const hasLog = metricsFile !== undefined && checkTarget(metricsFile).kind === 'regular';
  const log = hasLog ? await beginLog(metricsFile, logs) : undefined;
  const aliases = await resolveAddressAliases(config.serverAddresses);
  const client = newClient(options, { runId, aliases, log });
  const tally = new Tally(log);
  const longestMs = longestSuccess(config.requestTimeoutMs, config.requests.pacing.mode === 'rate');
  const expectedCount = expectedRequests(config.requests);
  /** The due time of each request in flight by its id; they are sent in the order in which they were due. */
  const inFlight = new Map<number, number>();
  const oldestDueMs = (): number | undefined => inFlight.values().next().value;
  const progress = display && new Progress({ ...display, clock, longestMs, expectedCount, oldestDueMs });
  let lastId = 0;
  const send = async (image: ClientImage, intendedStartMs: number): Promise<void> => {
    const id = ++lastId;
    inFlight.set(id, intendedStartMs);
    const record = await client.request(image, id, { intendedStartMs });
    inFlight.delete(id);
    tally.add(record);
    progress?.add(record);
  };
  const loop = newClientLoop({ ...config.requests, send, images, clock, random: seededRandom(seed) });
  const startedAt = toMicros(clock.unixMs());
  log?.('info', `${config.name} begins run ${runId} with ${images.length} images, seed ${seed}`);
  await perform(loop, client, signal, progress);
  const test_duration_secs = Math.round(clock.unixMs() - startedAt) / 1000;
  const head = { client_name: config.name, machine_id: machineId, client_id: clientId, run_id: runId };
  const metrics = clientMetrics(
    { ...head, started_at: startedAt, test_duration_secs, interrupted: signal.aborted },
    tally.summary,
  );
  tell(metrics, tally, client, options, log);
  if (metricsFile !== undefined) await writeClientMetrics(metricsFile, metrics, signal);
  await Promise.all([logs.flush(), client.close()]);
  const more = { seed, interrupted_requests: tally.interruptedCount, metrics_file: metricsFile ?? null };
  return { ...metrics, latency_digest: undefined, ...more, reached: client.hasHeard };
}

/** machine_1_client_2.json → machine_1_client_2.log */
export function logFileOf(metricsFile: string): string {
  return `${metricsFile.replace(/\.json$/, '')}.log`;
}

/** Makes errors about the log name the metrics file, which the user chose. */
async function beginLog(metricsFile: string, logs: LogFiles): Promise<Logger> {
  const file = logFileOf(metricsFile);
  try {
    return await logs.begin(file);
  } catch (error) {
    const { cause } = error as ClusterError;
    if (cause === undefined) throw error;
    throw cannotWrite(metricsFile, new Error(`its log beside it, ${oneLine(file)}: ${causeOf(cause)}`, { cause }));
  }
}

function newClient(
  options: RunClientOptions,
  { runId, aliases, log }: { runId: string; aliases: ReadonlyMap<string, string>; log?: Logger },
): VirtualClient {
  const { config, clientId, clock, seed, secure } = options;
  const { name: clientName, serverAddresses: addresses, requestTimeoutMs } = config;
  // A separate stream from the images: how often the client itself draws depends on timing.
  const random: Random = seededRandom(seed + 1);
  const unexpected = new UnexpectedErrors((text) => {
    log?.('error', text);
    warn(options, text);
  });
  const onUnexpected = (error: unknown): void => unexpected.add(error);
  const watch = new FrameWatch({ monotonicMs: () => clock.monotonicMs(), onUnexpected });
  const identity = { clientId, clientName, runId, addresses, aliases };
  return new VirtualClient({
    ...identity,
    requestTimeoutMs,
    hedging: new Hedging(1),
    random,
    clock,
    watch,
    secure,
    log,
  });
}

async function perform(
  loop: ClientLoop,
  client: VirtualClient,
  signal: AbortSignal,
  progress?: Progress,
): Promise<void> {
  const interrupt = (): void => {
    loop.stop();
    client.abandon();
  };
  signal.addEventListener('abort', interrupt);
  if (signal.aborted) interrupt();
  progress?.start();
  try {
    await loop.run();
  } finally {
    progress?.stop();
    signal.removeEventListener('abort', interrupt);
  }
}

function tell(
  metrics: ClientMetrics,
  tally: Tally,
  { unreached }: VirtualClient,
  { display }: RunClientOptions,
  log?: Logger,
): void {
  const { aggregated_stats: stats, test_duration_secs: durationSecs } = metrics;
  const { interruptedCount, stoodStillCount } = tally;
  const text = summaryText(stats, { durationSecs, interruptedCount, stoodStillCount, unreached });
  for (const line of text.split('\n')) log?.('info', line);
  display?.write(`${text}\n`);
}

function warn({ display }: RunClientOptions, text: string): void {
  display?.write(`${text}\n`);
}
