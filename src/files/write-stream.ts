/** Writes into devices, FIFOs and file descriptors, and waits for the reader of a FIFO. */
import { closeSync, constants, openSync, write } from 'node:fs';
import { ClusterError } from '../core/errors';
import { oneLine } from '../core/printable';
import type { Target } from './target';

/** The wait between attempts at a FIFO that has no reader yet or is full, in milliseconds. */
const AGAIN_MS = 10;
/** The attempts at a full FIFO that a process makes before it ends: its reader may just be slow. */
const LAST_TRIES = 50;
const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;

/**
 * Writes into a device, FIFO or descriptor. Waits for the reader of a FIFO, as a shell does, but without a thread that
 * could not be interrupted, and only until `signal` is aborted.
 * @throws Error with the code of the system; ClusterError `interrupted` if a reader was not waited for
 */
export async function writeStream(
  target: Exclude<Target, { kind: 'regular' }>,
  chunks: readonly Uint8Array[],
  signal?: AbortSignal,
): Promise<void> {
  const patience = new Patience(target.kind === 'descriptor' ? `descriptor ${target.fd}` : target.path, signal);
  if (target.kind === 'descriptor') {
    const stream = target.fd === 1 ? process.stdout : target.fd === 2 ? process.stderr : null;
    for (const chunk of chunks)
      await (stream === null ? intoFd(target.fd, chunk, patience) : intoStream(stream, chunk));
    return;
  }
  const fd = await opened(target, patience);
  try {
    for (const chunk of chunks) await intoFd(fd, chunk, patience);
  } finally {
    closeSync(fd);
  }
}

/** Decides how long to wait for a reader. */
class Patience {
  private leftTries = LAST_TRIES;

  constructor(
    private readonly name: string,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /** @throws ClusterError `interrupted` if `signal` was aborted: nothing waits for a reader any more */
  async forReader(): Promise<void> {
    this.refuseIf(this.signal?.aborted);
    await again();
  }

  /** @throws ClusterError `interrupted` if, after the abort, the reader has taken nothing for too long */
  async forRoom(): Promise<void> {
    if (this.signal?.aborted) this.leftTries -= 1;
    this.refuseIf(this.leftTries < 0);
    await again();
  }

  /** The reader takes something. */
  renew(): void {
    this.leftTries = LAST_TRIES;
  }

  private refuseIf(isEnough: boolean | undefined): void {
    if (isEnough) throw new ClusterError('interrupted', `interrupted: nobody reads ${oneLine(this.name)}`);
  }
}

async function opened({ kind, path }: { kind: 'device' | 'fifo'; path: string }, patience: Patience): Promise<number> {
  for (;;) {
    try {
      return openSync(path, O_WRONLY | O_NONBLOCK | O_NOCTTY);
    } catch (error) {
      if (kind === 'device' || (error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
      await patience.forReader();
    }
  }
}

/**
 * Writes after earlier output of the stream. A reader that closes early (`| head`) is not an error; any other failure
 * of standard output is reported in src/cli/output.ts.
 */
function intoStream(stream: NodeJS.WriteStream, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) =>
    stream.write(chunk, (error: NodeJS.ErrnoException | null | undefined) =>
      error && error.code !== 'EPIPE' && stream !== process.stdout ? reject(error) : resolve(),
    ),
  );
}

async function intoFd(fd: number, chunk: Uint8Array, patience: Patience): Promise<void> {
  for (let at = 0; at < chunk.length;) {
    try {
      at += await new Promise<number>((resolve, reject) =>
        write(fd, chunk, at, (error, bytes) => (error ? reject(error) : resolve(bytes))),
      );
      patience.renew();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      await patience.forRoom();
    }
  }
}

function again(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
}
