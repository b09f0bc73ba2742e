/** Runs the `stress` command: many clients in this process, each with its own connections. */
import { randomUUID } from 'node:crypto';
import { resolveAddressAliases } from '../client/address-aliases';
import type { VirtualClient, VirtualClientOptions } from '../client/client';
import { Hedging } from '../client/attempt/hedging';
import { inParallel } from '../core/concurrency';
import type { Logger, LogLevel } from '../core/environment';
import { logLine, timestamp } from '../core/log-line';
import { clockText } from '../core/metrics/clock-watch';
import type { ClockLine, LoadEnd, RequestRecord, StressRunFile } from '../core/metrics/record';
import { pauseText } from '../core/metrics/saturation';
import { longestSuccess } from '../core/metrics/population';
import { clientName } from '../core/metrics/run-file-names';
import { resultText, type ThresholdResult } from '../core/metrics/threshold';
import { pause } from '../core/system/pause';
import { PauseWatch } from '../core/system/pause-watch';
import { oneLine } from '../core/printable';
import { FrameWatch } from '../core/transport/network';
import { bannerText } from './progress/banner';
import { closingText } from './progress/closing-text';
import { chooseLoop, type StressLoop } from './choose-loop';
import { prepareFolder } from './metrics-folder';
import { checkOpenFiles } from './open-files';
import type { StressOptions, StressReport } from './options';
import { waitForServer } from './wait-for-server';
import { RunFiles } from './run-files';
import { RunProgress } from './progress/run-progress';
import { isKnownToFail, RunTally } from './progress/run-tally';
import { RunWatch } from './run-watch';
import { StressClient } from './stress-client';
import { UndecidedRequests } from './undecided-requests';
import { toMicros } from '../core/to-micros';
import { UnexpectedErrors } from '../core/unexpected-errors';

/** Interval at which abort conditions are checked. */
const JUDGE_EVERY_MS = 1000;

/** Number of clients' files opened or written concurrently: each waits for the disk, and holds a digest meanwhile. */
const FILES_AT_ONCE = 8;

/**
 * Runs the load after at least one server has answered.
 * @throws ClusterError `not_reachable` if none does, `bad_usage` | `bad_config` if the metrics folder cannot be written
 * or there are more clients than this process may have connections for, `address_in_use` for the metrics address
 */
export async function runStress(options: StressOptions): Promise<StressReport> {
  checkOpenFiles(options.numClients, options.serverAddresses.length);
  const run = new StressRun(options);
  try {
    if (options.metricsAddress !== undefined) await run.watch.expose(options.metricsAddress);
    await waitForServer(options.serverAddresses, options.waitMs, options.signal, options.secure);
    // After an interrupt while waiting nothing was done, and the files of an earlier run stay.
    if (!options.signal.aborted) await run.perform();
    return run.report();
  } finally {
    await run.watch.close();
  }
}

class StressRun {
  readonly watch: RunWatch;
  private readonly runId: string;
  private readonly pauses: PauseWatch;
  private readonly tally: RunTally;
  private readonly clients: StressClient[] = [];
  private readonly undecided: UndecidedRequests;
  private readonly timers = new Set<NodeJS.Timeout>();
  private loop: StressLoop | undefined;
  private progress: RunProgress | undefined;
  private startedAt: number;
  private endedAt: number | null = null;
  private previousDir: string | null = null;
  private files: RunFiles | undefined;
  private results: ThresholdResult[] = [];
  private abortedBy: ThresholdResult | null = null;
  /** True if no more requests are to be started. */
  private isStopped = false;
  private isOver = false;
  /** null while nothing but its plan ends it. */
  private endedBy: LoadEnd | null = null;

