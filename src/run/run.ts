import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import type { ClientImage } from '../client/client';
import type { RunConfig } from '../config/run-config';
import type { Clock, LogLevel } from '../core/environment';
import { ClusterError } from '../core/errors';
import { pause } from '../core/pause';
import { oneLine } from '../core/printable';
import { causeOf } from '../files/cause';
import { writeAll } from '../files/write-all';
import { localDriver } from '../faults/drivers/local';
import { planRing, timetable } from '../faults/plan';
import { type FaultsReport, simulateFaults } from '../faults/simulate';
import type { Threshold } from '../core/metrics/threshold';
import { renderText } from '../report/renderers/text';
import type { Report, RunFacts } from '../report/report';
import { runReport, type RunReportOptions } from '../report/run-report';
import { runStress, type StressReport } from '../stress/runner';
import type { Screen } from '../stress/screen';
import { Fleet } from './fleet';
import { portsFor } from './ports';
import { judgeRun } from './verdicts';

const MACHINE_ID = 1;
const REQUEST_TIMEOUT_MS = 10_000;
const WAIT_FOR_SERVER_MS = 10_000;
/** Servers write a sample a second: each of them tells after this that its ledger is empty (S7). */
const SETTLE_MS = 2600;

export interface RunOptions {
  config: RunConfig;
  /** Does not exist yet. */
  folder: string;
  images: readonly ClientImage[];
  /** What the banner calls them. */
  imagesName: string;
  /** How this program is started. */
  command: readonly string[];
  thresholds: readonly Threshold[];
  /** All that run.json says but its end. */
  facts: RunFacts;
  /** Servers stay up after the report, until `signal`. */
  keep: boolean;
  clock: Clock;
  logLevel: LogLevel;
  /** Aborted by Ctrl-C: ends all of it, in order. */
  signal: AbortSignal;
  /** Who reads along, if anybody does. */
  screen?: Screen;
}

export interface RunResult {
  folder: string;
  interrupted: boolean;
  /** Null where there is nothing to report. */
  report: Report | null;
  /** What could not be done or written, one line each. */
  problems: string[];
  /** False: a file is not whole (a full disk), and what the files do not say may have happened all the same. */
  files_complete: boolean;
}

/**
 * The `run` command: servers, clients, faults and a report, on this machine, in one folder. However it ends, no server
 * is left behind.
 * @throws ClusterError `address_in_use`, `not_reachable` for a server that does not start, `bad_usage` for a folder or
 * file that cannot be written
 */
export async function runAll(options: RunOptions): Promise<RunResult> {
  const { config, folder, command, signal, facts } = options;
  const fleet = new Fleet(folder, await portsFor(config.servers, config.port), command);
  const run = new Run(options, fleet);
  makeFolder(folder);
  try {
    run.writeFacts(facts);
    run.step(1, 'START SERVERS', `${config.servers} on ${fleet.addresses.join(', ')}, files in ${oneLine(folder)}`);
    run.say(await fleet.start(signal));
    if (!signal.aborted) await run.perform();
    const result = run.result();
    if (options.keep && !signal.aborted) await run.keepUntilAborted();
    return result;
  } finally {
    options.screen?.stop();
    await fleet.stop();
  }
}

class Run {
  private stress: StressReport | null = null;
  private faults: FaultsReport | null = null;
  private readonly problems: string[] = [];
  private isWritten = true;
  private readonly metricsDir: string;
  private readonly faultsLog: string;
  private readonly faultsFile: string;

  constructor(
    private readonly options: RunOptions,
    private readonly fleet: Fleet,
  ) {
    const { folder } = options;
    this.metricsDir = path.join(folder, 'metrics');
    this.faultsLog = path.join(folder, 'fault_events.log');
    this.faultsFile = path.join(folder, 'fault_events.ndjson');
  }

  say(...lines: string[]): void {
    this.options.screen?.print(lines.join('\n'));
  }

  /** The five of the guide's workflow. */
  step(number: number, name: string, ...lines: string[]): void {
    this.say('', `===== STEP ${number}/5: ${name} =====`, '', ...lines);
  }

  writeFacts(facts: RunFacts): void {
    const content = Buffer.from(`${JSON.stringify({ ...facts, servers: this.fleet.addresses }, null, 2)}\n`);
    writeAll([{ path: path.join(this.options.folder, 'run.json'), content }]);
  }

  /** Load, and faults while it runs. What ends one ends the other. */
  async perform(): Promise<void> {
    const { config, signal } = this.options;
    const enough = new AbortController();
    const failed = new AbortController();
    const stop = AbortSignal.any([signal, failed.signal]);
    const stopOthers = (error: unknown): never => {
      failed.abort();
      throw error;
    };
    this.step(2, 'START CLIENTS');
    // Where the clients have a number of requests, they may end sooner than the faults.
    const stopFaults = AbortSignal.any([stop, enough.signal]);
    const load = this.load(enough.signal, stop);
    const faults = this.breakServers(stopFaults).then(() => {
      this.step(4, 'WAIT FOR COMPLETION');
      return pause(config.faults.intervalMs, stopFaults);
    });
    const parts = [load, faults].map((part) => part.then(() => enough.abort()).catch(stopOthers));
    const outcomes = await Promise.allSettled(parts);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    if (!signal.aborted) await pause(SETTLE_MS, signal);
  }

