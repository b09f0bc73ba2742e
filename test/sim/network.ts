import type { Random } from '../../src/core/environment';
import type { EventQueue } from './event-queue';

/** Bytes that the kernel of a paused process accepts, plus those waiting at the sender, before a shell gives up. */
const SOCKET_BUFFER_BYTES = 256 * 1024;
/** The times after which a kernel repeats a lost SYN. */
const SYN_RETRIES_MS = [1000, 3000, 7000];
/** Retransmission back-off: the longest delay of held bytes after a heal. */
const MAX_RETRANSMIT_MS = 2000;

export type Cut = 'silent' | 'reset';

/** One machine with one process. A paused one takes no step: whatever reaches it waits in `inbox`. */
export interface Process {
  readonly name: string;
  alive: boolean;
  paused: boolean;
  inbox: (() => void)[];
  /** Accepts a connection; called when the process takes its next step. */
  accept(end: End): void;
}

export interface Slowness {
  delayMs: number;
  lossRate: number;
  maxRtoMs: number;
}

export interface EndHandler {
  onData(bytes: Uint8Array): void;
  onClosed(): void;
}

export interface DialHandler extends EndHandler {
  onOpened(end: End): void;
  onRefused(): void;
}

/** One side of a connection. */
export class End {
  peer!: End;
  handler: EndHandler | null = null;
  closed = false;
  bufferedBytes = 0;
  private lastDeliveryMs = 0;
  private held: { bytes: Uint8Array | null }[] = [];

  constructor(
    private readonly network: Network,
    readonly process: Process,
    readonly remoteName: string,
  ) {}

  send(bytes: Uint8Array): void {
    if (!this.closed) this.transmit({ bytes });
  }

  /** Closes this side; the other one learns of it in order, if anything gets through. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.network.ends.delete(this);
    this.transmit({ bytes: null });
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
  reset(): void {
    this.close();
    this.network.deliver(this.process, () => this.handler?.onClosed());
  }

  private transmit(item: { bytes: Uint8Array | null }, extraMs = 0): void {
    const { network } = this;
    if (this.held.length > 0 || network.cutBetween(this.process.name, this.remoteName)) {
      this.held.push(item);
      network.holding.add(this);
      return;
    }
    const arrivalMs = network.queue.nowMs + extraMs + network.delayMs(this.process.name, this.remoteName);
    this.lastDeliveryMs = Math.max(this.lastDeliveryMs, arrivalMs);
    if (item.bytes) this.bufferedBytes += item.bytes.length;
    network.queue.at(this.lastDeliveryMs, () => this.arrive(item));
  }

  private arrive(item: { bytes: Uint8Array | null }): void {
    const { network, peer } = this;
    if (this.held.length > 0 || network.cutBetween(this.process.name, this.remoteName)) {
      this.held.push(item);
      network.holding.add(this);
      return;
    }
    network.deliver(peer.process, () => {
      if (item.bytes) this.bufferedBytes -= item.bytes.length;
      if (peer.closed) return;
      if (item.bytes) return network.feed(peer, item.bytes);
      peer.close();
      peer.handler?.onClosed();
    });
  }
}

/** TCP between named processes, as far as it matters: order, resets, silent cuts, accept queues, retransmission. */
export class Network {
  readonly ends = new Set<End>();
  readonly holding = new Set<End>();
  private readonly processes = new Map<string, Process>();
  private readonly cuts = new Map<string, Cut>();
  private readonly slow = new Map<string, Slowness>();

  constructor(
    readonly queue: EventQueue,
    readonly random: Random,
    private readonly baseDelayMs: number,
  ) {}

  register(process: Process): void {
    this.processes.set(process.name, process);
  }

  cutBetween(from: string, to: string): Cut | undefined {
    return this.cuts.get(`${from}>${to}`);
  }

  /** Cuts one direction. `reset` also closes what is open and makes new dials fail at once. */
  cut(from: string, to: string, kind: Cut): void {
    this.cuts.set(`${from}>${to}`, kind);
    if (kind === 'silent') return;
    for (const end of [...this.ends]) if (end.process.name === from && end.remoteName === to) this.resetBoth(end);
  }

  slowDown(from: string, to: string, slowness: Slowness): void {
    this.slow.set(`${from}>${to}`, slowness);
  }

  healAll(): void {
    this.cuts.clear();
    this.slow.clear();
    this.releaseAll();
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

  /** Delivers to a process, or to its kernel while it is paused. */
  deliver(process: Process, run: () => void): void {
    if (!process.alive) return;
    if (process.paused) process.inbox.push(run);
    else run();
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

  /** Dials; returns a function that gives up. */
  dial(from: Process, toName: string, handler: DialHandler): () => void {
    let given = false;
    const startMs = this.queue.nowMs;
    const attempt = (): void => {
      if (given || !from.alive) return;
      const cut = this.cutBetween(from.name, toName) ?? this.cutBetween(toName, from.name);
      const rttMs = this.delayMs(from.name, toName) + this.delayMs(toName, from.name);
      if (cut === 'silent') {
        const retryMs = SYN_RETRIES_MS.find((afterMs) => startMs + afterMs > this.queue.nowMs);
        if (retryMs !== undefined) this.queue.at(startMs + retryMs, attempt);
        return;
      }
      this.queue.after(rttMs / 2, () => this.reach(from, toName, handler, cut, rttMs / 2, () => given));
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
    from: Process,
    toName: string,
    handler: DialHandler,
    cut: Cut | undefined,
    backMs: number,
    isGiven: () => boolean,
  ): void {
    const to = this.processes.get(toName);
    if (cut === 'reset' || !to?.alive) {
      const refuse = (): void => this.deliver(from, () => (isGiven() ? undefined : handler.onRefused()));
      this.queue.after(backMs, refuse);
      return;
    }
    if (isGiven()) return;
    const [near, far] = this.connect(from, to);
    near.handler = handler;
    // The kernel accepts even if the process is paused.
    this.deliver(to, () => (far.closed ? undefined : to.accept(far)));
    this.queue.after(backMs, () => this.deliver(from, () => (isGiven() ? near.close() : this.open(near, handler))));
  }

  private open(near: End, handler: DialHandler): void {
    if (!near.closed) handler.onOpened(near);
  }

  private connect(a: Process, b: Process): [End, End] {
    const near = new End(this, a, b.name);
    const far = new End(this, b, a.name);
    near.peer = far;
    far.peer = near;
    this.ends.add(near).add(far);
    return [near, far];
  }

  private resetBoth(end: End): void {
    const { peer } = end;
    end.reset();
    if (!peer.closed) peer.reset();
  }

  private releaseAll(): void {
    for (const end of [...this.holding]) {
      if (this.cutBetween(end.process.name, end.remoteName)) continue;
      this.holding.delete(end);
      end.release();
    }
  }
}
