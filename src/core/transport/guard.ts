import type { Socket } from 'node:net';

/** Hears of errors that nobody expected, after the connection was closed for them. */
export interface Guard {
  unexpected(error: unknown): void;
}

/**
 * Runs what an event of a socket sets off: everything that another machine says enters the program through here. An error
 * that nobody expected is a bug of ours. It ends this socket and no other, and `guard` counts it; without one it is thrown.
 */
export function guarded(socket: Socket, guard: Guard | undefined, work: () => void): void {
  try {
    work();
  } catch (error) {
    // It may have come before anybody listened for the socket's own errors.
    socket.on('error', () => undefined);
    socket.destroy();
    if (guard === undefined) throw error;
    guard.unexpected(error);
  }
}
