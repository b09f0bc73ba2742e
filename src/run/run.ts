/** The `run` command on one machine, step by step: servers, clients, faults and a report. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { ClientImage } from '../client/client';
import type { RunConfig } from '../config/run-config';
import type { Clock, LogLevel } from '../core/environment';
import { pause } from '../core/system/pause';
import { ClusterError } from '../core/errors';
import { logLine } from '../core/log-line';
import { oneLine } from '../core/printable';
import { unableTo } from '../faults/drivers/network/abilities';
import { requestsFileName } from '../core/metrics/run-file-names';
import type { Threshold } from '../core/metrics/threshold';
import type { Report, RunMetadata } from '../report/report';
import type { StressReport } from '../stress/options';
import { runStress } from '../stress/runner';
import type { Screen } from '../stress/screen';
import { BaselineCount, latestFirstMs } from './baseline-count.pure';
import { expectedMs } from './expected-duration.pure';
import { Fleet } from './fleet';
import { injectFaults } from './inject-faults';
import { portsFor } from './ports';
import { hasRequests, RunRecorder, type RunResult } from './recorder';
import { REQUEST_TIMEOUT_MS, SETTLE_MS } from './run-times.pure';
import { judgeRun } from './verdicts';
import { waitForBaseline } from './wait-for-baseline';

const MACHINE_ID = 1;

export interface RunOptions {
  config: RunConfig;
  /** Must not exist yet. */
  folder: string;
  images: readonly ClientImage[];
  /** The name of the images in the banner. */
  imagesName: string;
  /** The command that starts this program. */
  command: readonly string[];
  thresholds: readonly Threshold[];
  /** The content of run.json except its end. */
  metadata: RunMetadata;
  /** Keeps the servers running after the report, until `signal`. */
  keep: boolean;
  clock: Clock;
  logLevel: LogLevel;
  /** Aborted by Ctrl-C: ends everything in order. */
  signal: AbortSignal;
  /** The display, if there is one. */
  screen?: Screen;
}

/**
 * Runs everything on this machine, with all files in one folder. However it ends, no server is left behind.
 * @throws ClusterError `address_in_use`, `not_reachable` if a server does not start, `bad_usage` if a folder or file
 * cannot be written
 */
export async function runAll(options: RunOptions): Promise<RunResult> {
  const { config, folder, command, signal, metadata, clock, screen } = options;
  const fleet = new Fleet(folder, await portsFor(config.servers, config.port), command);
  await checkKinds(config, fleet);
  const recorder = new RunRecorder({ folder, metadata, servers: fleet.addresses, steps: 5, clock, screen });
  const run = new Run(options, fleet, recorder);
  await recorder.begin();
  try {
    const where = `${config.servers} on ${fleet.addresses.join(', ')}, files in ${oneLine(folder)}`;
    recorder.step(1, 'START SERVERS', where);
    recorder.say(await fleet.start(signal));
    if (!signal.aborted) await run.perform();
    const result = await run.result();
    if (options.keep && !signal.aborted) await run.keepUntilAborted();
    return result;
  } finally {
    screen?.stop();
    await fleet.stop();
  }
}

class Run {
  private stress: StressReport | null = null;
  private readonly metricsDir: string;
  private readonly baseline: BaselineCount;

  constructor(
    private readonly options: RunOptions,
    private readonly fleet: Fleet,
    private readonly recorder: RunRecorder,
  ) {
    const { images, config, folder } = options;
    this.metricsDir = path.join(folder, 'metrics');
    this.baseline = new BaselineCount(
      images.map(({ name }) => name),
      config.slowLimitMs,
    );
  }

  /** Runs the load, and the faults at the same time. The end of one ends the other. */
  async perform(): Promise<void> {
    const { config, signal } = this.options;
    const end = new AbortController();
    const failed = new AbortController();
    const stop = AbortSignal.any([signal, failed.signal]);
    const stopOthers = (error: unknown): never => {
      failed.abort();
      throw error;
    };
    this.recorder.step(2, 'START CLIENTS');
    // Clients with a number of requests may end before the faults.
    const stopFaults = AbortSignal.any([stop, end.signal]);
    const load = this.load(end.signal, stop);
    const faults = this.injectFaults(stopFaults).then(() => {
      this.recorder.step(4, 'WAIT FOR COMPLETION');
      // A load with its own duration ends by that.
      const { durationMs } = config.stress.requests;
      return durationMs === undefined ? pause(config.faults.spec.intervalMs, stopFaults) : load;
    });
    const parts = [load, faults].map((part) => part.then(() => end.abort()).catch(stopOthers));
    const outcomes = await Promise.allSettled(parts);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    if (signal.aborted) return;
    await pause(SETTLE_MS, signal);
    this.recorder.problems.push(...this.fleet.deaths());
    const isWithoutFaults = config.faults.spec.cycles > 0 && this.recorder.faults === null;
    if (isWithoutFaults) this.recorder.problems.push('none of the planned faults was made: the load ended before');
  }