  constructor(private readonly options: StressOptions) {
    const { clock, runId, warmupMs, machineId, requests, requestTimeoutMs } = options;
    const longestMs = longestSuccess(requestTimeoutMs, requests.pacing.mode === 'rate');
    this.runId = runId ?? randomUUID();
    this.undecided = new UndecidedRequests(this.clients, clock);
    this.pauses = new PauseWatch(clock);
    this.watch = new RunWatch({
      runId: this.runId,
      machineId,
      longestMs,
      clients: this.clients,
      undecided: this.undecided,
      clock,
      targetPerSecond: requests.pacing.mode === 'rate' ? requests.pacing.ratePerSecond : null,
      onSample: (sample) => this.files?.sample(sample),
      onClock: (line) => this.onClock(line),
    });
    this.tally = new RunTally(warmupMs, longestMs, options.serverAddresses.length);
    this.startedAt = toMicros(clock.unixMs());
  }

  async perform(): Promise<void> {
    const { clock, metricsDir, machineId, logLevel, thresholds } = this.options;
    const moved = prepareFolder(metricsDir, machineId, new Date(clock.wallMs()));
    this.previousDir = moved?.folder ?? null;
    const onProblem = (problem: string): void => this.giveUp(problem);
    const files = new RunFiles({ folder: metricsDir, machineId, clock, logLevel, onProblem });
    this.files = files;
    this.sayBefore(moved === null ? [] : [`Moved ${moved.count} files of an earlier run to ${oneLine(moved.folder)}`]);
    await this.untilOver(files);
    const endedAt = toMicros(clock.unixMs());
    this.endedAt = endedAt;
    // A load of too few requests to be aborted is still judged.
    const crossed =
      this.abortedBy === null ? this.tally.judge(this.options.abortOn, endedAt).filter(isKnownToFail) : [];
    this.results = [...this.tally.judge(thresholds, endedAt), ...crossed];
    await inParallel(this.clients, FILES_AT_ONCE, (client) => files.numbers(client.metrics()));
    await files.run(this.runFile());
    await Promise.all([files.flushLogs(), ...this.clients.map(({ closed }) => closed)]);
    this.sayAfter(files);
  }

  report(): StressReport {
    const { machineId, seed, numClients, metricsDir, signal, warmupMs, requests } = this.options;
    const { measured, population, service, wrong } = this.tally;
    const rates = this.tally.rates(this.endedAt ?? this.startedAt);
    return {
      machine_id: machineId,
      run_id: this.runId,
      seed,
      num_clients: numClients,
      loop: requests.pacing.mode === 'rate' ? 'open' : 'closed',
      started_at: this.startedAt,
      test_duration_secs: this.durationSecs,
      interrupted: signal.aborted,
      interrupted_requests: measured.interruptedCount,
      unsent_requests: measured.unsentCount,
      failure_rate_max: population.mostFailedPercent,
      goodput_per_s: rates.goodputPerSecond,
      attempted_per_s: rates.attemptedPerSecond,
      wrong_carriers: wrong.count,
      wrong_carriers_by_server: wrong.toJson(),
      aggregated_stats: measured.summary.stats(),
      all_stats: population.latencies.figures(),
      service_stats: service.figures(),
      warmup_secs: warmupMs / 1000,
      thresholds: this.results,
      aborted_by: this.abortedBy,
      generator: this.watch.summary(),
      metrics_dir: metricsDir,
      previous_dir: this.previousDir,
      problem: this.files?.problem ?? null,
      reached: this.hasReached(),
    };
  }

  private get durationSecs(): number {
    return this.endedAt === null ? 0 : Math.round(this.endedAt - this.startedAt) / 1000;
  }

  /** Runs the load until it is over, interrupted or ended early. */
  private async untilOver(files: RunFiles): Promise<void> {
    const { signal, endSignal, screen } = this.options;
    const interrupt = (): void => this.interrupt();
    const end = (): void => this.stopGracefully('caller');
    signal.addEventListener('abort', interrupt);
    endSignal?.addEventListener('abort', end);
    try {
      await files.run(this.runFile());
      await this.runClients(files);
    } finally {
      signal.removeEventListener('abort', interrupt);
      endSignal?.removeEventListener('abort', end);
      for (const timer of this.timers) clearTimeout(timer);
      this.isOver = true;
      screen?.stop();
      this.watch.stop();
      for (const { client } of this.clients) client.abandon();
      files.closeRecords();
    }
  }

