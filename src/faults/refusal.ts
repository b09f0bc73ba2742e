import { ClusterError } from '../core/errors';

/** What is refused or fails on purpose. */
export function refused(text: string, cause?: unknown): ClusterError {
  return new ClusterError('not_reachable', text, { cause });
}

/** Why something was refused. @throws what is a bug and no reason */
export function reasonOf(error: unknown): string {
  if (error instanceof ClusterError) return error.message;
  throw error;
}

/** For who can do without an answer. @throws what is a bug */
export function nullIfRefused(error: unknown): null {
  reasonOf(error);
  return null;
}