  /** Reports the results, and the problems. */
  async result(): Promise<RunResult> {
    const { signal } = this.options;
    const { recorder, stress } = this;
    const isReportable = hasRequests(stress);
    if (!isReportable && !signal.aborted) recorder.problems.push('nothing to report: no request was made');
    if (stress?.problem) {
      recorder.problems.push(stress.problem);
      recorder.isWritten = false;
    }
    return recorder.result(isReportable ? await this.report() : null, signal.aborted);
  }

  async keepUntilAborted(): Promise<void> {
    const { signal } = this.options;
    this.recorder.say(`The servers keep running on ${this.fleet.addresses.join(', ')} until Ctrl-C`);
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  }

  private async load(endSignal: AbortSignal, signal: AbortSignal): Promise<void> {
    const { config, images, imagesName, clock, logLevel, screen, metadata } = this.options;
    // The report needs the timeout: a failure counts with the longest that a success can take.
    const settings = { ...config.settings.stress, request_timeout_secs: REQUEST_TIMEOUT_MS / 1000 };
    this.stress = await runStress({
      machineId: MACHINE_ID,
      ...config.stress,
      images,
      seed: metadata.seed,
      runId: metadata.run_id,
      // The report checks the thresholds.
      thresholds: [],
      abortOn: [],
      metadata: { ...metadata, config: settings },
      serverAddresses: this.fleet.addresses,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      metricsDir: this.metricsDir,
      notes: [],
      expectedMs: config.stress.requests.durationMs ?? expectedMs(config),
      clock,
      logLevel,
      screen,
      signal,
      endSignal,
      onMeasured: (record) => this.baseline.add(record),
      names: { images: imagesName, clientConfig: 'none (the servers of this run)' },
    });
  }

  private async injectFaults(signal: AbortSignal): Promise<void> {
    const { config, metadata, command, clock, screen } = this.options;
    const { recorder, fleet } = this;
    recorder.faults = await injectFaults({
      config,
      servers: fleet.servers,
      children: fleet,
      untilFirst: (until) => this.untilFirst(until),
      program: { version: metadata.version, command },
      clock,
      signal,
      recorder,
      screen,
      begin: () => recorder.step(3, 'FAULT SIMULATION'),
    });
  }

  /** Waits for the first fault; without faults, for as long. */
  private untilFirst(signal: AbortSignal): Promise<void> {
    const { config, clock } = this.options;
    const { firstMs: leastMs, spec } = config.faults;
    if (spec.cycles === 0) return pause(leastMs, signal);
    const say = (level: LogLevel, text: string): void =>
      this.recorder.say(logLine(new Date(clock.wallMs()), level, text));
    return waitForBaseline({ count: this.baseline, leastMs, mostMs: latestFirstMs(config), signal, say });
  }

  private async report(): Promise<Report | null> {
    const { metricsDir } = this;
    const serverDirs = this.fleet.servers.map(({ workDir }) => workDir);
    const eventFiles = serverDirs.flatMap((folder) =>
      readdirSync(folder)
        .filter((name) => name.endsWith('_events.ndjson'))
        .map((name) => ({ path: path.join(folder, name), offsetMs: 0 })),
    );
    const requests = path.join(metricsDir, requestsFileName(MACHINE_ID));
    const rules = judgeRun({
      requestFiles: [{ path: requests, machineId: MACHINE_ID, offsetMs: 0 }],
      eventFiles,
      faults: this.recorder.faultFiles.eventsFile,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      serverIds: this.fleet.servers.map(({ id }) => id),
      timings: this.options.config.timings,
    });
    this.recorder.step(5, 'REPORT');
    return this.recorder.report({
      metrics: [metricsDir],
      runs: { take: 'newest' },
      thresholds: this.options.thresholds,
      slowLimitMs: this.options.config.slowLimitMs,
      rules,
      events: serverDirs.map((folder) => ({ path: folder, required: true })),
    });
  }
}

/** Checked before the start. @throws ClusterError `bad_usage` for a kind of fault that is not possible here */
async function checkKinds({ faults }: RunConfig, { servers }: Fleet): Promise<void> {
  if (faults.spec.cycles === 0) return;
  const unable = await unableTo(
    faults.spec.kinds.map(({ kind }) => kind),
    servers,
  );
  const [kind, why] = Object.entries(unable)[0] ?? [];
  if (kind !== undefined) throw new ClusterError('bad_usage', `cannot inject "${kind}" on this machine: ${why}`);
}