  private async runClients(files: RunFiles): Promise<void> {
    const { numClients, clock, serverAddresses, screen } = this.options;
    const shared = {
      aliases: await resolveAddressAliases(serverAddresses),
      hedging: new Hedging(numClients),
      pauses: this.pauses,
      watch: this.newFrameWatch(),
      secure: this.options.secure,
    };
    // Opened before any client sends: under the load of the others, the last would start much later.
    const logs = new Map<number, Logger | undefined>();
    const ids = Array.from({ length: numClients }, (_, index) => index + 1);
    await inParallel(
      ids,
      FILES_AT_ONCE,
      async (id) => void logs.set(id, this.isStopped ? undefined : await files.log(id)),
    );
    if (this.isStopped) return;
    for (const id of ids) this.clients.push(this.newClient(id, { ...shared, log: logs.get(id) }, files));
    await this.untilStart();
    if (this.isStopped) return;
    this.startedAt = toMicros(clock.unixMs());
    this.tally.begin(this.startedAt);
    this.loop = chooseLoop({
      ...this.options,
      clients: this.clients,
      pauses: this.pauses,
      onStart: (index) => this.starts(index),
      onSend: (lateMs) => this.watch.sent(lateMs),
    });
    this.undecided.loop = this.loop;
    const progress = new RunProgress(this.options, this.undecided);
    this.progress = progress;
    this.startTimers();
    this.watch.start();
    const running = this.loop.run();
    screen?.print('');
    screen?.start(() => progress.showing());
    await running;
    for (const client of this.clients) client.end();
  }

  private newFrameWatch(): FrameWatch {
    const { clock } = this.options;
    const unexpected = new UnexpectedErrors((text) => this.sayLine('error', text));
    return new FrameWatch({
      monotonicMs: () => clock.monotonicMs(),
      onUnexpected: (error) => unexpected.add(error),
    });
  }

  /** Waits for the common start of several machines. */
  private async untilStart(): Promise<void> {
    const { startAtMs = 0, signal, clock } = this.options;
    const waitMs = startAtMs - clock.unixMs();
    if (waitMs > 0) await pause(waitMs, signal);
  }

  private newClient(
    clientId: number,
    shared: Pick<VirtualClientOptions, 'aliases' | 'hedging' | 'pauses' | 'watch' | 'secure' | 'log'>,
    files: RunFiles,
  ): StressClient {
    const { machineId, seed, serverAddresses, requestTimeoutMs, clock } = this.options;
    const identity = { clientId, clientName: this.nameOf(clientId), runId: this.runId, addresses: serverAddresses };
    return new StressClient({
      machineId,
      seed,
      client: { ...identity, ...shared, requestTimeoutMs, clock },
      onRecord: (record, client) => this.ended(record, client, files),
    });
  }

  private nameOf(clientId: number): string {
    return clientName(this.options.machineId, clientId);
  }

  private starts(index: number): void {
    const { numClients, clock, screen } = this.options;
    this.clients[index]!.begin();
    const id = index + 1;
    const at = timestamp(new Date(clock.wallMs()));
    screen?.print(`${at} Starting client ${id}/${numClients}: ${this.nameOf(id)}`);
  }

  private startTimers(): void {
    const { requests, abortOn } = this.options;
    if (requests.durationMs !== undefined) this.after(requests.durationMs, () => this.startGrace());
    if (abortOn.length > 0) this.timers.add(setInterval(() => this.abortIfCrossed(), JUDGE_EVERY_MS));
  }

  private after(ms: number, act: () => void): void {
    this.timers.add(setTimeout(act, ms));
  }

