/**
 * Runs `work` with a signal that is also aborted when nobody reads along any more: the terminal was closed (SIGHUP), or
 * the pipe that stdout writes to (`| head`). Either would end the program at once, with a server down.
 */
export async function withHangUp<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { stdout } = process;
  const hangUp = new AbortController();
  const onHangUp = (): void => hangUp.abort();
  const others = stdout.listeners('error') as ((error: Error) => void)[];
  stdout.removeAllListeners('error').on('error', onHangUp);
  process.on('SIGHUP', onHangUp);
  try {
    return await work(AbortSignal.any([signal, hangUp.signal]));
  } finally {
    process.off('SIGHUP', onHangUp);
    stdout.off('error', onHangUp);
    for (const listener of others) stdout.on('error', listener);
  }
}
