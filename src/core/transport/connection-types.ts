/** What a connection needs from whoever opened it, and whom it tells what it hears. */
import type { ClusterError } from '../errors';
import type { Message } from '../protocol';
import type { CloseReason } from './close-reason';
import type { FrameForm, FrameLimits } from './frame';
import type { FrameWatch } from './frame-watch';
import type { Turns } from './turns';

export interface ConnectionHandler {
  /** A dialed connection is there. */
  onOpen?(): void;
  onMessage(message: Message, form: FrameForm, bodyLength: number): void;
  onBody(chunk: Uint8Array): void;
  onEnd(): void;
  /** See FrameHandler. Without it the connection answers with an Error message. */
  onUnknown?(error: ClusterError, message?: Message): void;
  /** The other side broke the protocol, was too slow, or had to yield memory; it has been told, `onClose` follows. */
  onProtocolError?(error: ClusterError): void;
  /** One of the two sides speaks TLS and the other does not, or not with this certificate; `onClose` follows. */
  onTlsProblem?(problem: string): void;
  /** Of an accepted connection: something that was asked on it is still to be answered. Default: nothing ever is. */
  owesAnswer?(): boolean;
  /** Exactly once, and the last call; from `destroy()` and `end()` never before they return. */
  onClose(reason: CloseReason): void;
}

export interface ConnectionOptions {
  limits: FrameLimits;
  isAccepted: boolean;
  /** Frame timeouts and memory for unfinished frames; shared by many connections. */
  watch?: FrameWatch;
  /** Shares this thread with other connections; without it a chunk is worked off as it arrives. */
  turns?: Turns;
  monotonicMs(): number;
}
