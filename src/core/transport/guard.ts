/** The gate through which input from other machines enters the program: a bug found there costs one socket. */
import type { Socket } from 'node:net';

/** Gets unexpected errors, after the connection was closed because of them. */
export interface Guard {
  unexpected(error: unknown): void;
}

/**
 * Runs the work of a socket event. An unexpected error is a bug in cloudp2p: it ends this socket and no other, and
 * `guard` counts it; without a guard it is thrown.
 */
export function guarded(socket: Socket, guard: Guard | undefined, work: () => void): void {
  try {
    work();
  } catch (error) {
    // The error may have come before the socket had an error listener.
    socket.on('error', () => undefined);
    socket.destroy();
    if (guard === undefined) throw error;
    guard.unexpected(error);
  }
}
