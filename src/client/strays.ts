import { maxCarrierBytes } from '../imaging/decoder';

/** So many messages besides one for each that was sent, as what is given up may still be answered. */
const MAX_STRAYS = 100;
const MAX_BYTES = 1024 * 1024;

/** What comes over a connection that nobody waits for: late answers, or a server that speaks without end. */
export class Strays {
  #countLeft = MAX_STRAYS;
  #bytesLeft = MAX_BYTES;

  /** Something was sent that may be answered. */
  sent(): void {
    this.#countLeft += 1;
  }

  /** The carrier of a secret so long is not waited for any more, and may come all the same. */
  cancelled(secretBytes: number): void {
    this.#bytesLeft += maxCarrierBytes(secretBytes);
  }

  /** Counts one, with a body of so many bytes; whether that is too much. */
  isTooMuch(bodyBytes: number): boolean {
    this.#countLeft -= 1;
    this.#bytesLeft -= bodyBytes;
    return this.#countLeft < 0 || this.#bytesLeft < 0;
  }
}
