import type { Random } from '../../src/core/environment';
import { End } from './end';
import type { EventQueue } from './event-queue';
import type { Process } from './process';

/** The times after which a kernel repeats a lost SYN. */
const SYN_RETRIES_MS = [1000, 3000, 7000];

/**
 * A cut of one direction between two hosts: everything vanishes; only data vanishes, and what acknowledges the other
 * direction still arrives; or a firewall resets connections.
 */
export type Cut = 'packets' | 'silent' | 'reset';

export interface Slowness {
  delayMs: number;
  lossRate: number;
  maxRtoMs: number;
}

/** The faults of one direction between two hosts. */
export interface LinkState {
  cut?: Cut;
  /** A firewall drops or rejects new connections; open ones are not affected. */
  block?: Cut;
  slow?: Slowness;
}

export interface EndHandler {
  onData(bytes: Uint8Array): void;
  /** The other side has ended its stream. */
  onEnd(): void;
  onReset(): void;
  /** The kernel has taken all that was sent. */
  onDrain?(): void;
}

export interface DialHandler extends EndHandler {
  onOpened(end: End): void;
  onRefused(): void;
}

interface Dial {
  from: Process;
  fromName: string;
  toName: string;
  handler: DialHandler;
  startMs: number;
  isGiven(): boolean;
}

/** TCP between named hosts, as far as it matters: order, ends, resets, windows, cuts, accept queues, retransmission. */
export class Network {
  readonly ends = new Set<End>();
  readonly holding = new Set<End>();
  /** The sizes of secrets by their task, `client/request`: a head tells them, but on this wire small bytes stand for large. */
  readonly secretBytes = new Map<string, number>();
  private readonly listeners = new Map<string, Process>();
  private readonly links = new Map<string, LinkState>();

  constructor(
    readonly queue: EventQueue,
    readonly random: Random,
    private readonly baseDelayMs: number,
  ) {}

  listen(process: Process): void {
    this.listeners.set(process.name, process);
  }

  cutBetween(from: string, to: string): Cut | undefined {
    return this.links.get(`${from}>${to}`)?.cut;
  }

  /** Sets the state of one direction. `reset` also closes what is open and makes new dials fail at once. */
  change(from: string, to: string, state: LinkState): void {
    this.links.set(`${from}>${to}`, state);
    if (state.cut === 'reset') {
      for (const end of [...this.ends]) if (end.name === from && end.remoteName === to) end.resetBoth();
    }
    for (const end of [...this.holding]) {
      if (end.isCut()) continue;
      this.holding.delete(end);
      end.release();
    }
  }

  delayMs(from: string, to: string): number {
    const slow = this.links.get(`${from}>${to}`)?.slow;
    let delayMs = this.baseDelayMs * (0.5 + this.random());
    if (!slow) return delayMs;
    delayMs += slow.delayMs * (0.5 + this.random());
    // A lost segment is sent again after 200, then 400 ms. A link that loses more than that is a cut, not a loss: no
    // detector can tell it from silence.
    for (let rtoMs = 200; rtoMs <= slow.maxRtoMs && this.random() < slow.lossRate; rtoMs *= 2) delayMs += rtoMs;
    return delayMs;
  }

  /** Dials from a host on which a process runs; returns a function that gives up. */
  dial(from: Process, fromName: string, toName: string, handler: DialHandler): () => void {
    let given = false;
    const isGiven = (): boolean => given || !from.alive;
    this.attempt({ from, fromName, toName, handler, startMs: this.queue.nowMs, isGiven });
    return () => {
      given = true;
    };
  }

  private attempt(dial: Dial): void {
    const { from, fromName, toName, handler, isGiven } = dial;
    if (isGiven()) return;
    const cut =
      this.links.get(`${fromName}>${toName}`)?.block ??
      this.cutBetween(fromName, toName) ??
      this.cutBetween(toName, fromName);
    const rttMs = this.delayMs(fromName, toName) + this.delayMs(toName, fromName);
    if (cut !== undefined && cut !== 'reset') return this.repeat(dial);
    this.queue.after(rttMs / 2, () => {
      const to = cut === 'reset' ? undefined : this.listeners.get(toName);
      if (!to?.alive) {
        this.queue.after(rttMs / 2, () => from.deliver(() => (isGiven() ? undefined : handler.onRefused())));
      } else if (to.isBacklogFull) {
        this.repeat(dial);
      } else if (!isGiven()) {
        this.establish(dial, to, rttMs / 2);
      }
    });
  }

  private repeat(dial: Dial): void {
    const retryMs = SYN_RETRIES_MS.find((afterMs) => dial.startMs + afterMs > this.queue.nowMs);
    if (retryMs !== undefined) this.queue.at(dial.startMs + retryMs, () => this.attempt(dial));
  }

  private establish({ from, fromName, handler, isGiven }: Dial, to: Process, backMs: number): void {
    const near = new End(this, from, fromName, to.name);
    const far = new End(this, to, to.name, fromName);
    near.peer = far;
    far.peer = near;
    this.ends.add(near).add(far);
    near.handler = handler;
    // The kernel accepts even if the process is paused.
    to.deliverConnection(() => (far.closed ? undefined : to.accept(far)));
    this.queue.after(backMs, () => {
      from.deliver(() => {
        if (isGiven()) near.close();
        else if (!near.closed) handler.onOpened(near);
      });
    });
  }
}
