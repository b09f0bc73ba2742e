/** The `stress` process of one client machine, which outlives the connection to it. */
import { ClusterError } from '../../core/errors';
import type { Clock } from '../../core/environment';
import { pause } from '../../core/system/pause';
import { printable } from '../../core/printable';
import { PROGRAM_FILE, STRESS_FILE } from './files.pure';
import type { Machine, ScriptLimits } from './machine';
import { LOOK, SIGNAL, START, STAY, valuesOf } from './scripts.pure';

/** Interval between checks of a load, in milliseconds. */
const LOOK_MS = 1000;
/** Time from the start command until its process is known, in milliseconds. */
const BEGIN_MS = 30_000;
const MAX_WORDS = 200;

export class RemoteLoad {
  /** Null while it runs, or if it was not started. */
  exitCode: number | null = null;
  /** The reason why it is incomplete; null if there is none. */
  problem: string | null = null;
  /** True if its machine or its process cannot be reached; it may still be running. */
  isLost = false;
  /** True if it ended without an exit code, or never existed. */
  private isGone = false;
  /** The last line of its output. */
  lastLine = '';
  isStarted = false;

  constructor(
    readonly machine: Machine,
    readonly machineId: number,
    /** The absolute path. */
    readonly workDir: string,
    private readonly runId: string,
  ) {}

  get isOver(): boolean {
    return this.exitCode !== null || this.isGone;
  }

  /** True if it must be ended with the run. */
  get mayRun(): boolean {
    return this.isStarted && !this.isOver;
  }

  get name(): string {
    return `Machine ${this.machineId} (${this.machine.host})`;
  }

  /**
   * Starts it, so that requests begin at a time of this machine's clock.
   * @throws ClusterError if it did not start, or that is unknown
   */
  async start(startAtMs: number): Promise<void> {
    this.isStarted = true;
    const thereMs = Math.round(startAtMs + (this.machine.clockOffset?.offsetMs ?? 0));
    try {
      await this.machine.script(START, [this.workDir, this.runId, STAY, ...stressCommand(this.runId, thereMs)]);
    } catch (error) {
      this.fail(error);
      // The command may have arrived even if its answer was lost.
      await this.findAgain();
      if (this.isLost || this.isGone) throw error;
      this.problem = null;
    }
  }

  /** Resolves when it has ended or is lost, or when `until` is aborted. */
  async watch(clock: Clock, until: AbortSignal): Promise<void> {
    const beganMs = clock.monotonicMs();
    let gone = 0;
    while (!this.isOver && !this.isLost && !until.aborted) {
      const startMs = clock.monotonicMs();
      const state = await this.look();
      // There is a short gap between its end and the record of it.
      gone = state === 'gone' ? gone + 1 : 0;
      if (gone > 1 || state === 'none') this.endWithoutCode();
      if (state === 'starting' && clock.monotonicMs() - beganMs > BEGIN_MS) {
        this.lose(`its load did not start within ${BEGIN_MS / 1000} s (is the disk full?), see stress.log there`);
      }
      if (!this.isOver && !this.isLost) await pause(Math.max(0, startMs + LOOK_MS - clock.monotonicMs()), until);
    }
  }

  /** Makes one attempt to find a lost load. */
  async findAgain(): Promise<void> {
    const state = await this.look({ reconnectMs: 0 });
    if (state === 'none') this.endWithoutCode();
    this.isLost = !this.isOver && (state === 'unknown' || state === 'starting');
  }

  /** Sends a signal to `stress` itself, if it still runs. */
  async signal(name: 'INT' | 'USR2' | 'KILL'): Promise<void> {
    if (!this.mayRun || this.isLost) return;
    try {
      await this.machine.script(SIGNAL, [this.workDir, this.runId, name]);
    } catch (error) {
      this.fail(error);
    }
  }

  private async look(limits?: ScriptLimits): Promise<string> {
    try {
      const output = await this.machine.script(LOOK, [this.workDir, this.runId], limits);
      const [state = 'none', code] = (valuesOf(output, 'state')[0] ?? '').split(' ');
      this.lastLine = printable(valuesOf(output, 'last')[0] ?? '', MAX_WORDS);
      if (state === 'ended') this.exitCode = Number(code);
      return state;
    } catch (error) {
      this.fail(error);
      return 'unknown';
    }
  }

  private fail(error: unknown): void {
    if (!(error instanceof ClusterError)) throw error;
    this.lose(error.message);
  }

  private lose(why: string): void {
    this.isLost = true;
    // The first reason is the most specific one.
    this.problem ??= `${this.name}: ${why}`;
  }

  private endWithoutCode(): void {
    this.isGone = true;
    this.isLost = false;
    this.problem ??= `${this.name}: its load is gone without an exit code`;
  }
}

/** Returns the command that starts `stress` on a client machine, in its work folder. */
export function stressCommand(runId: string, startAtMs: number): string[] {
  return [`./${PROGRAM_FILE}`, 'stress', '--config', STRESS_FILE, '--run-id', runId, '--start-at', String(startAtMs)];
}
