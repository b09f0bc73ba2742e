/**
 * Tells a server that is silent from one that takes long: decides when the servers that have a task are asked for a sign
 * of life, and when the task goes to one that gives such signs. Pure.
 */
import type { ClusterView } from './cluster-view';

/** Nothing was heard from the servers that have the task for this long: they are pinged, and all others, too. */
const QUIET_MS = 500;
/** A ping is repeated after this time: a server that takes our bytes meanwhile is not silent. */
const REPEAT_MS = 200;
const SILENT_MS = 900;
/** Time that a server has for its answer to the first ping, if the process came to that late. */
const ANSWER_MS = 400;

export interface SilenceFinding {
  /** The servers to ask for a sign of life. */
  ping: string[];
  /** A server that answers while those that have the task do not. */
  answering: string | null;
}

/**
 * Silence counts only against others: where nobody answers, a second copy would not be answered either, and the cause
 * may be on our side. A server that is merely overloaded answers a ping at once, so that silence adds no load to it.
 */
export class SignsOfLife {
  wakeAtMs = Infinity;
  /** The last sign of a server that has the task; at first the time at which the task was sent. */
  private sinceMs = 0;
  private pingedMs: number | null = null;

  constructor(private readonly view: ClusterView) {}

  /** The task was sent to a server, and no other has it; or this process stood still until now. */
  begin(nowMs: number): void {
    this.sinceMs = nowMs;
    this.pingedMs = null;
    this.wakeAtMs = nowMs + QUIET_MS;
  }

  /** No server has the task. */
  end(): void {
    this.wakeAtMs = Infinity;
  }

  /**
   * Call it at `wakeAtMs` with the servers that have the task, and those that have answered it wrongly: these answer at
   * once and again, and would get it without end.
   */
  look(addresses: readonly string[], wrong: readonly string[], nowMs: number): SilenceFinding {
    const heardMs = Math.max(...addresses.map((address) => this.view.heardMs(address)));
    if (heardMs > this.sinceMs) this.begin(heardMs);
    if (nowMs < this.wakeAtMs) return { ping: [], answering: null };
    this.pingedMs ??= nowMs;
    const judgedMs = Math.max(this.sinceMs + SILENT_MS, this.pingedMs + ANSWER_MS);
    this.wakeAtMs = nowMs < judgedMs ? Math.min(nowMs + REPEAT_MS, judgedMs) : nowMs + REPEAT_MS;
    // mutation: a silent server keeps its task
    const answering =
      nowMs < judgedMs ? null : this.view.answeringAddress(this.sinceMs, nowMs, [...addresses, ...wrong]);
    return { ping: answering === null ? this.view.takeQuiet(nowMs, REPEAT_MS) : [], answering };
  }
}
