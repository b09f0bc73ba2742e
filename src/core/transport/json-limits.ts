/** What is checked of a JSON text before JSON.parse sees it. */
import { ClusterError } from '../errors';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** `{` and `[` (and the closing pair) differ only in this bit. */
const BRACE_BIT = 0x20;

/**
 * Throws `bad_frame` if arrays and objects in `bytes[start, end)` nest deeper than `maxDepth`.
 * It is no parser: a text that is wrong in any other way passes, and fails in JSON.parse at a bounded cost.
 */
export function checkJsonDepth(bytes: Uint8Array, start: number, end: number, maxDepth: number): void {
  let depth = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    if (byte === QUOTE) {
      i = endOfString(bytes, i + 1, end);
    } else if ((byte & ~BRACE_BIT) === OPEN_BRACKET) {
      if (++depth > maxDepth) throw new ClusterError('bad_frame', `JSON nests deeper than ${maxDepth}`);
    } else if ((byte & ~BRACE_BIT) === CLOSE_BRACKET) {
      depth--;
    }
  }
}

/** The index of the quote that ends the string whose content begins at `start`, or `end`. */
function endOfString(bytes: Uint8Array, start: number, end: number): number {
  for (let i = start; i < end; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) return i;
    if (byte === BACKSLASH) i++;
  }
  return end;
}

/**
 * JSON.parse of UTF-8 bytes within the depth limit. Throws `bad_frame` for text that is no JSON or no UTF-8.
 * The caller has checked the length.
 */
export function parseJsonBytes(bytes: Buffer, maxDepth: number): unknown {
  checkJsonDepth(bytes, 0, bytes.length, maxDepth);
  const text = bytes.toString('utf8');
  try {
    // Buffer puts U+FFFD in place of bytes that are no UTF-8; only then is the slow, strict decoder asked.
    if (text.includes('\ufffd')) new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return JSON.parse(text);
  } catch {
    throw new ClusterError('bad_frame', 'the frame is no valid JSON');
  }
}
