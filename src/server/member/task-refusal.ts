/** The response to a refused or failed task; the code is for programs (docs/protocol.md), the message for people. */
import type { MessageOf } from '../../core/protocol';

export interface Refusal {
  code: string;
  message: string;
  retryAfterMs?: number;
}

export function taskRefusal(requestId: number, { code, message, retryAfterMs }: Refusal) {
  return {
    kind: 'TaskResponse',
    request_id: requestId,
    success: false,
    error_message: message,
    error_code: code,
    ...(retryAfterMs !== undefined && { retry_after_ms: retryAfterMs }),
  } satisfies MessageOf<'TaskResponse'>;
}
