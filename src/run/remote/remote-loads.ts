/** The loads of all client machines, which start together. */
import type { RunConfig } from '../../config/run-config';
import type { Clock } from '../../core/environment';
import { ClusterError, EXIT } from '../../core/errors';
import { logLine } from '../../core/log-line';
import { pause } from '../../core/system/pause';
import type { RunRecorder } from '../recorder';
import { SETTLE_MS } from '../run-times.pure';
import { isEndless, longestMs } from './limits.pure';
import type { RemoteLoad } from './remote-load';

export interface RemoteLoadsOptions {
  loads: RemoteLoad[];
  config: RunConfig;
  clock: Clock;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
  recorder: RunRecorder;
}

/** Time between the start command and the first request: programs must start and open a log for each client. */
const LEAD_MS = 5000;
const TELL_EVERY_MS = 5000;
/** Time for a load to end after an interruption, which drops requests in flight. */
const LEAVE_MS = 20_000;
/** The exit codes of a complete load; the report checks its results. */
const GOOD: readonly number[] = [EXIT.ok, EXIT.checkFailed, EXIT.interrupted];

export class RemoteLoads {
  readonly loads: RemoteLoad[];
  private readonly over = new AbortController();
  /** Aborted when all loads have ended. */
  private readonly ended = new AbortController();
  private watching: Promise<unknown> = Promise.resolve();
  private startAtMs = 0;
  private isStopped = false;

  constructor(private readonly options: RemoteLoadsOptions) {
    this.loads = options.loads;
  }

  /** The reasons why loads are incomplete, one line each. */
  get problems(): string[] {
    return this.loads.flatMap(({ name, problem, exitCode, lastLine }) => {
      if (problem !== null) return [problem];
      if (exitCode === null || GOOD.includes(exitCode)) return [];
      return [`${name}: its load ended with exit code ${exitCode}${lastLine === '' ? '' : `: ${lastLine}`}`];
    });
  }

  /** @throws ClusterError if none starts */
  async start(): Promise<void> {
    const { clock, recorder } = this.options;
    this.startAtMs = clock.unixMs() + LEAD_MS;
    // Other machines use the wall clock, which may have been set since this program was started.
    const startAtWallMs = clock.wallMs() + LEAD_MS;
    await Promise.all(
      this.loads.map(async (load) => {
        try {
          await load.start(startAtWallMs);
          recorder.say(`  ✓ ${load.name} starts in ${LEAD_MS / 1000} s`);
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
   * Watches the loads until they end, while `work` runs.
   * @param work gets the start of the load, and must end when all loads have ended
   */
  async during(work: (startAtMs: number, stop: AbortSignal) => Promise<void>): Promise<void> {
    const { config, clock, signal, recorder } = this.options;
    const timer = setInterval(() => this.tell(), TELL_EVERY_MS);
    const stop = AbortSignal.any([signal, this.ended.signal]);
    try {
      await work(this.startAtMs, stop).catch((error: unknown) => {
        if (!(error instanceof ClusterError)) throw error;
        // The load continues, and its report is still useful.
        recorder.problems.push(error.message);
      });
      if (isEndless(config)) {
        await pause(config.faults.spec.intervalMs, stop);
        // After Ctrl-C another signal ends it, and this one would kill a program that does not handle it yet.
        if (!signal.aborted) await signalAll(this.loads, 'USR2');
      }
      await pause(this.startAtMs + longestMs(config) - clock.unixMs(), stop);
      await this.end();
      if (!signal.aborted) await pause(SETTLE_MS, signal);
    } finally {
      clearInterval(timer);
    }
  }

  /** Describes the loads that may be running. */
  get left(): string[] {
    return this.loads.filter(({ mayRun }) => mayRun).map(({ name }) => `the load of ${name}`);
  }

  /** Ends the loads that are still running; returns problems, one line each. */
  async stop(): Promise<string[]> {
    if (!this.isStopped) await this.end();
    await this.endLost();
    return this.loads.filter(({ mayRun }) => mayRun).map(({ name }) => `${name}: its load may still be running`);
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

  /** Retries machines that were unreachable for long, after everything else is done. */
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
      // Strips its own time and level, which would appear twice.
      const text = lastLine.replace(/^\[[\d :-]+\] [A-Z]+ /, '');
      recorder.say(logLine(new Date(clock.wallMs()), 'info', `${name}: ${text}`));
    }
  }
}

/** Sends SIGINT first, so that files are complete. `ended` is aborted when none of them is watched any more. */
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
