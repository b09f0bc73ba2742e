import type { Random } from '../../src/core/environment';
import type { EventQueue } from './event-queue';
import type { Process } from './process';

/** Bytes that the kernel of a paused process accepts, plus those waiting at the sender, before a shell gives up. */
const SOCKET_BUFFER_BYTES = 256 * 1024;
/** The times after which a kernel repeats a lost SYN. */
const SYN_RETRIES_MS = [1000, 3000, 7000];
/** Retransmission back-off: the longest delay of held bytes after a heal. */
const MAX_RETRANSMIT_MS = 2000;

export type Cut = 'silent' | 'reset';

export interface Slowness {
  delayMs: number;
  lossRate: number;
  maxRtoMs: number;
}

export interface EndHandler {
  onData(bytes: Uint8Array): void;
  /** The other side has ended its stream. */
  onEnd(): void;
  onReset(): void;
}

export interface DialHandler extends EndHandler {
  onOpened(end: End): void;
  onRefused(): void;
}

/** Bytes, the end of a stream, or a reset. */
type Item = Uint8Array | 'end' | 'reset';

/** One side of a connection. */
export class End {
  peer!: End;
  handler: EndHandler | null = null;
  closed = false;
  bufferedBytes = 0;
  private lastDeliveryMs = 0;
  private held: Item[] = [];

  constructor(
    private readonly network: Network,
    readonly process: Process,
    readonly name: string,
    readonly remoteName: string,
  ) {}

  send(bytes: Uint8Array): void {
    if (!this.closed) this.transmit(bytes);
  }

  /** Ends this side, which reads nothing more; the other one learns of it in order, if anything gets through. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.network.ends.delete(this);
    this.transmit('end');
  }

  /** Retransmits everything held while the direction was cut. */
  release(): void {
    const { held } = this;
    this.held = [];
    if (held.length === 0) return;
    const extraMs = this.network.random() * MAX_RETRANSMIT_MS * this.network.random();
    for (const item of held) this.transmit(item, extraMs);
  }

  /** Resets both sides, like a firewall that rejects. */
  resetBoth(): void {
    this.wasReset();
    this.peer.wasReset();
  }

  private wasReset(): void {
    if (this.closed) return;
    this.closed = true;
    this.network.ends.delete(this);
    this.process.deliver(() => this.handler?.onReset());
  }

  private transmit(item: Item, extraMs = 0): void {
    const { network } = this;
    if (this.isHeld(item)) return;
    const arrivalMs = network.queue.nowMs + extraMs + network.delayMs(this.name, this.remoteName);
    this.lastDeliveryMs = Math.max(this.lastDeliveryMs, arrivalMs);
    if (typeof item !== 'string') this.bufferedBytes += item.length;
    network.queue.at(this.lastDeliveryMs, () => this.arrive(item));
  }

  private arrive(item: Item): void {
    const { peer } = this;
    if (this.isHeld(item)) return;
    if (item === 'reset') return peer.wasReset();
    if (peer.closed) return peer.refuse(item);
    peer.process.deliver(() => {
      if (item !== 'end') this.bufferedBytes -= item.length;
      if (peer.closed) peer.refuse(item);
      else if (item === 'end') peer.handler?.onEnd();
      else this.network.feed(peer, item);
    });
  }

  /** The kernel answers bytes for a socket that is closed. */
  private refuse(item: Item): void {
    if (item !== 'end') this.transmit('reset');
  }

  private isHeld(item: Item): boolean {
    const { network } = this;
    if (this.held.length === 0 && !network.cutBetween(this.name, this.remoteName)) return false;
    this.held.push(item);
    network.holding.add(this);
    return true;
  }
}

/** TCP between named hosts, as far as it matters: order, ends, resets, silent cuts, accept queues, retransmission. */
export class Network {
  readonly ends = new Set<End>();
  readonly holding = new Set<End>();
  private readonly listeners = new Map<string, Process>();
  private readonly cuts = new Map<string, Cut>();
  private readonly slow = new Map<string, Slowness>();

  constructor(
    readonly queue: EventQueue,
    readonly random: Random,
    private readonly baseDelayMs: number,
  ) {}

