/** Asks servers for their status, over sockets of their own that are closed afterwards. */
import type { MessageOf, StatusFields } from '../core/protocol';
import { type CloseReason, dial } from '../core/transport/network';
import type { Answer } from './answer';

const FAILURES: Record<CloseReason, string> = {
  closed: 'closed the connection without an answer',
  refused: 'no server listens there',
  unreachable: 'not reachable',
  timeout: 'no answer in time',
  protocol: 'does not speak our protocol',
  destroyed: 'not asked to the end',
  error: 'the connection broke',
};

/** Asks all at once; one answer for each address, in their order. Never rejects but for a text that is no address. */
export function askAll(addresses: readonly string[], timeoutMs: number, stop?: AbortSignal): Promise<Answer[]> {
  return Promise.all(addresses.map((address) => askOne(address, timeoutMs, stop)));
}

/** `timeoutMs` is for the connection and the answer together. Rejects with ClusterError `bad_config` for no address. */
export function askOne(address: string, timeoutMs: number, stop?: AbortSignal): Promise<Answer> {
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
      handler: {
        onMessage: (message) => {
          if (message.kind === 'StatusResponse') settle({ address, status: statusOf(message) });
          else if (message.kind === 'Error') settle({ address, failure: `answered with an error: ${message.message}` });
        },
        onBody: () => undefined,
        onEnd: () => undefined,
        onUnknown: () => undefined,
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
