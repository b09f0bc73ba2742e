/** Makes a single attempt at a single connection; retrying is up to the caller. */
import { connect, type TcpNetConnectOpts } from 'node:net';
import { type Address, addressOf } from './address';
import { Connection, type ConnectionHandler } from './connection';
import { fairTimeout } from '../system/fair-timeout';
import { DIALED_LIMITS, type FrameLimits } from './wire/frame-limits';
import type { FrameWatch } from './frame-watch';
import type { Secure } from './tls';
import { tlsProblem } from './wire/tls-problem';
import type { Turns } from './turns';

/** Buffered bytes per socket at which `write` returns false. */
export const HIGH_WATER_MARK_BYTES = 131_072;

/** The kernel's keep-alive finds idle connections to a machine that vanished without closing them. */
export const KEEP_ALIVE_DELAY_MS = 30_000;

export interface DialOptions {
  connectTimeoutMs: number;
  handler: ConnectionHandler;
  /** Default: DIALED_LIMITS. */
  limits?: FrameLimits;
  /** Without it frames may take forever. */
  watch?: FrameWatch;
  /** Shares this thread with other connections, ahead of accepted ones; without it nothing waits. */
  turns?: Turns;
  monotonicMs?(): number;
  /** Absent: no TLS. */
  secure?: Secure;
  /** The server that the certificate may name instead of the host; default: any. */
  serverId?: number;
}

/**
 * Begins to connect and returns at once; `onOpen` or `onClose` follow, never before this returns. Messages sent before
 * `onOpen` are sent after it. `onClose('refused')` also covers a self-connected socket, which happens when one dials a
 * free port of the local range. With `secure` a connection opens when the handshake is done; a failed handshake is
 * never `refused`.
 * @throws ClusterError `bad_config` if `address` is not an address
 */
export function dial(address: Address | string, options: DialOptions): Connection {
  const { host, port } = typeof address === 'string' ? addressOf(address) : address;
  const { connectTimeoutMs, handler, limits = DIALED_LIMITS, watch, monotonicMs = () => performance.now() } = options;
  const { secure, serverId, turns } = options;
  const socketOptions: TcpNetConnectOpts & { highWaterMark: number } = {
    host,
    port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
    highWaterMark: HIGH_WATER_MARK_BYTES,
  };
  const socket = secure?.connect(socketOptions, { host, serverId }) ?? connect(socketOptions);
  const connection = new Connection(socket, { limits, isAccepted: false, watch, turns, monotonicMs }, () => handler);
  const cancelTimeout = fairTimeout(connectTimeoutMs, () => connection.abandon('timeout'));
  socket.once('close', cancelTimeout);
  const open = (): void => {
    cancelTimeout();
    connection.opened();
  };
  socket.once('connect', () => {
    if (isSelfConnected(socket)) connection.abandon('refused');
    else if (secure === undefined) open();
  });
  if (secure === undefined) return connection;
  socket.once('secureConnect', open);
  socket.on('error', (error) => {
    const problem = tlsProblem(error);
    if (problem !== undefined) connection.guarded(() => handler.onTlsProblem?.(problem));
  });
  return connection;
}

/** Returns true if both ends of the socket are the same (TCP's simultaneous open with oneself). */
export function isSelfConnected(socket: {
  localAddress?: string;
  localPort?: number;
  remoteAddress?: string;
  remotePort?: number;
}): boolean {
  return socket.localPort === socket.remotePort && socket.localAddress === socket.remoteAddress;
}
