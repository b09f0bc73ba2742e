import { ClusterError } from '../core/errors';
import { pause } from '../core/pause';
import { dial, type Secure } from '../core/transport/network';

const ANSWER_TIMEOUT_MS = 1000;
const AGAIN_MS = 100;

/**
 * Asks all servers, again and again, until one answers; also resolves when `signal` is aborted.
 * @throws ClusterError `not_reachable` naming the addresses when none has answered after `waitMs`
 */
export async function waitForServer(
  addresses: readonly string[],
  waitMs: number,
  signal: AbortSignal,
  secure?: Secure,
): Promise<void> {
  const problems = new Map<string, string>();
  const late = AbortSignal.timeout(Math.ceil(waitMs));
  const found = new AbortController();
  const stop = AbortSignal.any([signal, late, found.signal]);
  await Promise.all(
    addresses.map(async (address) => {
      const onTlsProblem = (problem: string): void => void problems.set(address, `${address}: ${problem}`);
      if (await answersUntil({ address, stop, secure, onTlsProblem })) found.abort();
    }),
  );
  if (found.signal.aborted || signal.aborted) return;
  const text = `no server answered within ${waitMs / 1000} s: ${addresses.map((address) => problems.get(address) ?? address).join(', ')}`;
  throw new ClusterError('not_reachable', text);
}

interface Question {
  address: string;
  stop: AbortSignal;
  secure: Secure | undefined;
  onTlsProblem(problem: string): void;
}

async function answersUntil(question: Question): Promise<boolean> {
  while (!question.stop.aborted) {
    if (await answers(question)) return true;
    await pause(AGAIN_MS, question.stop);
  }
  return false;
}

/** Whether a server is there, by any message that it says to a question for its status. */
function answers({ address, stop, secure, onTlsProblem }: Question): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (isThere: boolean): void => {
      clearTimeout(timer);
      stop.removeEventListener('abort', onAbort);
      connection.destroy();
      resolve(isThere);
    };
    const onAbort = (): void => settle(false);
    const connection = dial(address, {
      connectTimeoutMs: ANSWER_TIMEOUT_MS,
      secure,
      handler: {
        onMessage: () => settle(true),
        onBody: () => undefined,
        onEnd: () => undefined,
        onUnknown: () => undefined,
        onTlsProblem,
        onProtocolError: () => settle(false),
        onClose: () => settle(false),
      },
    });
    const timer = setTimeout(() => settle(false), ANSWER_TIMEOUT_MS);
    stop.addEventListener('abort', onAbort);
    connection.send({ kind: 'StatusQuery' });
  });
}
