import type { ClusterError } from '../errors';
import type { ConnectionHandler } from './connection-types';
import type { FrameHandler } from './frame';
import { refusalText } from './tls-problem';

/**
 * Passes on to a connection's handler what its decoder finds. On a dialed connection a listener's refusal for TLS is told as
 * such; what nobody here knows is answered by `sendError`, unless the handler takes it.
 */
export function frameSink(
  handler: ConnectionHandler,
  isAccepted: boolean,
  sendError: (error: ClusterError) => void,
): FrameHandler {
  return {
    onMessage: (message, form, bodyLength) => {
      const refusal = isAccepted ? undefined : refusalText(message);
      if (refusal === undefined) handler.onMessage(message, form, bodyLength);
      else handler.onTlsProblem?.(refusal);
    },
    onBody: (chunk) => handler.onBody(chunk),
    onEnd: () => handler.onEnd(),
    onUnknown: (error, message) => (handler.onUnknown ? handler.onUnknown(error, message) : sendError(error)),
  };
}
