import { CoverPyramid } from '../../src/imaging/cover-pyramid';
import { CarrierEncoder } from '../../src/imaging/carrier';
import type { Message, MessageOf } from '../../src/core/protocol';
import {
  type Connection,
  type ConnectionHandler,
  listen,
  type Listener,
  type Secure,
} from '../../src/core/transport/network';
import { photo } from '../imaging/photo';
import { status } from '../status/servers';

/** One message as a server received it; for a TaskRequest with its secret. */
export interface Heard<M = Message> {
  message: M;
  connection: Connection;
  secret: Buffer;
}

type Ask = Heard<MessageOf<'TaskAssignmentRequest'>>;
type Task = Heard<MessageOf<'TaskRequest'>>;

/** A server's behaviour; each test replaces the part that it is about. */
export interface Script {
  onAsk(ask: Ask, server: ScriptedServer): void;
  onTask(task: Task, server: ScriptedServer): void;
}

/** Every server that may be named as leader. */
const PEERS = Array.from({ length: 9 }, (_, index) => ({ id: index + 1, address: `server${index + 1}:1`, up: true }));

const pyramid = CoverPyramid.of(photo(612, 405), 8 * 1024 * 1024);

/** The carrier that a good server makes. */
export function carrierOf(secret: Uint8Array): Buffer {
  const encoder = new CarrierEncoder(pyramid, secret, 'stored');
  const parts: Uint8Array[] = [];
  for (let part = encoder.next(); part !== null; part = encoder.next()) parts.push(part);
  return Buffer.concat(parts);
}

/** A scripted server on a real socket: by default it leads, assigns every task to itself and answers it correctly. */
export class ScriptedServer {
  readonly heard: Heard[] = [];
  readonly script: Script = {
    onAsk: (ask) => this.assign(ask, this),
    onTask: (task) => this.answer(task),
  };
  acceptedCount = 0;
  /** False: it gives no sign of life when it is asked for one. */
  answersPings = true;
  private listener: Listener | undefined;
  private port = 0;
  private waiters: (() => void)[] = [];

  constructor(
    readonly id: number,
    private readonly secure?: Secure,
  ) {}

  static async start(id: number, script: Partial<Script> = {}, secure?: Secure): Promise<ScriptedServer> {
    const server = new ScriptedServer(id, secure);
    Object.assign(server.script, script);
    await server.open();
    return server;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get connections(): Connection[] {
    return [...(this.listener?.connections() ?? [])].filter(({ closed }) => !closed);
  }

  /** Starts listening; after a `close()`, on the same port. */
  async open(): Promise<void> {
    const onConnection = (connection: Connection): ConnectionHandler => this.handler(connection);
    this.listener = await listen({ host: '127.0.0.1', port: this.port, onConnection, secure: this.secure });
    this.port = this.listener.port;
  }

  async close(): Promise<void> {
    await this.listener?.close();
    this.listener = undefined;
  }

  /** Waits for the first `count` messages of a kind. */
  async got<K extends Message['kind']>(kind: K, count = 1): Promise<Heard<MessageOf<K>>[]> {
    for (;;) {
      const found = this.all(kind);
      if (found.length >= count) return found.slice(0, count);
      await this.change();
    }
  }

  all<K extends Message['kind']>(kind: K): Heard<MessageOf<K>>[] {
    return this.heard.filter(({ message }) => message.kind === kind) as Heard<MessageOf<K>>[];
  }

  /** Resolves when `isTrue` holds; it is checked on every message and every change of connections. */
  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await this.change();
  }

  assign({ connection, message }: Ask, to: { id: number; address: string }, leaderId: number | null = this.id): void {
    connection.send({
      kind: 'TaskAssignmentResponse',
      request_id: message.request_id,
      assigned_server_id: to.id,
      assigned_server_address: to.address,
      leader_id: leaderId,
      term: 7,
    });
  }

  /** Sends a response with a body, by default the right carrier. */
  answer(
    { connection, message, secret }: Task,
    body: Uint8Array = carrierOf(secret),
    requestId = message.request_id,
  ): void {
    const response = { request_id: requestId, success: true, error_message: null };
    connection.sendBody({ kind: 'TaskResponse', ...response }, body.length).write(body);
  }

  refuse({ connection, message }: Task, error_code: string | undefined, error_message: string): void {
    connection.send({
      kind: 'TaskResponse',
      request_id: message.request_id,
      success: false,
      error_message,
      ...(error_code !== undefined && { error_code }),
    });
  }

  private handler(connection: Connection): ConnectionHandler {
    let message: Message | undefined;
    let chunks: Uint8Array[] = [];
    this.acceptedCount += 1;
    this.wake();
    return {
      onMessage: (head) => {
        message = head;
        chunks = [];
      },
      onBody: (chunk) => chunks.push(chunk),
      onEnd: () => this.hear({ message: message!, connection, secret: Buffer.concat(chunks) }),
      onClose: () => this.wake(),
    };
  }

  private hear(heard: Heard): void {
    this.heard.push(heard);
    if (heard.message.kind === 'StatusQuery')
      heard.connection.send({ kind: 'StatusResponse', ...status(this.id, { peers: PEERS }) });
    if (heard.message.kind === 'LeaderQuery' && this.answersPings)
      heard.connection.send({ kind: 'LeaderResponse', leader_id: this.id, term: 7, leader_address: null });
    if (heard.message.kind === 'TaskAssignmentRequest') this.script.onAsk(heard as Ask, this);
    if (heard.message.kind === 'TaskRequest') this.script.onTask(heard as Task, this);
    this.wake();
  }

  private wake(): void {
    for (const waiter of this.waiters.splice(0)) waiter();
  }

  private change(): Promise<void> {
    return new Promise((resolve) => this.waiters.push(resolve));
  }
}
