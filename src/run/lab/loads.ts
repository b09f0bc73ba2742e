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
    // Other machines go by the wall clock, which may have been set since this program was started.
    const startAtWallMs = clock.wallMs() + LEAD_MS;
    await Promise.all(
      this.loads.map(async (load) => {
        try {
          await load.start(startAtWallMs);
          recorder.say(`  ✓ ${load.name} begins in ${LEAD_MS / 1000} s`);
        } catch (error) {
          if (!(error instanceof ClusterError)) throw error;
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
        // After Ctrl-C it is ended by another one, and this one would kill a program that does not listen to it yet.
        if (!signal.aborted) await signalAll(this.loads, 'USR2');
      }
      await pause(this.startAtMs + longestMs(config) - clock.unixMs(), stop);
      await this.end();
      if (!signal.aborted) await pause(SETTLE_MS, signal);
    } finally {
      clearInterval(timer);
    }
  }

  /** Those that may run now, in words. */
  get left(): string[] {
    return this.loads.filter(({ mayRun }) => mayRun).map(({ name }) => `the load of ${name}`);
  }

  /** Ends those that still run, if any does; problems, one line each. */
  async stop(): Promise<string[]> {
    if (!this.isStopped) await this.end();
    await this.endLost();
    return this.loads.filter(({ mayRun }) => mayRun).map(({ name }) => `${name}: its load may still run`);
  }

  private async end(): Promise<void> {
    this.isStopped = true;
    const { signal, recorder } = this.options;
    const late = this.loads.filter(({ mayRun, isLost }) => mayRun && !isLost);
    if (!signal.aborted) for (const { name } of late) recorder.problems.push(`${name}: its load did not end in time`);
    await finish(this.loads, this.watching, this.ended.signal);
    this.over.abort();
    await this.watching;
  }

  /** Those of machines that were out of reach for long: they may be there again now that all else is done. */
  private async endLost(): Promise<void> {
    const lost = this.loads.filter(({ mayRun, isLost }) => mayRun && isLost);
    await Promise.all(lost.map((load) => load.findAgain()));
    const found = lost.filter(({ mayRun, isLost }) => mayRun && !isLost);
    const [over, ended] = [new AbortController(), new AbortController()];
    const watching = Promise.all(found.map((load) => load.watch(this.options.clock, over.signal)));
    const all = watching.finally(() => ended.abort());
    await finish(found, all, ended.signal);
    over.abort();
    await all;
  }

  private tell(): void {
    const { clock, recorder } = this.options;
    for (const { name, lastLine, mayRun, isLost } of this.loads) {
      if (!mayRun || isLost || lastLine === '') continue;
      // Its own time and level would stand twice.
      const text = lastLine.replace(/^\[[\d :-]+\] [A-Z]+ /, '');
      recorder.say(logLine(new Date(clock.wallMs()), 'info', `${name}: ${text}`));
    }
  }
}

/** By SIGINT first, so that its files are whole. `ended` is aborted when nobody watches any of them any more. */
async function finish(loads: readonly RemoteLoad[], watching: Promise<unknown>, ended: AbortSignal): Promise<void> {
  for (const name of ['INT', 'KILL'] as const) {
    if (!loads.some(({ mayRun, isLost }) => mayRun && !isLost)) return;
    await signalAll(loads, name);
    await Promise.race([watching, pause(LEAVE_MS, ended)]);
  }
}

async function signalAll(loads: readonly RemoteLoad[], name: 'INT' | 'USR2' | 'KILL'): Promise<void> {
  await Promise.all(loads.map((load) => load.signal(name)));
}