  /** The report of what is there, and what went wrong. */
  result(): RunResult {
    const { folder, signal, facts, clock } = this.options;
    const hasRequests = this.hasRequests();
    if (!hasRequests && !signal.aborted) this.problems.push('there is nothing to report: no request was made');
    if (this.stress?.problem) this.problems.push(this.stress.problem);
    if (this.faults) this.problems.push(...problemsOf(this.faults));
    const report = hasRequests ? this.report() : null;
    this.attempt(() => this.writeFacts({ ...facts, ended_at: clock.unixMs() }));
    this.say(
      '',
      `All files of this run: ${oneLine(folder)}`,
      ...this.problems.map((text) => `Incomplete: ${oneLine(text)}`),
    );
    return {
      ...{ folder, interrupted: signal.aborted, report, problems: this.problems },
      files_complete: this.isWritten && !this.stress?.problem && this.faults?.is_logged !== false,
    };
  }

  async keepUntilAborted(): Promise<void> {
    const { signal } = this.options;
    this.say(`The servers stay up on ${this.fleet.addresses.join(', ')} until Ctrl-C`);
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  }

  private async load(enough: AbortSignal, signal: AbortSignal): Promise<void> {
    const { config, images, imagesName, clock, logLevel, screen, facts } = this.options;
    this.stress = await runStress({
      ...{ machineId: MACHINE_ID, ...config.stress, images, seed: facts.seed, runId: facts.run_id },
      ...{ serverAddresses: this.fleet.addresses, requestTimeoutMs: REQUEST_TIMEOUT_MS },
      ...{ metricsDir: this.metricsDir, waitMs: WAIT_FOR_SERVER_MS, notes: [], expectedMs: expectedMs(config) },
      ...{ clock, logLevel, screen, signal, enough },
      names: { images: imagesName, clientConfig: 'none (the servers of this run)' },
    });
  }

  private async breakServers(signal: AbortSignal): Promise<void> {
    const { config, clock, screen } = this.options;
    await pause(config.faults.firstMs, signal);
    if (config.faults.cycles === 0 || signal.aborted) return;
    const display = screen && { write: (text: string) => screen.print(text.replace(/\n$/, '')) };
    this.step(3, 'FAULT SIMULATION');
    this.faults = await simulateFaults({
      config: {
        ...{ ...config.faults, servers: [...this.fleet.servers], logSource: '--out' },
        ...{ logFile: this.faultsLog, eventsFile: this.faultsFile },
      },
      ...{ driver: localDriver({ launch: this.fleet.launch }), clock, signal, display },
    });
  }

  private hasRequests(): boolean {
    const { stress } = this;
    return stress !== null && stress.aggregated_stats.total_requests + stress.interrupted_requests > 0;
  }

  private report(): Report | null {
    const { folder, thresholds, facts, clock, screen } = this.options;
    const serverDirs = this.fleet.servers.map(({ workDir }) => workDir);
    const { metricsDir, faultsFile } = this;
    const requestTimeoutMs = REQUEST_TIMEOUT_MS;
    const rules = judgeRun({ metricsDir, machineId: MACHINE_ID, faults: faultsFile, serverDirs, requestTimeoutMs });
    this.step(5, 'REPORT');
    const options: RunReportOptions = {
      ...{ metrics: [metricsDir], faults: { path: faultsFile, required: false }, runs: { take: 'newest' }, thresholds },
      events: serverDirs.map((folder) => ({ path: folder, required: true })),
      outFiles: ['json', 'txt'].map((extension) => path.join(folder, `final_report.${extension}`)),
      ...{ rules, run: { ...facts, ended_at: clock.unixMs() } },
      say: (line) => this.say(line),
    };
    // On a full disk it is shown all the same.
    const report =
      this.attempt(() => runReport(options)) ??
      this.attempt(() => runReport({ ...options, outFiles: [], say: () => undefined }));
    if (report !== null) screen?.print(`\n${renderText(report).trimEnd()}`);
    return report;
  }

  /** Null where something could not be written: then the run is incomplete, and goes on. */
  private attempt<T>(act: () => T): T | null {
    try {
      return act();
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      this.isWritten = false;
      if (!this.problems.includes(error.message)) this.problems.push(error.message);
      return null;
    }
  }
}

function problemsOf({ down, is_logged, failed }: FaultsReport): string[] {
  return [
    ...down.map((id) => `server ${id} did not come back`),
    ...(is_logged ? [] : ['the log of the faults is not complete']),
    ...(failed > 0 ? [`${failed} faults could not be performed`] : []),
  ];
}

/** How long the load goes on, were the faults themselves to take no time. */
function expectedMs({ servers, faults }: RunConfig): number {
  const plan = planRing(
    Array.from({ length: servers }, (_, index) => index + 1),
    faults,
  );
  return faults.firstMs + (timetable(plan).at(-1)?.atMs ?? 0) + faults.intervalMs;
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(path.dirname(folder), { recursive: true });
    // Whatever is there already, it is not ours to mix with.
    if (existsSync(folder)) throw new Error('it is there already, and a run needs a new folder');
    mkdirSync(folder);
  } catch (error) {
    throw new ClusterError('bad_usage', `cannot make the folder ${oneLine(folder)}: ${causeOf(error)}`, {
      cause: error,
    });
  }
}
