/** Accepts connections within limits (docs/protocol.md, "Limits that every listener keeps"). */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { ClusterError } from '../errors';
import { formatAddress } from './address';
import { Connection, type ConnectionHandler } from './connection';
import { HIGH_WATER_MARK_BYTES, KEEP_ALIVE_DELAY_MS } from './dial';
import { ACCEPTED_LIMITS, type FrameLimits } from './frame-limits';
import { FrameWatch } from './frame-watch';

export const DEFAULT_MAX_CONNECTIONS = 16_384;

/** The kernel cuts it to net.core.somaxconn. */
const BACKLOG = 4_096;

export interface ListenOptions {
  host: string;
  /** 0: any free one. */
  port: number;
  /** Gets each new connection, still silent, and returns who hears of it. */
  onConnection(connection: Connection): ConnectionHandler;
  /** Default: ACCEPTED_LIMITS. */
  limits?: FrameLimits;
  maxConnections?: number;
  /** Places that only subscribers fill: one for each configured peer. */
  reservedPlaces?: number;
  /** Default: one of its own with `frameTimeoutMs` 30,000 and `maxPendingBytes` 128 MiB. */
  watch?: FrameWatch;
  /** Trouble of the listening socket after it began to listen. */
  onError?(error: Error): void;
  monotonicMs?(): number;
}

export class Listener {
  readonly watch: FrameWatch;
  readonly #server: Server;
  readonly #options: ListenOptions;
  readonly #connections = new Set<Connection>();

  constructor(options: ListenOptions) {
    this.#options = options;
    this.watch = options.watch ?? new FrameWatch();
    this.#server = createServer(
      {
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
        highWaterMark: HIGH_WATER_MARK_BYTES,
      },
      (socket) => this.#accept(socket),
    );
  }

  /** The port that is listened on. */
  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** The accepted connections whose sockets are open, those that say their last word included. */
  connections(): IterableIterator<Connection> {
    return this.#connections.values();
  }

  /** Rejects with ClusterError `address_in_use`, or `bad_config` for an address that cannot be listened on. */
  open(): Promise<void> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      const onError = (error: NodeJS.ErrnoException): void => reject(listenError(error, formatAddress(host, port)));
      this.#server.once('error', onError);
      this.#server.listen({ host, port, backlog: BACKLOG }, () => {
        this.#server.off('error', onError);
        this.#server.on('error', (error) => this.#options.onError?.(error));
        resolve();
      });
    });
  }

  /** New connections are refused from now on; those that exist go on. */
  stopAccepting(): void {
    this.#server.close();
  }

  /** Closes everything at once; resolves when all sockets are gone. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      for (const connection of this.#connections) connection.destroy();
    });
  }

  #accept(socket: Socket): void {
    const { limits = ACCEPTED_LIMITS, monotonicMs = () => performance.now(), onConnection } = this.#options;
    const options = { limits, isAccepted: true, watch: this.watch, monotonicMs };
    const connection = new Connection(socket, options, (each) => onConnection(each));
    this.#connections.add(connection);
    socket.once('close', () => this.#connections.delete(connection));
    this.#makeRoom(connection);
  }

  /** Closes idle connections until the limits hold again, the reserved places counted as taken. */
  #makeRoom(newcomer: Connection): void {
    const { maxConnections = DEFAULT_MAX_CONNECTIONS, reservedPlaces = 0 } = this.#options;
    if (this.#connections.size <= maxConnections - reservedPlaces) return;
    let subscriberCount = 0;
    for (const connection of this.#connections) if (connection.isSubscriber) subscriberCount++;
    const freePlaces = Math.max(0, reservedPlaces - subscriberCount);
    while (this.#connections.size + freePlaces > maxConnections) {
      const victim = this.watch.idlest(newcomer) ?? newcomer;
      victim.destroy();
      this.#connections.delete(victim);
      this.watch.remove(victim);
      if (victim === newcomer) return;
    }
  }
}

/** Listens; see ListenOptions and `Listener.open`. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const listener = new Listener(options);
  await listener.open();
  return listener;
}

function listenError(error: NodeJS.ErrnoException, address: string): ClusterError {
  if (error.code === 'EADDRINUSE') {
    return new ClusterError('address_in_use', `${address} is in use by another program`, { cause: error });
  }
  return new ClusterError('bad_config', `cannot listen on ${address}: ${error.message}`, { cause: error });
}
