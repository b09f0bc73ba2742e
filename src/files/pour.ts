import { closeSync, constants, openSync, write } from 'node:fs';
import type { Target } from './target';

/** How long to wait for a FIFO that nobody reads yet, or that is full, before it is tried again. */
const AGAIN_MS = 10;
const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;

/**
 * Writes into something that is no regular file. A FIFO is waited for until somebody reads it, as a shell does, but without
 * a thread that could not be interrupted.
 * @throws Error with the system's code
 */
export async function pour(target: Exclude<Target, { kind: 'regular' }>, chunks: readonly Uint8Array[]): Promise<void> {
  if (target.kind === 'descriptor') {
    const stream = target.fd === 1 ? process.stdout : target.fd === 2 ? process.stderr : null;
    for (const chunk of chunks) await (stream === null ? intoFd(target.fd, chunk) : intoStream(stream, chunk));
    return;
  }
  const fd = await opened(target);
  try {
    for (const chunk of chunks) await intoFd(fd, chunk);
  } finally {
    closeSync(fd);
  }
}

async function opened({ kind, path }: { kind: 'device' | 'fifo'; path: string }): Promise<number> {
  for (;;) {
    try {
      return openSync(path, O_WRONLY | O_NONBLOCK | O_NOCTTY);
    } catch (error) {
      if (kind === 'device' || (error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
      await again();
    }
  }
}

/** After what was written to the stream before. A reader that has seen enough (`| head`) is no error. */
function intoStream(stream: NodeJS.WriteStream, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) =>
    stream.write(chunk, (error: NodeJS.ErrnoException | null | undefined) =>
      error && error.code !== 'EPIPE' ? reject(error) : resolve(),
    ),
  );
}

async function intoFd(fd: number, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length;) {
    try {
      at += await new Promise<number>((resolve, reject) =>
        write(fd, chunk, at, (error, bytes) => (error ? reject(error) : resolve(bytes))),
      );
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      await again();
    }
  }
}

function again(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
}
