/** Passes the decoder's findings to a connection's handler. */
import type { ClusterError } from '../errors';
import type { ConnectionHandler } from './connection-types';
import type { FrameHandler } from './wire/frame';
import { refusalText } from './wire/tls-problem';

/**
 * Returns the handler for the decoder. On a dialed connection, a listener's refusal for TLS reasons goes to
 * `onTlsProblem`; `sendError` answers unknown messages unless the handler takes them.
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
