/** Checks of a JSON text that come before JSON.parse. */
import { ClusterError } from '../../errors';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** `{` and `[` (and the closing pair) differ only in this bit. */
const BRACE_BIT = 0x20;

/**
 * Checks that arrays and objects in `bytes[start, end)` nest at most `maxDepth` deep. This is not a parser: text that
 * is invalid in any other way passes, and fails in JSON.parse at a bounded cost.
 * @throws ClusterError `bad_frame`
 */
function checkJsonDepth(bytes: Uint8Array, start: number, end: number, maxDepth: number): void {
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

/** Returns the index of the quote that ends the string whose content begins at `start`, or `end`. */
function endOfString(bytes: Uint8Array, start: number, end: number): number {
  for (let i = start; i < end; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) return i;
    if (byte === BACKSLASH) i++;
  }
  return end;
}

/**
 * Parses UTF-8 bytes as JSON within the depth limit. The caller has checked the length.
 * @throws ClusterError `bad_frame` for invalid JSON or UTF-8
 */
export function parseJsonBytes(bytes: Buffer, maxDepth: number): unknown {
  checkJsonDepth(bytes, 0, bytes.length, maxDepth);
  const text = bytes.toString('utf8');
  try {
    // Buffer replaces invalid UTF-8 by U+FFFD; only then is the slow, strict decoder needed.
    if (text.includes('\ufffd')) new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return JSON.parse(text);
  } catch {
    throw new ClusterError('bad_frame', 'the frame is not valid JSON');
  }
}
