/** One attempt at one connection; when to try again is the caller's decision. */
import { connect, type NetConnectOpts } from 'node:net';
import { type Address, parseAddress } from './address';
import { Connection, type ConnectionHandler } from './connection';
import { DIALED_LIMITS, type FrameLimits } from './frame-limits';
import type { FrameWatch } from './frame-watch';

/** Buffered per socket before `write` says that it is enough. */
export const HIGH_WATER_MARK_BYTES = 131_072;

/** Idle connections to a machine that vanished without a word are found by the kernel. */
export const KEEP_ALIVE_DELAY_MS = 30_000;

export interface DialOptions {
  connectTimeoutMs: number;
  handler: ConnectionHandler;
  /** Default: DIALED_LIMITS. */
  limits?: FrameLimits;
  /** Without it frames may take for ever. */
  watch?: FrameWatch;
  monotonicMs?(): number;
}

/**
 * Begins to connect and returns at once; `onOpen` or `onClose` follow, never before this returns. What is sent before
 * `onOpen` is sent after it. `onClose('refused')` also stands for a socket that met itself, which happens when one dials
 * a free port of the local range. Throws ClusterError `bad_config` for a text that is no address.
 */
export function dial(address: Address | string, options: DialOptions): Connection {
  const { host, port } = typeof address === 'string' ? parseAddress(address) : address;
  const { connectTimeoutMs, handler, limits = DIALED_LIMITS, watch, monotonicMs = () => performance.now() } = options;
  const socketOptions: NetConnectOpts & { highWaterMark: number } = {
    host,
    port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
    highWaterMark: HIGH_WATER_MARK_BYTES,
  };
  const socket = connect(socketOptions);
  const connection = new Connection(socket, { limits, isAccepted: false, watch, monotonicMs }, () => handler);
  const timer = setTimeout(() => connection.abandon('timeout'), connectTimeoutMs);
  socket.once('close', () => clearTimeout(timer));
  socket.once('connect', () => {
    clearTimeout(timer);
    if (isSelfConnected(socket)) connection.abandon('refused');
    else connection.opened();
  });
  return connection;
}

/** Whether both ends of the socket are the same (TCP's simultaneous open with oneself). */
export function isSelfConnected(socket: {
  localAddress?: string;
  localPort?: number;
  remoteAddress?: string;
  remotePort?: number;
}): boolean {
  return socket.localPort === socket.remotePort && socket.localAddress === socket.remoteAddress;
}
