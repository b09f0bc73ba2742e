import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { ClusterError } from '../../../src/core/errors';
import type { Message } from '../../../src/core/protocol';
import {
  type CloseReason,
  type Connection,
  type ConnectionHandler,
  listen,
  type Listener,
  type ListenOptions,
} from '../../../src/core/transport/network';
import { encodeMessage, FrameDecoder } from '../../../src/core/transport/wire/frame';
import { LIMITS } from './recorder';

/** A queue whose items can be awaited. */
export class Queue<T> {
  private readonly items: T[] = [];
  private readonly waiters: ((item: T) => void)[] = [];

  push(item: T): void {
    const waiter = this.waiters.shift();
    if (waiter) waiter(item);
    else this.items.push(item);
  }

  next(): Promise<T> {
    if (this.items.length > 0) return Promise.resolve(this.items.shift() as T);
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  get size(): number {
    return this.items.length;
  }
}

/** Records the calls of a connection's handler. */
export class Ear implements ConnectionHandler {
  readonly messages = new Queue<Message>();
  readonly bodies = new Queue<Buffer>();
  readonly errors = new Queue<ClusterError>();
  readonly closes = new Queue<CloseReason>();
  readonly tlsProblems = new Queue<string>();
  readonly opens = new Queue<true>();
  closeCount = 0;
  private chunks: Uint8Array[] = [];

  onOpen(): void {
    this.opens.push(true);
  }

  onMessage(message: Message): void {
    this.messages.push(message);
  }

  onBody(chunk: Uint8Array): void {
    this.chunks.push(chunk);
  }

  onEnd(): void {
    this.bodies.push(Buffer.concat(this.chunks.splice(0)));
  }

  onProtocolError(error: ClusterError): void {
    this.errors.push(error);
  }

  onTlsProblem(problem: string): void {
    this.tlsProblems.push(problem);
  }

  onClose(reason: CloseReason): void {
    this.closeCount++;
    this.closes.push(reason);
  }
}

export interface Accepted {
  connection: Connection;
  ear: Ear;
}

const cleanups: (() => unknown)[] = [];

/** Cleans up after each test. */
export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0)) await cleanup();
}

/** Starts a listener; its connections come out of a queue. */
export async function listening(
  options: Partial<ListenOptions> = {},
): Promise<{ listener: Listener; accepted: Queue<Accepted>; address: string }> {
  const accepted = new Queue<Accepted>();
  const onConnection = (connection: Connection): Ear => {
    const ear = new Ear();
    accepted.push({ connection, ear });
    return ear;
  };
  const listener = await listen({ host: '127.0.0.1', port: 0, onConnection, ...options });
  cleanups.push(() => listener.close());
  return { listener, accepted, address: `127.0.0.1:${listener.port}` };
}

export interface RawClient {
  socket: Socket;
  messages: Queue<Message>;
  /** Resolves when the other side ended or reset the connection. */
  closed: Promise<void>;
}

/** A client without our Connection: writes anything, reads messages. */
export async function rawClient(port: number): Promise<RawClient> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  cleanups.push(() => socket.destroy());
  const messages = new Queue<Message>();
  const nothing = (): void => undefined;
  const onMessage = (message: Message): void => messages.push(message);
  const decoder = new FrameDecoder(LIMITS, { onMessage, onBody: nothing, onEnd: nothing, onUnknown: nothing });
  socket.on('data', (chunk) => decoder.push(chunk));
  socket.on('error', nothing);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await new Promise((resolve) => socket.once('connect', resolve));
  return { socket, messages, closed };
}

/** Starts a server of plain sockets. */
export async function rawServer(onSocket: (socket: Socket) => void): Promise<{ server: Server; address: string }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return { server, address: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** Pauses the client, and sends to it until the connection stops reading as well. */
export async function leaveUnread(connection: Connection, client: Pick<RawClient, 'socket'>): Promise<void> {
  client.socket.pause();
  const frame = encodeMessage({
    kind: 'TaskResponse',
    request_id: 1,
    success: false,
    error_message: 'x'.repeat(60_000),
  });
  while (!connection.isPaused) {
    connection.sendFrame(frame);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
