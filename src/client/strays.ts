/** Decides when a server has sent so much unrequested data that its connection is closed. */
import { maxCarrierBytes } from '../imaging/decoder';

/** Messages allowed beyond one per message sent, since abandoned requests may still be answered. */
const MAX_STRAYS = 100;
const MAX_BYTES = 1024 * 1024;

export class Strays {
  private countLeft = MAX_STRAYS;
  private bytesLeft = MAX_BYTES;

  /** A message was sent that may be answered. */
  sent(): void {
    this.countLeft += 1;
  }

  /** The carrier of a secret of this size is no longer awaited, but may still arrive. */
  cancelled(secretBytes: number): void {
    this.bytesLeft += maxCarrierBytes(secretBytes);
  }

  /** Counts a stray message and its body; returns true if that is too much. */
  isTooMuch(bodyBytes: number): boolean {
    this.countLeft -= 1;
    this.bytesLeft -= bodyBytes;
    return this.countLeft < 0 || this.bytesLeft < 0;
  }
}