  private ended(record: RequestRecord, client: VirtualClient, files: RunFiles): void {
    files.record(record);
    if (this.tally.add(record)) this.options.onMeasured?.(record);
    this.progress?.add(record, client.leadership);
    this.watch.ended(record);
  }

  private onClock(line: ClockLine): void {
    this.files?.sample(line);
    const text = clockText(line);
    if (text !== null) this.sayLine('warn', text);
  }

  private abortIfCrossed(): void {
    if (this.isStopped) return;
    const { abortOn, clock } = this.options;
    const crossed = this.tally.crossed(abortOn, clock.unixMs(), this.undecided.dueTimes());
    if (crossed === undefined) return;
    this.abortedBy = crossed;
    const { expression, value, unit } = crossed;
    const why = `${oneLine(expression)} crossed (${resultText(value!.toFixed(2), unit)})`;
    this.sayLine('error', `aborted: ${why}; no more requests are started`);
    this.stopGracefully('threshold');
  }

  private stopGracefully(cause: LoadEnd): void {
    this.endedBy ??= cause;
    this.stop();
    this.startGrace();
  }

  private stop(): void {
    this.isStopped = true;
    this.loop?.stop();
  }

  /** Starts the grace period, in which requests in flight may end and waiting ones may be sent. */
  private startGrace(): void {
    this.after(this.options.gracefulStopMs, () => {
      this.stop();
      for (const { client } of this.clients) client.abandon();
    });
  }

  /** Stops the load when files cannot be written: further requests would leave no record. */
  private giveUp(problem: string): void {
    this.sayLine('error', `${problem}${this.isOver ? '' : '; no more requests are started'}`);
    if (!this.isOver) this.endedBy ??= 'error';
    for (const client of this.clients) client.cut();
    this.stop();
  }

  private interrupt(): void {
    this.sayLine('info', 'stopping; requests in flight count as interrupted; a second Ctrl-C ends at once');
    this.endedBy ??= 'interrupt';
    for (const client of this.clients) client.cut();
    this.stop();
    for (const { client } of this.clients) client.abandon();
  }

  private runFile(): StressRunFile {
    const { metadata, machineId, seed, warmupMs } = this.options;
    return {
      run_id: this.runId,
      machine_id: machineId,
      seed,
      ...metadata,
      started_at: this.startedAt,
      ended_at: this.endedAt,
      warmup_secs: warmupMs / 1000,
      ended_by: this.endedAt === null ? null : (this.endedBy ?? 'plan'),
    };
  }

  private sayBefore(more: readonly string[]): void {
    const { images, notes, names, metricsDir, numClients, screen } = this.options;
    const meanImageBytes = images.reduce((sum, { bytes }) => sum + bytes.length, 0) / images.length;
    const banner = bannerText({ ...this.options, names: { ...names, metricsDir }, meanImageBytes });
    const start = `Starting ${numClients} clients...\n`;
    screen?.print([...notes, ...more, banner, start].join('\n'));
  }

  private sayLine(level: LogLevel, text: string): void {
    this.options.screen?.print(logLine(new Date(this.options.clock.wallMs()), level, text));
  }

  /** Also true if no request succeeded or failed: nothing then shows that the servers were unreachable. */
  private hasReached(): boolean {
    return this.tally.endedCount === 0 || this.clients.some(({ client }) => client.hasHeard);
  }

  private sayAfter(files: RunFiles): void {
    const unreached = this.hasReached() ? [] : this.options.serverAddresses;
    const { problem } = files;
    const generator = this.watch.summary();
    const told = { pauses: pauseText(generator), generatorProblem: generator.why };
    const waitedCount = this.loop?.waitedCount ?? 0;
    const rates = this.tally.rates(this.endedAt!);
    const closing = { rates, waitedCount, unreached, problem, ...told };
    this.options.screen?.print(closingText(this.options, this.tally, this.results, closing));
  }
}
