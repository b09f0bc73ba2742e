/** The response to a refused or failed task; the code is for programs (docs/protocol.md), the message for people. */
import type { MessageOf } from '../../core/protocol';

export function taskRefusal(requestId: number, { code, message }: { code: string; message: string }) {
  return {
    kind: 'TaskResponse',
    request_id: requestId,
    success: false,
    error_message: message,
    error_code: code,
  } satisfies MessageOf<'TaskResponse'>;
}
