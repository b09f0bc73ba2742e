/**
 * Intentional errors and the exit codes of commands. An error's `code` is stable and for programs, its message is for
 * people. Any other error that reaches the top is a bug and is shown with its stack.
 */

export type ErrorCode =
  | 'bad_config'
  | 'bad_usage'
  | 'bad_frame'
  | 'bad_message'
  | 'bad_image'
  | 'frame_too_large'
  | 'frame_timeout'
  | 'secret_too_large'
  | 'secret_empty'
  | 'unknown_message'
  | 'overloaded'
  | 'no_leader'
  | 'not_reachable'
  | 'address_in_use'
  | 'verification_failed'
  | 'cancelled'
  | 'interrupted'
  | 'internal';

export class ClusterError extends Error {
  override readonly name = 'ClusterError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly options: { retryable?: boolean; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
  }

  /** True if the same request may succeed elsewhere or later. */
  get retryable(): boolean {
    return this.options.retryable ?? false;
  }
}

/** The exit codes of every command (docs/commands.md). */
export const EXIT = { ok: 0, bug: 1, usage: 2, checkFailed: 3, incomplete: 4, interrupted: 130 } as const;

/** Returns the exit code with which a command ends for this error. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof ClusterError)) return EXIT.bug;
  switch (error.code) {
    case 'bad_config':
    case 'bad_usage':
    case 'address_in_use':
    case 'bad_image':
    case 'secret_empty':
    case 'secret_too_large':
      return EXIT.usage;
    case 'verification_failed':
      return EXIT.checkFailed;
    case 'interrupted':
      return EXIT.interrupted;
    case 'internal':
    case 'bad_frame':
      return EXIT.bug;
    default:
      return EXIT.incomplete;
  }
}
