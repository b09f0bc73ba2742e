/** Runs `work` with a signal that SIGUSR2 aborts: `run` sends it to loads on other machines after the last fault. */
export async function withEndSignal<T>(work: (endSignal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const onSignal = (): void => controller.abort();
  process.on('SIGUSR2', onSignal);
  try {
    return await work(controller.signal);
  } finally {
    process.off('SIGUSR2', onSignal);
  }
}
