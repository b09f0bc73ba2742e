import { randomUUID } from 'node:crypto';
import { resolveAliases } from '../client/aliases';
import type { ClientImage, VirtualClient, VirtualClientOptions } from '../client/client';
import { Hedging } from '../client/hedging';
import { Meter } from '../client/meter';
import { oneLine } from '../core/printable';
import { summaryText } from '../client/summary-text';
import { Tally } from '../client/tally';
import { toMicros } from '../client/task-run';
import type { Pacing } from '../config/client-config';
import type { Clock, Logger, LogLevel } from '../core/environment';
import { logLine, timestamp } from '../core/log-line';
import type { RequestRecord } from '../core/metrics/record';
import type { AggregatedStats } from '../core/metrics/summary';
import { FrameWatch } from '../core/transport/network';
import { bannerText } from './banner';
import { prepareFolder } from './metrics-folder';
import { waitForServer } from './probe';
import { RunFiles } from './run-files';
import type { Screen, Showing } from './screen';
import { statusText } from './status-line';
import { StressClient } from './stress-client';

/** So many clients' files are written at a time: each waits for the disk, and holds a digest meanwhile. */
const LANES = 8;

export interface StressOptions {
  machineId: number;
  numClients: number;
  /** Of each client; it ends at whichever limit comes first. */
  requests: { pacing: Pacing; totalRequests?: number; durationMs?: number };
  /** At least one. */
  images: readonly ClientImage[];
  serverAddresses: readonly string[];
  requestTimeoutMs: number;
  metricsDir: string;
  seed: number;
  /** How long a server may take to answer before the run begins. */
  waitMs: number;
  /** What the banner calls them. */
  names: { images: string; clientConfig: string };
  /** Lines to say before the banner. */
  notes: readonly string[];
  clock: Clock;
  logLevel: LogLevel;
  /** Aborted by Ctrl-C: starts no more, what is in flight counts as interrupted. */
  signal: AbortSignal;
  /** When `enough` is expected, for the bar and the banner. */
  expectedMs?: number;
  /** Aborted when it is enough: starts no more, what is in flight ends as it does. */
  enough?: AbortSignal;
  /** Who reads along, if anybody does. */
  screen?: Screen;
  /** Default: a fresh one. */
  runId?: string;
}

/** What a run came to; field names as in its files. */
export interface StressReport {
  machine_id: number;
  run_id: string;
  seed: number;
  num_clients: number;
  /** Unix milliseconds. */
  started_at: number;
  test_duration_secs: number;
  interrupted: boolean;
  interrupted_requests: number;
  aggregated_stats: AggregatedStats;
  metrics_dir: string;
  /** Where the files of an earlier run are now. */
  previous_dir: string | null;
  /** Why files are missing or not complete (a full disk). */
  problem: string | null;
}

/**
 * The `stress` command: many clients in this process, each with its own connections, against servers that at least one
 * of must answer first.
 * @throws ClusterError `not_reachable` if none does, `bad_usage` | `bad_config` for a metrics folder that cannot be written
 */
export async function runStress(options: StressOptions): Promise<StressReport> {
  await waitForServer(options.serverAddresses, options.waitMs, options.signal);
  const run = new StressRun(options);
  // Interrupted while it waited: nothing was done, and nothing of an earlier run is moved.
  if (!options.signal.aborted) await run.perform();
  return run.report();
}

class StressRun {
  readonly #options: StressOptions;
  readonly #runId: string;
  readonly #screen: Screen | undefined;
  readonly #meter: Meter;
  readonly #tally = new Tally();
  readonly #clients: StressClient[] = [];
  readonly #startedAt: number;
  #durationSecs = 0;
  #leadership: VirtualClient['leadership'] = { term: 0, leaderId: null };
  #previousDir: string | null = null;
  #files: RunFiles | undefined;
  #isStopped = false;
  #isOver = false;

  constructor(options: StressOptions) {
    const { screen, clock, runId } = options;
    this.#options = options;
    this.#runId = runId ?? randomUUID();
    this.#screen = screen;
    this.#meter = new Meter(clock);
    this.#startedAt = toMicros(clock.unixMs());
  }

