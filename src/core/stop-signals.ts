import { EXIT } from './errors';

/** Ctrl-C, an order to end, and a terminal or connection that is gone. */
const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export type StopSignal = (typeof STOP_SIGNALS)[number];

export interface OnStopSignal {
  /** The work is to end in order. */
  first(signal: StopSignal): void;
  /** Somebody asks once more: the process is to end at once. */
  second(signal: StopSignal): void;
}

/**
 * Tells of the signals that stop this process. A hang-up is never the second one: the kernel, the shell and systemd send
 * several of them, and beside SIGTERM.
 * @returns ends it, unless the process is stopping: until it is gone, a hang-up must not cut off its last words
 */
export function catchStopSignals({ first, second }: OnStopSignal): () => void {
  let isStopping = false;
  let orderCount = 0;
  const onSignal = (signal: StopSignal): void => {
    if (signal !== 'SIGHUP') orderCount += 1;
    if (!isStopping) {
      isStopping = true;
      first(signal);
    } else if (orderCount > 1) {
      second(signal);
    }
  };
  for (const name of STOP_SIGNALS) process.on(name, onSignal);
  return () => {
    if (!isStopping) for (const name of STOP_SIGNALS) process.off(name, onSignal);
  };
}

/** Runs `work` with a signal that the first stop signal aborts; a second one ends the process at once. */
export async function withInterrupt<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const release = catchStopSignals({
    first: () => controller.abort(),
    second: () => process.exit(EXIT.interrupted),
  });
  try {
    return await work(controller.signal);
  } finally {
    release();
  }
}
