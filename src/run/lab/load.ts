import { ClusterError } from '../../core/errors';
import type { Clock } from '../../core/environment';
import { pause } from '../../core/pause';
import { printable } from '../../core/printable';
import { PROGRAM_FILE, STRESS_FILE } from './files';
import type { Machine } from './machine';
import { LOOK, SIGNAL, START, STAY, valuesOf } from './scripts';

/** How often a load is looked at. */
const LOOK_MS = 1000;
const MAX_WORDS = 200;

/** The `stress` of one client machine, which goes on whatever becomes of the connection to it. */
export class RemoteLoad {
  /** Null: it runs, or was not started. */
  exitCode: number | null = null;
  /** Why nothing more will come of it; null: nothing is known against it. */
  problem: string | null = null;
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
    return this.exitCode !== null || this.problem !== null;
  }

  get name(): string {
    return `Machine ${this.machineId} (${this.machine.host})`;
  }

  /** Begins it, so that requests start at a time of this machine's clock. @throws ClusterError */
  async start(startAtMs: number): Promise<void> {
    this.isStarted = true;
    const thereMs = Math.round(startAtMs + (this.machine.clockOffset?.offsetMs ?? 0));
    await this.machine.script(START, [this.workDir, this.runId, STAY, ...stressCommand(this.runId, thereMs)]);
  }

  /** Resolves when it has ended, or `until` is aborted. */
  async watch(clock: Clock, until: AbortSignal): Promise<void> {
    let gone = 0;
    while (!this.isOver && !until.aborted) {
      const startMs = clock.monotonicMs();
      const state = await this.look();
      // Between its end and the note about that there is a moment.
      gone = state === 'gone' ? gone + 1 : 0;
      if (gone > 1 || state === 'none') this.problem = `${this.name}: its load is gone without an exit code`;
      if (!this.isOver) await pause(Math.max(0, startMs + LOOK_MS - clock.monotonicMs()), until);
    }
  }

  /** A signal to `stress` itself, if it still runs. */
  async signal(name: 'INT' | 'USR2' | 'KILL'): Promise<void> {
    if (!this.isStarted || this.isOver) return;
    try {
      await this.machine.script(SIGNAL, [this.workDir, this.runId, name]);
    } catch (error) {
      this.fail(error);
    }
  }

  private async look(): Promise<string> {
    try {
      const output = await this.machine.script(LOOK, [this.workDir, this.runId]);
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
    this.problem = `${this.name}: ${error.message}`;
  }
}

/** How `stress` is started on a client machine, in its work folder. */
export function stressCommand(runId: string, startAtMs: number): string[] {
  return [`./${PROGRAM_FILE}`, 'stress', '--config', STRESS_FILE, '--run-id', runId, '--start-at', String(startAtMs)];
}
