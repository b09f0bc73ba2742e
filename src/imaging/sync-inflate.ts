import { constants, createInflateRaw } from 'node:zlib';
import type { InflateRaw } from 'node:zlib';
import { ClusterError } from '../core/errors';

const OUTPUT_BYTES = 65_536;

/**
 * The native handle below every stream of node:zlib. It is undocumented, but npm itself relies on it (minizlib), as
 * does pngjs; the tests of this folder fail at once if a new Node changes it.
 */
interface Handle {
  onerror: (message: string) => void;
  /** Leaves [output left, input left] in `_writeState`. */
  writeSync(
    flush: number,
    input: Uint8Array,
    inputAt: number,
    inputBytes: number,
    output: Uint8Array,
    outputAt: number,
    outputBytes: number,
  ): void;
}

type Internals = InflateRaw & { _handle: Handle; _writeState: Uint32Array };

/**
 * A raw inflate that is fed byte by byte and returns output synchronously. The public API is either asynchronous or
 * needs the whole input, and neither can stop a bomb where the payload ends; here at most 64 KiB of output exist at a
 * time.
 */
export class SyncInflate {
  private readonly stream: Internals;
  private readonly output = Buffer.allocUnsafeSlow(OUTPUT_BYTES);
  private problem: string | undefined;

  /** `window`: up to 32 KiB of previous output, for streams that begin in the middle. */
  constructor(window: Uint8Array) {
    const dictionary = window.length > 0 ? { dictionary: window } : {};
    this.stream = createInflateRaw(dictionary) as Internals;
    this.stream.on('error', () => undefined);
    this.stream._handle.onerror = (message) => {
      this.problem = message;
    };
  }

  /**
   * Inflates `input`, passing on each piece of output (valid during the call only) until `take` returns false. Input
   * after the stream's end is ignored.
   * @throws ClusterError('bad_image') if it is not a deflate stream.
   */
  write(input: Uint8Array, take: (output: Uint8Array) => boolean): void {
    let left = input.length;
    for (;;) {
      const at = input.length - left;
      this.stream._handle.writeSync(constants.Z_NO_FLUSH, input, at, left, this.output, 0, OUTPUT_BYTES);
      if (this.problem !== undefined)
        throw new ClusterError('bad_image', `the PNG's pixels are damaged: ${this.problem}`);
      const [outputLeft, inputLeft] = this.stream._writeState as unknown as [number, number];
      const made = OUTPUT_BYTES - outputLeft;
      if (made > 0 && !take(this.output.subarray(0, made))) return;
      const stuck = made === 0 && inputLeft === left;
      left = inputLeft;
      if (stuck || (left === 0 && outputLeft > 0)) return;
    }
  }

  /** Frees the native window now rather than at some garbage collection. */
  close(): void {
    this.stream.close();
  }
}
