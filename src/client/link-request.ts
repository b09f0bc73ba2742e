/** A request in flight, as the links that it uses know it: they count its bytes, and report what becomes of it. */
import type { MessageOf, TaskName } from '../core/protocol';
import type { CloseReason } from '../core/transport/network';

export interface LinkRefusal {
  code: string | undefined;
  message: string;
  /** The server says when to try again. */
  retryAfterMs?: number;
}

export interface LinkRequest {
  readonly name: Required<TaskName>;
  /** Sent by reference: it must not change until the request has ended. */
  readonly secret: Uint8Array;
  /** True if the carrier is wanted, and not only its verification. */
  readonly keepsCarrier: boolean;
  /** The time since its client's last success, or since the first request after that, in whole milliseconds. */
  readonly waitingMs: number;
  /** Bytes on the wire for this request; those for a server that could not be reached do not count. */
  bytesSent: number;
  bytesReceived: number;
  assigned(askId: number, response: MessageOf<'TaskAssignmentResponse'>): void;
  askLost(askId: number, address: string, reason: CloseReason): void;
  /** `fault`: how the server broke the protocol, if that is the reason. */
  sendLost(sendId: number, address: string, reason: CloseReason, fault?: string): void;
  /** The server responded without a carrier. */
  refused(sendId: number, address: string, refusal: LinkRefusal): void;
  /** The carrier does not contain the secret. */
  corrupted(sendId: number, address: string, why: string): void;
  /** The whole carrier arrived and contains the secret; null if it is not kept. */
  verified(sendId: number, chunks: Uint8Array[] | null): void;
}
