/** Asks a server for its status over a separate socket that is closed afterwards. */
import type { MessageOf, StatusFields } from '../protocol';
import { type CloseReason, dial, type FrameLimits, DIALED_LIMITS, type Secure } from './network';

/**
 * The result of asking one server: its status, or why there is none; `isTls`: TLS failed, so retrying does not help.
 */
export type Answer = { address: string; status: StatusFields } | { address: string; failure: string; isTls?: true };

/** The response is JSON, and nothing larger is read. */
const LIMITS: FrameLimits = {
  ...DIALED_LIMITS,
  maxFrameBytes: DIALED_LIMITS.maxJsonBytes,
  refusesLargeRequests: true,
};

const FAILURES: Record<CloseReason, string> = {
  closed: 'closed the connection without an answer',
  refused: 'no server is listening there',
  unreachable: 'unreachable',
  timeout: 'no answer in time',
  protocol: 'does not speak the cloudp2p protocol',
  destroyed: 'canceled',
  error: 'the connection broke',
};

/**
 * Asks one server. `timeoutMs` covers connection and response together; without `secure` it asks in the clear.
 * @throws ClusterError `bad_config` (as a rejection) if `address` is not an address
 */
export function askOne(address: string, timeoutMs: number, stop?: AbortSignal, secure?: Secure): Promise<Answer> {
  if (stop?.aborted) return Promise.resolve({ address, failure: FAILURES.destroyed });
  return new Promise((resolve) => {
    const settle = (answer: Answer): void => {
      clearTimeout(timer);
      stop?.removeEventListener('abort', onAbort);
      connection.destroy();
      resolve(answer);
    };
    const fail = (reason: CloseReason): void => settle({ address, failure: FAILURES[reason] });
    const onAbort = (): void => fail('destroyed');
    const connection = dial(address, {
      connectTimeoutMs: timeoutMs,
      secure,
      limits: LIMITS,
      handler: {
        onMessage: (message) => {
          if (message.kind === 'StatusResponse') settle({ address, status: statusOf(message) });
          else if (message.kind === 'Error') settle({ address, failure: `answered with an error: ${message.message}` });
        },
        onBody: () => undefined,
        onEnd: () => undefined,
        onUnknown: () => undefined,
        onTlsProblem: (problem) => settle({ address, failure: problem, isTls: true }),
        onProtocolError: () => fail('protocol'),
        onClose: fail,
      },
    });
    const timer = setTimeout(() => fail('timeout'), timeoutMs);
    stop?.addEventListener('abort', onAbort);
    connection.send({ kind: 'StatusQuery' });
  });
}

function statusOf(message: MessageOf<'StatusResponse'>): StatusFields {
  const status: StatusFields & { kind?: string } = { ...message };
  delete status.kind;
  return status;
}
