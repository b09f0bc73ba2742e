/** Inflates raw deflate data in pieces and synchronously, so that its reader can stop before a bomb is inflated. */
import { constants, createInflateRaw, deflateRawSync, inflateRawSync } from 'node:zlib';
import type { InflateRaw } from 'node:zlib';
import { ClusterError } from '../core/errors';

const OUTPUT_BYTES = 65_536;
/** New output of one call of the public API: more than deflate can make of 1,000 bytes. */
const MAX_STEP_BYTES = 1_100_000;

/** Takes a piece of output, valid during the call only; returns false if no more is wanted. */
type Take = (output: Uint8Array) => boolean;

export interface SyncInflate {
  /**
   * Inflates `input`, passing on each piece of output until `take` returns false. Input after the stream's end is
   * ignored.
   * @throws ClusterError('bad_image') if it is not a deflate stream.
   */
  write(input: Uint8Array, take: Take): void;
  /** Frees memory now rather than at some garbage collection. */
  close(): void;
}

let isHandleThere: boolean | undefined;

/**
 * Returns an inflate; `window`: up to 32 KiB of previous output, for streams that begin in the middle. The first call
 * tests whether this Node still has the undocumented handle.
 */
export function syncInflate(window: Uint8Array): SyncInflate {
  isHandleThere ??= handleWorks();
  return isHandleThere ? new HandleInflate(window) : new PublicInflate(window);
}

/**
 * The native handle below every stream of node:zlib. It is undocumented, but npm itself relies on it (minizlib), as
 * does pngjs.
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
 * Inflates by the handle: the public API is either asynchronous or needs the whole input, and neither can stop a bomb
 * where the payload ends. Here at most 64 KiB of output exist at a time.
 */
export class HandleInflate implements SyncInflate {
  private readonly stream: Internals;
  private readonly output = Buffer.allocUnsafeSlow(OUTPUT_BYTES);
  private problem: string | undefined;

  constructor(window: Uint8Array) {
    this.stream = createInflateRaw(dictionaryOf(window)) as Internals;
    this.stream.on('error', () => undefined);
    this.stream._handle.onerror = (message) => {
      this.problem = message;
    };
  }

  write(input: Uint8Array, take: Take): void {
    let left = input.length;
    for (;;) {
      const at = input.length - left;
      this.stream._handle.writeSync(constants.Z_NO_FLUSH, input, at, left, this.output, 0, OUTPUT_BYTES);
      if (this.problem !== undefined) throw damaged(this.problem);
      const [outputLeft, inputLeft] = this.stream._writeState as unknown as [number, number];
      const made = OUTPUT_BYTES - outputLeft;
      if (made > 0 && !take(this.output.subarray(0, made))) return;
      const stuck = made === 0 && inputLeft === left;
      left = inputLeft;
      if (stuck || (left === 0 && outputLeft > 0)) return;
    }
  }

  close(): void {
    this.stream.close();
  }
}

/**
 * Inflates by the public API alone: the whole input again for every piece, which costs a multiple of the time, and
 * memory in proportion to the output that was taken. A bomb is fed in pieces so small that each adds 1 MB at most.
 */
export class PublicInflate implements SyncInflate {
  private input = Buffer.alloc(0);
  private takenBytes = 0;
  private wantsMore = true;

  constructor(private readonly window: Uint8Array) {}

  write(input: Uint8Array, take: Take): void {
    if (!this.wantsMore || input.length === 0) return;
    const whole = Buffer.concat([this.input, input]);
    const output = this.inflated(whole);
    if (output === null) {
      const half = input.length >> 1;
      this.write(input.subarray(0, half), take);
      this.write(input.subarray(half), take);
      return;
    }
    this.input = whole;
    const fresh = output.subarray(this.takenBytes);
    this.takenBytes = output.length;
    if (fresh.length > 0) this.wantsMore = take(fresh);
  }

  close(): void {
    this.input = Buffer.alloc(0);
    this.wantsMore = false;
  }

  /** Returns null if too much would be new. */
  private inflated(input: Uint8Array): Buffer | null {
    const maxOutputLength = this.takenBytes + MAX_STEP_BYTES;
    const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength, ...dictionaryOf(this.window) };
    try {
      return inflateRawSync(input, options);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'ERR_BUFFER_TOO_LARGE') return null;
      throw damaged(message);
    }
  }
}

function handleWorks(): boolean {
  const sample = Buffer.from('a sample, a sample');
  let output = '';
  try {
    const inflate = new HandleInflate(new Uint8Array(0));
    inflate.write(deflateRawSync(sample), (piece) => (output += Buffer.from(piece).toString()) !== '');
    inflate.close();
  } catch {
    return false;
  }
  return output === sample.toString();
}

function dictionaryOf(window: Uint8Array): { dictionary?: Uint8Array } {
  return window.length > 0 ? { dictionary: window } : {};
}

function damaged(problem: string): ClusterError {
  return new ClusterError('bad_image', `the PNG's pixels are damaged: ${problem}`);
}
