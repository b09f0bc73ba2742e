import { ClusterError } from '../../core/errors';
import type { Clock } from '../../core/environment';
import { pause } from '../../core/pause';
import { printable } from '../../core/printable';
import { PROGRAM_FILE, STRESS_FILE } from './files';
import type { Machine, ScriptLimits } from './machine';
import { LOOK, SIGNAL, START, STAY, valuesOf } from './scripts';

/** How often a load is looked at. */
const LOOK_MS = 1000;
/** From the order to begin until its process is known. */
const BEGIN_MS = 30_000;
const MAX_WORDS = 200;

/** The `stress` of one client machine, which goes on whatever becomes of the connection to it. */
export class RemoteLoad {
  /** Null: it runs, or was not started. */
  exitCode: number | null = null;
  /** Why it is not whole; null: nothing is known against it. */
  problem: string | null = null;
  /** Nothing is known of it any more, for its machine or its process cannot be reached; it may go on. */
  isLost = false;
  /** It ended without an exit code, or never was one. */
  private isGone = false;
  /** The last line that it said. */
  lastLine = '';
  isStarted = false;

  constructor(
    readonly machine: Machine,
    readonly machineId: number,
    /** Absolute. */
    readonly workDir: string,
    private readonly runId: string,
  ) {}

  get isOver(): boolean {
    return this.exitCode !== null || this.isGone;
  }

  /** What must not be forgotten when the run ends. */
  get mayRun(): boolean {
    return this.isStarted && !this.isOver;
  }

  get name(): string {
    return `Machine ${this.machineId} (${this.machine.host})`;
  }

  /**
   * Begins it, so that requests start at a time of this machine's clock.
   * @throws ClusterError when it did not, or nobody knows
   */
  async start(startAtMs: number): Promise<void> {
    this.isStarted = true;
    const thereMs = Math.round(startAtMs + (this.machine.clockOffset?.offsetMs ?? 0));
    try {
      await this.machine.script(START, [this.workDir, this.runId, STAY, ...stressCommand(this.runId, thereMs)]);
    } catch (error) {
      this.fail(error);
      // The order may have come there, and only the answer to it not here.
      await this.findAgain();
      if (this.isLost || this.isGone) throw error;
      this.problem = null;
    }
  }

  /** Resolves when it has ended or is lost, or `until` is aborted. */
  async watch(clock: Clock, until: AbortSignal): Promise<void> {
    const beganMs = clock.monotonicMs();
    let gone = 0;
    while (!this.isOver && !this.isLost && !until.aborted) {
      const startMs = clock.monotonicMs();
      const state = await this.look();
      // Between its end and the note about that there is a moment.
      gone = state === 'gone' ? gone + 1 : 0;
      if (gone > 1 || state === 'none') this.endWithoutCode();
      if (state === 'starting' && clock.monotonicMs() - beganMs > BEGIN_MS) {
        this.lose(`its load did not begin within ${BEGIN_MS / 1000} s (is the disk full?), see stress.log there`);
      }
      if (!this.isOver && !this.isLost) await pause(Math.max(0, startMs + LOOK_MS - clock.monotonicMs()), until);
    }
  }

  /** One attempt to find one that is lost. */
  async findAgain(): Promise<void> {
    const state = await this.look({ reconnectMs: 0 });
    if (state === 'none') this.endWithoutCode();
    this.isLost = !this.isOver && (state === 'unknown' || state === 'starting');
  }

  /** A signal to `stress` itself, if it still runs. */
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
    // The first reason says most.
    this.problem ??= `${this.name}: ${why}`;
  }

  private endWithoutCode(): void {
    this.isGone = true;
    this.isLost = false;
    this.problem ??= `${this.name}: its load is gone without an exit code`;
  }
}

/** How `stress` is started on a client machine, in its work folder. */
export function stressCommand(runId: string, startAtMs: number): string[] {
  return [`./${PROGRAM_FILE}`, 'stress', '--config', STRESS_FILE, '--run-id', runId, '--start-at', String(startAtMs)];
}
