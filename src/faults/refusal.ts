/** Separates expected failures, an action on a server that is refused or fails, from bugs. */
import { ClusterError } from '../core/errors';

/** Returns the error for an action that is refused or fails as expected. */
export function refused(text: string, cause?: unknown): ClusterError {
  return new ClusterError('not_reachable', text, { cause });
}

/** Returns the reason of a refusal. @throws any other error, which is a bug */
export function reasonOf(error: unknown): string {
  if (error instanceof ClusterError) return error.message;
  throw error;
}

/** Turns a refusal into null. @throws any other error, which is a bug */
export function nullIfRefused(error: unknown): null {
  reasonOf(error);
  return null;
}
