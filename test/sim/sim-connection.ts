import type { DialLink, LinkConnection } from '../../src/client/link-connection';
import { ClusterError } from '../../src/core/errors';
import type { Message } from '../../src/core/protocol';
import { fairTimeout } from '../../src/core/system/fair-timeout';
import { frameSink } from '../../src/core/transport/frame-sink';
import { type BodyWriter, type CloseReason, DIALED_LIMITS, type DialOptions } from '../../src/core/transport/network';
import { encodeEnvelopeHead, encodeMessage, FrameDecoder } from '../../src/core/transport/wire/frame';
import type { End } from './end';
import type { DialHandler, Network } from './network';
import type { Process } from './process';
import { wireBytes } from './secret';

/** The time that the other side gets to close as well. */
const LINGER_MS = 1000;

/** Returns a `dial` for the clients of a process whose host has this name. */
export function simDial(network: Network, process: Process, hostName: string): DialLink {
  return (address, options) => new SimConnection(network, process, [hostName, address], options);
}

/** Does on the simulated network what a dialed Connection of the transport does on a socket. */
class SimConnection implements LinkConnection, DialHandler {
  bytesWritten = 0;
  lastReadMs: number;
  private end_: End | null = null;
  private untold: { bytes: Uint8Array; size: number }[] = [];
  private isClosed = false;
  private endReason: CloseReason | undefined;
  private readonly decoder: FrameDecoder;
  private readonly giveUp: () => void;
  private readonly cancelTimeout: () => void;

  constructor(
    network: Network,
    private readonly process: Process,
    [from, to]: [string, string],
    private readonly options: DialOptions,
  ) {
    const { handler, limits = DIALED_LIMITS, connectTimeoutMs } = options;
    this.lastReadMs = process.clock.monotonicMs();
    this.decoder = new FrameDecoder(
      limits,
      frameSink(handler, false, () => undefined),
    );
    this.giveUp = network.dial(process, from, to, this);
    this.cancelTimeout = fairTimeout(connectTimeoutMs, () => this.abandon('timeout'), process.clock);
  }

  get unsentBytes(): number {
    return this.untold.reduce((sum, { size }) => sum + size, this.end_?.unsentBytes ?? 0);
  }

  send(message: Message): void {
    this.write(encodeMessage(message));
  }

  sendBody(message: Message, bodyLength: number): BodyWriter {
    this.write(encodeEnvelopeHead(message, bodyLength));
    return {
      write: (chunk) => {
        this.write(chunk, wireBytes(chunk));
        return true;
      },
      drained: () => Promise.resolve(),
      missingBytes: bodyLength,
    };
  }

  destroy(): void {
    this.decoder.stop();
    this.abandon('destroyed');
  }

  abandon(reason: CloseReason): void {
    this.endReason ??= reason;
    this.end_?.destroy();
    this.hangUp();
    this.process.deliver(() => this.close());
  }

  end(): void {
    if (this.isClosed || this.endReason !== undefined) return;
    this.endReason = 'destroyed';
    this.decoder.stop();
    this.hangUp();
    this.process.clock.after(LINGER_MS, () => this.close());
  }

  fail(error: ClusterError, reason: CloseReason): void {
    if (this.isClosed || this.endReason !== undefined) return;
    this.decoder.stop();
    this.send({ kind: 'Error', code: error.code, message: error.message });
    this.options.handler.onProtocolError?.(error);
    this.endReason = reason;
    this.close();
    this.hangUp();
  }

  onOpened(end: End): void {
    if (this.endReason !== undefined) return end.close();
    this.cancelTimeout();
    this.end_ = end;
    this.lastReadMs = this.process.clock.monotonicMs();
    for (const { bytes, size } of this.untold.splice(0)) end.send(bytes, size);
    this.options.handler.onOpen?.();
  }

  onRefused(): void {
    this.abandon('refused');
  }

  onData(bytes: Uint8Array): void {
    if (this.isClosed || this.endReason !== undefined) return;
    this.lastReadMs = this.process.clock.monotonicMs();
    try {
      this.decoder.push(bytes);
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      this.fail(error, 'protocol');
    }
  }

  onEnd(): void {
    this.decoder.stop();
    this.endReason ??= 'closed';
    this.close();
    this.hangUp();
  }

  onReset(): void {
    this.abandon('closed');
  }

  private write(bytes: Uint8Array, size = bytes.length): void {
    if (this.isClosed || this.endReason !== undefined) return;
    this.bytesWritten += bytes.length;
    if (this.end_ === null) this.untold.push({ bytes, size });
    else this.end_.send(bytes, size);
  }

  /** Sends the end of the stream after what has been written. */
  private hangUp(): void {
    this.giveUp();
    this.cancelTimeout();
    this.end_?.close();
  }

  private close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.options.handler.onClose(this.endReason!);
  }
}
