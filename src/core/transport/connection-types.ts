/** The options of a connection, and the callbacks by which it reports to its owner. */
import type { ClusterError } from '../errors';
import type { Message } from '../protocol';
import type { CloseReason } from './wire/close-reason';
import type { FrameForm, FrameLimits } from './wire/frame';
import type { FrameWatch } from './frame-watch';
import type { Turns } from './turns';

export interface ConnectionHandler {
  /** A dialed connection is established. */
  onOpen?(): void;
  onMessage(message: Message, form: FrameForm, bodyLength: number): void;
  onBody(chunk: Uint8Array): void;
  onEnd(): void;
  /** See FrameHandler. Without it the connection answers with an Error message. */
  onUnknown?(error: ClusterError, message?: Message): void;
  /**
   * The other side broke the protocol, was too slow, or was chosen to free memory; it was sent an Error, `onClose`
   * follows.
   */
  onProtocolError?(error: ClusterError): void;
  /** One of the two sides speaks TLS and the other does not, or not with this certificate; `onClose` follows. */
  onTlsProblem?(problem: string): void;
  /** For an accepted connection: returns true while a request on it is unanswered. Default: always false. */
  owesAnswer?(): boolean;
  /** Called exactly once, as the last callback; by `destroy()` and `end()` never before they return. */
  onClose(reason: CloseReason): void;
}

export interface ConnectionOptions {
  limits: FrameLimits;
  isAccepted: boolean;
  /** Enforces frame timeouts and the memory limit for unfinished frames; shared by many connections. */
  watch?: FrameWatch;
  /** Shares this thread with other connections; without it a chunk is processed as it arrives. */
  turns?: Turns;
  monotonicMs(): number;
}
