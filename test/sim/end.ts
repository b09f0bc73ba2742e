import type { EndHandler, Network } from './network';
import type { Process } from './process';

/** Bytes that two kernels hold for a process that does not read. */
const WINDOW_BYTES = 256 * 1024;
/** After bytes without an acknowledgement for this long, a kernel repeats these and sends no others. */
const RTO_MS = 300;
/** Retransmission back-off: the longest delay of held bytes after a heal. */
const MAX_RETRANSMIT_MS = 2000;

/** Bytes, the end of a stream, or a reset; `size` is that on the wire: large bodies are stood for by small ones. */
interface Segment {
  item: Uint8Array | 'end' | 'reset';
  size: number;
  /** Its place in the stream; those that arrive early wait for it. */
  sequence: number;
}

/** One side of a connection. */
export class End {
  peer!: End;
  handler: EndHandler | null = null;
  closed = false;
  /** Its kernel knows of a reset; the process learns of it at its next turn with this socket. */
  private isReset = false;
  /** Bytes that the kernel has not taken. */
  unsentBytes = 0;
  private readonly unsent: Segment[] = [];
  /** Bytes that the kernel has taken and the other side has not read. */
  private unreadBytes = 0;
  private lastSequence = 0;
  private nextSequence = 1;
  private readonly early = new Map<number, Segment>();
  private lastDeliveryMs = 0;
  private unacknowledgedMs: number | null = null;
  private held: Segment[] = [];

  constructor(
    private readonly network: Network,
    readonly process: Process,
    readonly name: string,
    readonly remoteName: string,
  ) {}

  send(bytes: Uint8Array, size = bytes.length): void {
    if (!this.closed && !this.isReset) this.push(bytes, size);
  }

  /** Ends this side, which reads nothing more; the other one learns of it in order, if anything gets through. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.network.ends.delete(this);
    if (!this.isReset) this.push('end', 0);
  }

  /** Ends this side at once: what the kernel has not taken is lost. */
  destroy(): void {
    this.unsent.length = 0;
    this.unsentBytes = 0;
    this.close();
  }

  /** True if the direction is cut, or has been for too long the one in which its bytes are acknowledged. */
  isCut(): boolean {
    const { network, name, remoteName } = this;
    if (network.cutBetween(name, remoteName) !== undefined) return true;
    if (network.cutBetween(remoteName, name) !== 'packets') {
      this.unacknowledgedMs = null;
      return false;
    }
    this.unacknowledgedMs ??= network.queue.nowMs;
    return network.queue.nowMs - this.unacknowledgedMs > RTO_MS;
  }

  /** Retransmits everything held while the direction was cut. */
  release(): void {
    const { held } = this;
    this.held = [];
    if (held.length === 0) return;
    held.sort((a, b) => a.sequence - b.sequence);
    const extraMs = this.network.random() * MAX_RETRANSMIT_MS * this.network.random();
    for (const segment of held) this.transmit(segment, extraMs);
  }

  /** Resets both sides, like a firewall that rejects. */
  resetBoth(): void {
    this.wasReset();
    this.peer.wasReset();
  }

  private wasReset(): void {
    if (this.closed || this.isReset) return;
    this.isReset = true;
    this.network.ends.delete(this);
    this.process.deliver(() => this.noticeReset());
  }

  private noticeReset(): void {
    if (this.closed) return;
    this.closed = true;
    this.handler?.onReset();
  }

  private push(item: Segment['item'], size: number): void {
    this.unsent.push({ item, size, sequence: 0 });
    this.unsentBytes += size;
    this.pump();
  }

  private pump(): void {
    const wasFull = this.unsentBytes > 0;
    while (this.unsent.length > 0 && this.unreadBytes < WINDOW_BYTES) {
      const segment = this.unsent.shift()!;
      this.unsentBytes -= segment.size;
      this.unreadBytes += segment.size;
      segment.sequence = ++this.lastSequence;
      this.transmit(segment);
    }
    if (wasFull && this.unsent.length === 0) this.drained();
  }

  private drained(): void {
    if (this.closed || this.handler?.onDrain === undefined) return;
    this.process.deliver(() => (this.closed ? undefined : this.handler?.onDrain?.()));
  }

  private transmit(segment: Segment, extraMs = 0): void {
    const { network } = this;
    if (this.isHeld(segment)) return;
    this.process.nic.out.pass(this, segment.size, () => {
      const arrivalMs = network.queue.nowMs + extraMs + network.delayMs(this.name, this.remoteName);
      this.lastDeliveryMs = Math.max(this.lastDeliveryMs, arrivalMs);
      network.queue.at(this.lastDeliveryMs, () => this.arrive(segment));
    });
  }

  private arrive(segment: Segment): void {
    if (this.isHeld(segment)) return;
    this.early.set(segment.sequence, segment);
    for (let next = this.early.get(this.nextSequence); next; next = this.early.get(this.nextSequence)) {
      this.early.delete(this.nextSequence++);
      const received = next;
      this.peer.process.nic.in.pass(this, next.size, () => this.received(received));
    }
  }

  private received(segment: Segment): void {
    const { peer } = this;
    const { item } = segment;
    if (item === 'reset') return peer.wasReset();
    if (peer.closed || peer.isReset) return peer.refuse(item);
    peer.process.deliver(() => {
      this.unreadBytes -= segment.size;
      if (peer.closed) peer.refuse(item);
      else if (item === 'end' && peer.isReset) peer.noticeReset();
      else if (item === 'end') peer.handler?.onEnd();
      else peer.feed(item);
      this.pump();
    }, segment.size);
  }

  /** Feeds bytes to the decoder in pieces, as a real socket does. */
  private feed(bytes: Uint8Array): void {
    const { random } = this.network;
    if (bytes.length < 2 || random() < 0.9) {
      this.handler?.onData(bytes);
      return;
    }
    const at = 1 + Math.floor(random() * (bytes.length - 1));
    this.handler?.onData(bytes.subarray(0, at));
    if (!this.closed) this.handler?.onData(bytes.subarray(at));
  }

  /** The kernel answers bytes for a socket that is closed. */
  private refuse(item: Segment['item']): void {
    if (item !== 'end' && !this.isReset) this.transmit({ item: 'reset', size: 0, sequence: ++this.lastSequence });
  }

  private isHeld(segment: Segment): boolean {
    if (this.held.length === 0 && !this.isCut()) return false;
    this.held.push(segment);
    this.network.holding.add(this);
    return true;
  }
}