  async perform(): Promise<void> {
    const { clock, signal, enough, metricsDir, machineId, logLevel } = this.#options;
    const moved = prepareFolder(metricsDir, machineId, new Date(clock.unixMs()));
    this.#previousDir = moved?.folder ?? null;
    const onProblem = (problem: string): void => this.#giveUp(problem);
    const files = new RunFiles({ folder: metricsDir, machineId, clock, logLevel, onProblem });
    this.#files = files;
    this.#sayBefore(moved === null ? [] : [`Moved ${moved.count} files of an earlier run to ${oneLine(moved.folder)}`]);
    const interrupt = (): void => this.#interrupt();
    signal.addEventListener('abort', interrupt);
    const end = (): void => this.#clients.forEach((client) => client.stop());
    enough?.addEventListener('abort', end);
    try {
      await this.#runClients(files);
    } finally {
      signal.removeEventListener('abort', interrupt);
      enough?.removeEventListener('abort', end);
      this.#isOver = true;
      this.#screen?.stop();
      for (const client of this.#clients) client.abandon();
      files.closeRecords();
    }
    this.#durationSecs = Math.round(clock.unixMs() - this.#startedAt) / 1000;
    await inLanes(this.#clients, (client) => files.numbers(client.metrics()));
    await Promise.all([files.flushLogs(), ...this.#clients.map(({ closed }) => closed)]);
    this.#sayAfter(files);
  }

  report(): StressReport {
    const { machineId, seed, numClients, metricsDir, signal } = this.#options;
    return {
      machine_id: machineId,
      run_id: this.#runId,
      seed,
      num_clients: numClients,
      started_at: this.#startedAt,
      test_duration_secs: this.#durationSecs,
      interrupted: signal.aborted,
      interrupted_requests: this.#tally.interruptedCount,
      aggregated_stats: this.#tally.summary.stats(),
      metrics_dir: metricsDir,
      previous_dir: this.#previousDir,
      problem: this.#files?.problem ?? null,
    };
  }

  async #runClients(files: RunFiles): Promise<void> {
    const { numClients, machineId, clock, serverAddresses } = this.#options;
    const shared = {
      aliases: await resolveAliases(serverAddresses),
      hedging: new Hedging(numClients),
      watch: new FrameWatch({ monotonicMs: () => clock.monotonicMs() }),
    };
    // Before the first of them sends: beside the load of the others the last would begin much later.
    const logs = new Map<number, Logger | undefined>();
    const ids = Array.from({ length: numClients }, (_, index) => index + 1);
    await inLanes(ids, async (id) => void logs.set(id, this.#isStopped ? undefined : await files.log(id)));
    if (this.#isStopped) return;
    const running = ids.map((id) => {
      const client = this.#newClient(id, { ...shared, log: logs.get(id) }, files);
      this.#clients.push(client);
      const name = `Machine_${machineId}_Client_${id}`;
      this.#screen?.print(`${timestamp(new Date(clock.unixMs()))} Starting client ${id}/${numClients}: ${name}`);
      return client.run();
    });
    this.#screen?.print('');
    this.#screen?.start(() => this.#status());
    await Promise.all(running);
  }

  #newClient(
    clientId: number,
    shared: Pick<VirtualClientOptions, 'aliases' | 'hedging' | 'watch' | 'log'>,
    files: RunFiles,
  ): StressClient {
    const { machineId, seed, requests, images, serverAddresses, requestTimeoutMs, clock } = this.#options;
    const clientName = `Machine_${machineId}_Client_${clientId}`;
    const identity = { clientId, clientName, runId: this.#runId, addresses: serverAddresses };
    return new StressClient({
      ...{ machineId, seed },
      client: { ...identity, ...shared, requestTimeoutMs, clock },
      load: { images, ...requests },
      onRecord: (record, client) => this.#ended(record, client, files),
    });
  }

  #ended(record: RequestRecord, client: VirtualClient, files: RunFiles): void {
    files.record(record);
    this.#tally.add(record);
    this.#meter.add(record);
    const { leadership } = client;
    if (record.success && leadership.term >= this.#leadership.term) this.#leadership = leadership;
  }

  /** Nothing can be written: to send more would be load that nobody hears of. */
  #giveUp(problem: string): void {
    this.#sayLine('error', `${problem}${this.#isOver ? '' : '; no more requests are started'}`);
    this.#isStopped = true;
    for (const client of this.#clients) client.cut();
  }

  #interrupt(): void {
    this.#isStopped = true;
    this.#sayLine('info', 'stopping; what is in flight counts as interrupted; a second Ctrl-C ends at once');
    for (const client of this.#clients) client.abandon();
  }

  #status(): Showing {
    const { requests, numClients, clock, expectedMs } = this.#options;
    const { doneCount, failedCount, lastReason } = this.#meter;
    const totalCount = requests.totalRequests === undefined ? undefined : requests.totalRequests * numClients;
    const rates = { perSecond: this.#meter.perSecond(), p95Ms: this.#meter.p95Ms() };
    const leadership = this.#leadership;
    const timeShare = (clock.unixMs() - this.#startedAt) / (requests.durationMs ?? expectedMs ?? Infinity);
    return {
      share: Math.min(1, Math.max(timeShare, doneCount / (totalCount ?? Infinity))),
      text: statusText({ doneCount, totalCount, failedCount, lastReason, leadership, ...rates }),
    };
  }

  #sayBefore(more: readonly string[]): void {
    const { images, notes, names, metricsDir, numClients } = this.#options;
    const meanImageBytes = images.reduce((sum, { bytes }) => sum + bytes.length, 0) / images.length;
    const banner = bannerText({ ...this.#options, names: { ...names, metricsDir }, meanImageBytes });
    const start = `Starting ${numClients} clients...\n`;
    this.#screen?.print([...notes, ...more, banner, start].join('\n'));
  }

  #sayLine(level: LogLevel, text: string): void {
    this.#screen?.print(logLine(new Date(this.#options.clock.unixMs()), level, text));
  }

  #sayAfter(files: RunFiles): void {
    const { machineId, serverAddresses, metricsDir, seed } = this.#options;
    const hasHeard = this.#clients.some(({ client }) => client.hasHeard);
    const unreached = hasHeard || this.#meter.doneCount === 0 ? [] : serverAddresses;
    const { summary, interruptedCount } = this.#tally;
    const text = summaryText(summary.stats(), { durationSecs: this.#durationSecs, interruptedCount, unreached });
    const where = `${oneLine(metricsDir)}: machine_${machineId}_requests.ndjson, machine_${machineId}_client_*.json and .log`;
    const rows = [text, `Seed:      ${seed}`, `Files:     ${where}`];
    if (files.problem !== null) rows.push(`Problem:   ${oneLine(files.problem)}, so these files are not complete`);
    this.#screen?.print(rows.join('\n'));
  }
}

async function inLanes<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const lane = async (): Promise<void> => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}
