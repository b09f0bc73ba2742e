/** Accepts connections within limits (docs/protocol.md, "Limits of every listener"). */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { ClusterError } from '../errors';
import { formatAddress } from './address';
import { Connection, type ConnectionHandler } from './connection';
import { HIGH_WATER_MARK_BYTES, KEEP_ALIVE_DELAY_MS } from './dial';
import { ACCEPTED_LIMITS, type FrameLimits } from './wire/frame-limits';
import { FrameWatch } from './frame-watch';
import { guarded } from './guard';
import type { Secure } from './tls';
import { Turns } from './turns';

export const DEFAULT_MAX_CONNECTIONS = 16_384;

/** The kernel caps it at net.core.somaxconn. */
const BACKLOG = 4_096;

const DEFAULT_HANDSHAKE_TIMEOUT_MS = 5_000;
/** More than a crowd of clients that all connect at the same moment; about 50 KB each. */
export const DEFAULT_MAX_HANDSHAKES = 1_024;

export interface ListenOptions {
  host: string;
  /** 0: any free port. */
  port: number;
  /** Gets each new connection before any event of it, and returns its handler. */
  onConnection(connection: Connection): ConnectionHandler;
  /** Default: ACCEPTED_LIMITS. */
  limits?: FrameLimits;
  maxConnections?: number;
  /** Places reserved for subscribers: one for each configured peer. */
  reservedPlaces?: number;
  /** Default: a separate one with `frameTimeoutMs` 30,000 and `maxPendingBytes` 128 MiB. */
  watch?: FrameWatch;
  /** Default: a separate one. */
  turns?: Turns;
  /** An error of the listening socket after it began to listen. */
  onError?(error: Error): void;
  monotonicMs?(): number;
  /** Absent: no TLS; with it a connection is new when its handshake is done. */
  secure?: Secure;
  /** Default 5,000. */
  handshakeTimeoutMs?: number;
  /** With `secure`: most handshakes in progress, in addition to the connections. Default 1,024. */
  maxHandshakes?: number;
  /** With `secure`: a connection was refused. */
  onTlsProblem?(remoteAddress: string, problem: string): void;
}

export class Listener {
  readonly watch: FrameWatch;
  private readonly server: Server;
  private readonly accepted = new Set<Connection>();
  private readonly closed = { readBytes: 0, writtenBytes: 0 };
  private readonly handshakes;
  private readonly turns: Turns;

  constructor(private readonly options: ListenOptions) {
    this.watch = options.watch ?? new FrameWatch();
    this.turns = options.turns ?? new Turns({ monotonicMs: options.monotonicMs ?? (() => performance.now()) });
    const handshakes = options.secure?.handshakes({
      timeoutMs: options.handshakeTimeoutMs ?? DEFAULT_HANDSHAKE_TIMEOUT_MS,
      maxCount: options.maxHandshakes ?? DEFAULT_MAX_HANDSHAKES,
      guard: this.watch,
      onSecure: (socket) => this.accept(socket),
      onProblem: (remoteAddress, problem) => options.onTlsProblem?.(remoteAddress, problem),
    });
    this.handshakes = handshakes;
    this.server = createServer(
      {
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
        highWaterMark: HIGH_WATER_MARK_BYTES,
      },
      (socket) =>
        guarded(socket, this.watch, () => (handshakes === undefined ? this.accept(socket) : handshakes.begin(socket))),
    );
  }

  /** The port that it listens on. */
  get port(): number {
    return (this.server.address() as AddressInfo | null)?.port ?? 0;
  }

  get connectionCount(): number {
    return this.accepted.size;
  }

  /** Bytes moved by all accepted connections so far. */
  get traffic(): { readBytes: number; writtenBytes: number } {
    let { readBytes, writtenBytes } = this.closed;
    for (const { bytesRead, bytesWritten } of this.accepted) {
      readBytes += bytesRead;
      writtenBytes += bytesWritten;
    }
    return { readBytes, writtenBytes };
  }

  /** The accepted connections with open sockets, including those being closed. */
  connections(): IterableIterator<Connection> {
    return this.accepted.values();
  }

  /**
   * Starts to listen.
   * @throws ClusterError `address_in_use`, or `bad_config` if the address cannot be listened on (as a rejection)
   */
  open(): Promise<void> {
    const { host, port } = this.options;
    return new Promise((resolve, reject) => {
      const onError = (error: NodeJS.ErrnoException): void => reject(listenError(error, formatAddress(host, port)));
      this.server.once('error', onError);
      this.server.listen({ host, port, backlog: BACKLOG }, () => {
        this.server.off('error', onError);
        this.server.on('error', (error) => this.options.onError?.(error));
        resolve();
      });
    });
  }

  /** Refuses new connections from now on; existing ones stay open. */
  stopAccepting(): void {
    this.server.close();
  }

  /** Closes everything at once; resolves when all sockets are gone. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      for (const connection of this.accepted) connection.destroy();
      this.handshakes?.close();
    });
  }

  /** Closes each connection once everything begun on it has been written; resolves when all sockets are gone. */
  end(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      for (const connection of this.accepted) void connection.endWhenWritten(withinMs);
      this.handshakes?.close();
    });
  }

  private accept(socket: Socket): void {
    const { limits = ACCEPTED_LIMITS, monotonicMs = () => performance.now(), onConnection } = this.options;
    const options = { limits, isAccepted: true, watch: this.watch, turns: this.turns, monotonicMs };
    const connection = new Connection(socket, options, (each) => onConnection(each));
    this.accepted.add(connection);
    socket.once('close', () => this.forget(connection));
    this.makeRoom(connection);
  }

  private forget(connection: Connection): void {
    if (!this.accepted.delete(connection)) return;
    this.closed.readBytes += connection.bytesRead;
    this.closed.writtenBytes += connection.bytesWritten;
  }

  /** Closes idle connections until the limits hold again; reserved places count as taken. */
  private makeRoom(newcomer: Connection): void {
    const { maxConnections = DEFAULT_MAX_CONNECTIONS, reservedPlaces = 0 } = this.options;
    if (this.accepted.size <= maxConnections - reservedPlaces) return;
    let subscriberCount = 0;
    for (const connection of this.accepted) if (connection.isSubscriber) subscriberCount++;
    const freePlaces = Math.max(0, reservedPlaces - subscriberCount);
    while (this.accepted.size + freePlaces > maxConnections) {
      const victim = this.watch.idlest(newcomer) ?? newcomer;
      victim.destroy();
      this.forget(victim);
      this.watch.remove(victim);
      if (victim === newcomer) return;
    }
  }
}

/** Opens a listener; see ListenOptions and `Listener.open`. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const listener = new Listener(options);
  await listener.open();
  return listener;
}

/** Converts the error of a failed listen, as `Listener.open` reports it. */
export function listenError(error: NodeJS.ErrnoException, address: string): ClusterError {
  if (error.code === 'EADDRINUSE') {
    return new ClusterError('address_in_use', `${address} is in use by another program`, { cause: error });
  }
  return new ClusterError('bad_config', `cannot listen on ${address}: ${error.message}`, { cause: error });
}