  listen(process: Process): void {
    this.listeners.set(process.name, process);
  }

  cutBetween(from: string, to: string): Cut | undefined {
    return this.cuts.get(`${from}>${to}`);
  }

  /** Cuts one direction. `reset` also closes what is open and makes new dials fail at once. */
  cut(from: string, to: string, kind: Cut): void {
    this.cuts.set(`${from}>${to}`, kind);
    if (kind === 'silent') return;
    for (const end of [...this.ends]) if (end.name === from && end.remoteName === to) end.resetBoth();
  }

  slowDown(from: string, to: string, slowness: Slowness): void {
    this.slow.set(`${from}>${to}`, slowness);
  }

  heal(from: string, to: string): void {
    this.cuts.delete(`${from}>${to}`);
    this.slow.delete(`${from}>${to}`);
    this.releaseAll();
  }

  delayMs(from: string, to: string): number {
    const slow = this.slow.get(`${from}>${to}`);
    let delayMs = this.baseDelayMs * (0.5 + this.random());
    if (!slow) return delayMs;
    delayMs += slow.delayMs * (0.5 + this.random());
    // A lost segment is sent again after 200, then 400 ms. A link that loses more than that is a cut, not a loss: no
    // detector can tell it from silence.
    for (let rtoMs = 200; rtoMs <= slow.maxRtoMs && this.random() < slow.lossRate; rtoMs *= 2) delayMs += rtoMs;
    return delayMs;
  }

  /** Feeds bytes to the decoder in pieces, as a real socket does. */
  feed(end: End, bytes: Uint8Array): void {
    if (bytes.length < 2 || this.random() < 0.9) {
      end.handler?.onData(bytes);
      return;
    }
    const at = 1 + Math.floor(this.random() * (bytes.length - 1));
    end.handler?.onData(bytes.subarray(0, at));
    if (!end.closed) end.handler?.onData(bytes.subarray(at));
  }

  /** Dials from a host on which a process runs; returns a function that gives up. */
  dial(from: Process, fromName: string, toName: string, handler: DialHandler): () => void {
    let given = false;
    const startMs = this.queue.nowMs;
    const isGiven = (): boolean => given || !from.alive;
    const attempt = (): void => {
      if (isGiven()) return;
      const cut = this.cutBetween(fromName, toName) ?? this.cutBetween(toName, fromName);
      const rttMs = this.delayMs(fromName, toName) + this.delayMs(toName, fromName);
      if (cut === 'silent') {
        const retryMs = SYN_RETRIES_MS.find((afterMs) => startMs + afterMs > this.queue.nowMs);
        if (retryMs !== undefined) this.queue.at(startMs + retryMs, attempt);
        return;
      }
      this.queue.after(rttMs / 2, () => {
        const to = cut === 'reset' ? undefined : this.listeners.get(toName);
        if (!to?.alive) {
          this.queue.after(rttMs / 2, () => from.deliver(() => (isGiven() ? undefined : handler.onRefused())));
        } else if (!isGiven()) {
          this.reach([from, fromName], to, handler, rttMs / 2, isGiven);
        }
      });
    };
    attempt();
    return () => {
      given = true;
    };
  }

  /** True if too many bytes wait for a process that does not read. */
  isStuck(end: End): boolean {
    return end.bufferedBytes > 4 * SOCKET_BUFFER_BYTES;
  }

  private reach(
    [from, fromName]: [Process, string],
    to: Process,
    handler: DialHandler,
    backMs: number,
    isGiven: () => boolean,
  ): void {
    const near = new End(this, from, fromName, to.name);
    const far = new End(this, to, to.name, fromName);
    near.peer = far;
    far.peer = near;
    this.ends.add(near).add(far);
    near.handler = handler;
    // The kernel accepts even if the process is paused.
    to.deliver(() => (far.closed ? undefined : to.accept(far)));
    this.queue.after(backMs, () => {
      from.deliver(() => {
        if (isGiven()) near.close();
        else if (!near.closed) handler.onOpened(near);
      });
    });
  }

  private releaseAll(): void {
    for (const end of [...this.holding]) {
      if (this.cutBetween(end.name, end.remoteName)) continue;
      this.holding.delete(end);
      end.release();
    }
  }
}
