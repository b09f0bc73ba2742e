/** Handles output that has no reader, or that does not fit on the disk. */
import { writeSync } from 'node:fs';
import { causeOf } from '../files/cause';

/** `_type` is `fs` where Node writes to a file. */
type StandardStream = NodeJS.WriteStream & { fd: 1 | 2; _type?: string };

const NAMES = { 1: 'standard output', 2: 'standard error' };

let isStdoutLost = false;
let isStdoutResult = false;
const failed = new AbortController();

/**
 * Drops output that cannot be written, while the work continues with its files and exit code: a server must not end,
 * nor a load be cut short, because `head` exits. A reader that is gone is not reported; another cause (a full disk) is
 * reported once on stderr, and later output is still attempted.
 */
export function dropFailedOutput(): void {
  for (const stream of [process.stdout, process.stderr] as StandardStream[]) {
    if (stream._type === 'fs') keepLinesApart(stream);
    let hasComplained = false;
    // oclif's listener lets anything but a closed pipe end the program.
    stream.removeAllListeners('error').on('error', (error: NodeJS.ErrnoException) => {
      if (stream.fd === 1) failed.abort();
      if (isReaderGone(error, stream)) return;
      if (stream.fd === 1) isStdoutLost = true;
      if (hasComplained) return;
      hasComplained = true;
      process.stderr.write(`Error: cannot write to ${NAMES[stream.fd]}: ${causeOf(error)}\n`);
    });
  }
}

/** Aborted when standard output cannot be written any more; for a command that only prints. */
export const whenOutputFails: AbortSignal = failed.signal;

/** Declares that the output of this command line is its result; for commands whose output is not always that. */
export function printsItsResult(): void {
  isStdoutResult = true;
}

/** Returns true if `printsItsResult` was called. */
export function isOutputResult(): boolean {
  return isStdoutResult;
}

/** Waits until standard output is written, and returns true if a part that matters was lost. */
export async function isOutputLost(): Promise<boolean> {
  await new Promise<void>((resolve) => process.stdout.write('', () => resolve()));
  return isStdoutLost;
}

/** True for a pipe without a reader, or a closed terminal. */
function isReaderGone({ code }: NodeJS.ErrnoException, { isTTY }: StandardStream): boolean {
  return code === 'EPIPE' || code === 'ECONNRESET' || (code === 'EIO' && isTTY);
}

/** Node does not notice that a full disk took only a part of a line: the next one would follow on the same line. */
function keepLinesApart(stream: StandardStream): void {
  let isTorn = false;
  stream._write = (chunk: Buffer, _, done) => {
    let written = 0;
    try {
      if (isTorn) writeSync(stream.fd, '\n');
      isTorn = false;
      while (written < chunk.length) written += writeSync(stream.fd, chunk, written);
      done();
    } catch (error) {
      isTorn ||= written > 0;
      done(error as Error);
    }
  };
}
