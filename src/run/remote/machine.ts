/** A machine of a run, reached by SSH. Reconnects after a lost connection, and repeats the operation in progress. */
import type { Clock } from '../../core/environment';
import { ClusterError } from '../../core/errors';
import { pause } from '../../core/system/pause';
import { printable } from '../../core/printable';
import { parseSshTarget } from '../../core/ssh-target';
import { type MachineClock, measureClock } from '../../ssh/machine-clock';
import { connectSsh } from '../../ssh/connect';
import type { Sftp } from '../../ssh/sftp';
import type { Ssh } from '../../ssh/ssh';

/** Time for which a machine may be unreachable, in milliseconds. */
const RECONNECT_MS = 60_000;
const AGAIN_MS = 500;
const SCRIPT_MS = 60_000;
const MAX_WORDS = 500;

export interface ScriptLimits {
  timeoutMs?: number;
  /** Time limit for reconnecting after a lost connection; 0 for one attempt. */
  reconnectMs?: number;
}

export interface MachineOptions {
  clock: Clock;
  /** Aborted: ends all connections and pending requests. */
  signal: AbortSignal;
  say(line: string): void;
}

export class Machine {
  /** Null if unknown, or not measured yet. */
  clockOffset: MachineClock | null = null;
  private ssh: Promise<Ssh> | undefined;

  constructor(
    /** As in run.toml. */
    readonly host: string,
    private readonly options: MachineOptions,
  ) {}

  /** The first connection, without a second attempt. @throws ClusterError */
  async connect(): Promise<void> {
    const { signal, clock } = this.options;
    this.ssh = connectSsh(parseSshTarget(this.host)!, { signal });
    this.clockOffset = await measureClock(await this.ssh, clock);
  }

  /**
   * Runs a script of ./scripts to its end, and returns its output.
   * @throws ClusterError `not_reachable` with its last line if it fails
   */
  async script(text: string, args: readonly string[], limits: ScriptLimits = {}): Promise<string> {
    const { timeoutMs = SCRIPT_MS, reconnectMs = RECONNECT_MS } = limits;
    const run = (ssh: Ssh) => ssh.exec(['sh', '-c', text, 'sh', ...args], { timeoutMs });
    const { code, stdout, stderr } = await this.again(run, reconnectMs);
    if (code === 0) return stdout;
    throw this.failure(gistOf(stderr) || `a script there ended with exit code ${code}`);
  }

  /** Runs a program there; the caller handles its exit code. */
  exec(argv: readonly string[]): ReturnType<Ssh['exec']> {
    return this.again((ssh) => ssh.exec(argv));
  }

  files<T>(work: (sftp: Sftp) => Promise<T>): Promise<T> {
    return this.again(async (ssh) => work(await ssh.sftp()));
  }

  close(): void {
    void this.ssh?.then((ssh) => ssh.close()).catch(() => undefined);
  }

  failure(why: string): ClusterError {
    return new ClusterError('not_reachable', `${this.host}: ${printable(why, MAX_WORDS)}`);
  }

  private async again<T>(work: (ssh: Ssh) => Promise<T>, reconnectMs = RECONNECT_MS): Promise<T> {
    const { clock, signal } = this.options;
    let endMs: number | undefined;
    for (;;) {
      const connecting = (this.ssh ??= this.begin());
      let ssh: Ssh | undefined;
      try {
        ssh = await connecting;
        return await work(ssh);
      } catch (error) {
        const isLost = ssh === undefined || ssh.isLost;
        if (!(error instanceof ClusterError) || error.code !== 'not_reachable' || !isLost || signal.aborted)
          throw error;
        if (endMs !== undefined && clock.monotonicMs() >= endMs) throw error;
        endMs ??= clock.monotonicMs() + reconnectMs;
        if (this.ssh === connecting) this.reconnect(ssh !== undefined);
        if (ssh === undefined) await pause(AGAIN_MS, signal);
      }
    }
  }

  private reconnect(isNew: boolean): void {
    if (isNew) this.options.say(`${this.host}: the connection was lost, connecting again`);
    this.ssh = this.begin();
  }

  private begin(): Promise<Ssh> {
    const ssh = connectSsh(parseSshTarget(this.host)!, { signal: this.options.signal });
    // Waiters are notified elsewhere.
    ssh.catch(() => undefined);
    return ssh;
  }
}

/** Returns the last line of a program's error output. */
export function gistOf(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '').at(-1) ?? '';
}
