/** The signals that stop a process: the first one makes it finish its work in order, a second one ends it at once. */
import { EXIT } from '../errors';

/** Ctrl-C, a request to terminate, the loss of the terminal or connection, and Ctrl-\. */
const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

export type StopSignal = (typeof STOP_SIGNALS)[number];

export interface OnStopSignal {
  /** Called for the first signal: finish the work in order. */
  first(signal: StopSignal): void;
  /** Called for a second signal: end the process at once. */
  second(signal: StopSignal): void;
}

/** The action of a stop signal that no handler catches; undefined for the action of the system. */
let endAtOnce: ((signal: StopSignal) => void) | undefined;
let suspensionCount = 0;

/**
 * Makes stop signals end this process at once through `exit`, which removes unfinished files; the system's default
 * action does not. Suspended while other functions here catch the signals.
 */
export function endOnStopSignals(exit: (signal: StopSignal) => void): void {
  endAtOnce = exit;
  if (suspensionCount === 0) listen(exit);
}

/**
 * Runs work that may block in the system forever (a FIFO without a writer); meanwhile signals have their default
 * action, since no handler could run.
 */
export function interruptibly<T>(work: () => T): T {
  const resume = suspend();
  try {
    return work();
  } finally {
    resume();
  }
}

/**
 * Reports the signals that stop this process. A hang-up never counts as the second signal: the kernel, the shell and
 * systemd send several of them, also along with SIGTERM.
 * @returns a function that stops listening, except while the process is stopping: a hang-up must not cut off its last
 * output
 */
export function catchStopSignals({ first, second }: OnStopSignal): () => void {
  let isStopping = false;
  const release = takeStopSignals((signal) => {
    if (!isStopping) {
      isStopping = true;
      first(signal);
    } else if (signal !== 'SIGHUP') {
      second(signal);
    }
  });
  return () => {
    if (!isStopping) release();
  };
}

/** Reports every stop signal to `onSignal` until the returned function is called. */
export function takeStopSignals(onSignal: (signal: StopSignal) => void): () => void {
  listen(onSignal);
  const resume = suspend();
  return () => {
    resume();
    ignore(onSignal);
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

/** Suspends `endAtOnce` until every caller has called the function that it got. */
function suspend(): () => void {
  if (suspensionCount === 0 && endAtOnce) ignore(endAtOnce);
  suspensionCount += 1;
  return () => {
    suspensionCount -= 1;
    if (suspensionCount === 0 && endAtOnce) listen(endAtOnce);
  };
}

function listen(onSignal: (signal: StopSignal) => void): void {
  for (const name of STOP_SIGNALS) process.on(name, onSignal);
}

function ignore(onSignal: (signal: StopSignal) => void): void {
  for (const name of STOP_SIGNALS) process.off(name, onSignal);
}
