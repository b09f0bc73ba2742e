/** What becomes of output that nobody reads, or that finds no room. */
import { writeSync } from 'node:fs';
import { causeOf } from '../files/cause';

/** `_type` is `fs` where Node writes to a file. */
type StandardStream = NodeJS.WriteStream & { fd: 1 | 2; _type?: string };

const NAMES = { 1: 'standard output', 2: 'standard error' };

let isStdoutLost = false;
let isStdoutResult = false;
const failed = new AbortController();

/**
 * Output that cannot be written is dropped, and the work goes on with its files and its exit code: a server is not to
 * end, nor a load to be cut, because `head` has seen enough. A reader that is gone needs no words; of anything else (a
 * full disk) is told once, on stderr, and what comes later is tried all the same.
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

/** Aborted when standard output cannot be written any more: for a command whose only work it is to print. */
export const whenOutputFails: AbortSignal = failed.signal;

/** Says that what this command line prints is what it was run for, which is not so of every one of its command. */
export function printsItsResult(): void {
  isStdoutResult = true;
}

/** Whether `printsItsResult` was called. */
export function isOutputResult(): boolean {
  return isStdoutResult;
}

/** Whether something that was to be read later is missing in standard output, once all of it has been written. */
export async function isOutputLost(): Promise<boolean> {
  await new Promise<void>((resolve) => process.stdout.write('', () => resolve()));
  return isStdoutLost;
}

/** A pipe without a reader, or a terminal that was closed. */
function isReaderGone({ code }: NodeJS.ErrnoException, { isTTY }: StandardStream): boolean {
  return code === 'EPIPE' || code === 'ECONNRESET' || (code === 'EIO' && isTTY);
}

/** Node does not see that a full disk took only a part of a line: the next one would stand behind it. */
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
