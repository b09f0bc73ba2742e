/** Describes the connection that a link needs: the transport's, or a simulated one. */
import type { Connection, DialOptions } from '../core/transport/network';

/** A connection to a server, as far as a link uses it. */
export type LinkConnection = Pick<
  Connection,
  'abandon' | 'bytesWritten' | 'destroy' | 'end' | 'fail' | 'lastReadMs' | 'send' | 'sendBody' | 'unsentBytes'
>;

/** Begins to connect, as `dial` of the transport does. */
export type DialLink = (address: string, options: DialOptions) => LinkConnection;
