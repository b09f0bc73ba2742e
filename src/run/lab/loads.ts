import type { RunConfig } from '../../config/run-config';
import type { Clock } from '../../core/environment';
import { ClusterError } from '../../core/errors';
import { logLine } from '../../core/log-line';
import { pause } from '../../core/pause';
import { EXIT } from '../../core/errors';
import type { RunRecorder } from '../recorder';
import { isEndless, longestMs } from './limits';
import type { RemoteLoad } from './load';

export interface LabLoadsOptions {
  loads: RemoteLoad[];
  config: RunConfig;
  clock: Clock;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
  recorder: RunRecorder;
}

/** From the order to begin to the first request: programs must start there, and open a log for each client. */
const LEAD_MS = 5000;
const TELL_EVERY_MS = 5000;
/** After an interruption, what is in flight is dropped. */
const LEAVE_MS = 20_000;
/** Servers write a sample a second: each of them tells after this that its ledger is empty (S7). */
const SETTLE_MS = 2600;
/** What a load may end with and still be whole; the report judges it. */
const GOOD: readonly number[] = [EXIT.ok, EXIT.checkFailed, EXIT.interrupted];

/** The loads of all client machines, which begin together. */
export class LabLoads {
  readonly loads: RemoteLoad[];
  private readonly over = new AbortController();
  /** Aborted when all loads have ended. */
  private readonly ended = new AbortController();
  private watching: Promise<unknown> = Promise.resolve();
  private startAtMs = 0;
  private isStopped = false;

  constructor(private readonly options: LabLoadsOptions) {
    this.loads = options.loads;
  }

  /** What kept a load from being whole, one line each. */
  get problems(): string[] {
    return this.loads.flatMap(({ name, problem, exitCode, lastLine }) => {
      if (problem !== null) return [problem];
      if (exitCode === null || GOOD.includes(exitCode)) return [];
      return [`${name}: its load ended with exit code ${exitCode}${lastLine === '' ? '' : `: ${lastLine}`}`];
    });
  }

  /** @throws ClusterError when none begins */
  async start(): Promise<void> {
    const { clock, recorder } = this.options;
    this.startAtMs = clock.unixMs() + LEAD_MS;
    await Promise.all(
      this.loads.map(async (load) => {
        try {
          await load.start(this.startAtMs);
          recorder.say(`  ✓ ${load.name} begins in ${LEAD_MS / 1000} s`);
        } catch (error) {
          if (!(error instanceof ClusterError)) throw error;
          load.problem = `${load.name}: ${error.message}`;
          recorder.say(`  ✗ ${load.problem}`);
        }
      }),
    );
    const { signal: over } = this.over;
    this.watching = Promise.all(this.loads.map((load) => load.watch(clock, over))).finally(() => this.ended.abort());
    if (this.loads.every(({ problem }) => problem !== null)) {
      throw new ClusterError('not_reachable', this.problems.join('\n'));
    }
  }

  /**
   * Watches over the loads to their end, while something else is done.
   * @param work is told when the load begins and is to end when all loads have
   */
  async during(work: (startAtMs: number, stop: AbortSignal) => Promise<void>): Promise<void> {
    const { config, clock, signal, recorder } = this.options;
    const timer = setInterval(() => this.tell(), TELL_EVERY_MS);
    const stop = AbortSignal.any([signal, this.ended.signal]);
    try {
      await work(this.startAtMs, stop).catch((error: unknown) => {
        if (!(error instanceof ClusterError)) throw error;
        // The load goes on, and its report is worth having.
        recorder.problems.push(error.message);
      });
      if (isEndless(config)) {
        await pause(config.faults.spec.intervalMs, stop);
        await this.signalAll('USR2');
      }
      await pause(this.startAtMs + longestMs(config) - clock.unixMs(), stop);
      await this.end();
      if (!signal.aborted) await pause(SETTLE_MS, signal);
    } finally {
      clearInterval(timer);
    }
  }

  /** Ends those that still run, if any does; problems, one line each. */
  async stop(): Promise<string[]> {
    if (this.isStopped) return [];
    await this.end();
    return this.loads.flatMap((load) =>
      load.isStarted && !load.isOver ? [`${load.name}: its load may still run`] : [],
    );
  }

  /** By SIGINT first, so that its files are whole. */
  private async end(): Promise<void> {
    this.isStopped = true;
    const { signal, recorder } = this.options;
    const late = this.loads.filter(({ isStarted, isOver }) => isStarted && !isOver);
    if (!signal.aborted) for (const { name } of late) recorder.problems.push(`${name}: its load did not end in time`);
    for (const name of ['INT', 'KILL'] as const) {
      await this.signalAll(name);
      await Promise.race([this.watching, pause(LEAVE_MS, this.ended.signal)]);
    }
    this.over.abort();
    await this.watching;
  }

  private async signalAll(name: 'INT' | 'USR2' | 'KILL'): Promise<void> {
    await Promise.all(this.loads.map((load) => load.signal(name)));
  }

  private tell(): void {
    const { clock, recorder } = this.options;
    for (const { name, lastLine, isOver } of this.loads) {
      if (isOver || lastLine === '') continue;
      // Its own time and level would stand twice.
      const text = lastLine.replace(/^\[[\d :-]+\] [A-Z]+ /, '');
      recorder.say(logLine(new Date(clock.unixMs()), 'info', `${name}: ${text}`));
    }
  }
}
