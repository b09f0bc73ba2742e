import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { envelopeHead, frame, RawConnection } from './raw';

/** One frame from a client, and the connection to answer on. */
export interface Said {
  kind: string;
  fields: Record<string, unknown>;
  /** The image of a TaskRequest. */
  body: Buffer;
  connection: RawConnection;
}

/** The answer to each kind of message; kinds that are missing here get none. */
export type Answers = Record<string, (said: Said, server: HostileServer) => unknown>;

/** A server on a real socket that sends whatever a test wants, valid or not. */
export class HostileServer {
  readonly said: Said[] = [];
  private readonly sockets = new Set<Socket>();
  private server: Server | undefined;

  private constructor(readonly answers: Answers) {}

  static async start(answers: Answers): Promise<HostileServer> {
    const hostile = new HostileServer(answers);
    const server = createServer((socket) => void hostile.serve(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    hostile.server = server;
    return hostile;
  }

  get address(): string {
    return `127.0.0.1:${(this.server!.address() as AddressInfo).port}`;
  }

  /** Bytes received, whatever they were. */
  get receivedBytes(): number {
    return [...this.sockets].reduce((sum, { bytesRead }) => sum + bytesRead, 0);
  }

  /** Bytes accepted by the clients' kernels. */
  get sentBytes(): number {
    return [...this.sockets].reduce((sum, socket) => sum + socket.bytesWritten - socket.writableLength, 0);
  }

  get connectionCount(): number {
    return this.sockets.size;
  }

  all(kind: string): Said[] {
    return this.said.filter((each) => each.kind === kind);
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server!.close(resolve));
  }

  private async serve(socket: Socket): Promise<void> {
    this.sockets.add(socket);
    const connection = RawConnection.over(socket);
    while (!connection.isClosed || connection.hasFrame) {
      // No bound here: the client ends it.
      const heard = await connection.next(2 ** 31 - 1).catch(() => undefined);
      if (heard === undefined) return;
      const { message, body } = heard;
      const kind = typeof message === 'string' ? message : Object.keys(message as object)[0]!;
      const fields = typeof message === 'string' ? {} : (message as Record<string, Record<string, unknown>>)[kind]!;
      const said = { kind, fields, body, connection };
      this.said.push(said);
      this.answers[kind]?.(said, this);
    }
  }
}

/** The usual two: it leads, and assigns every task to itself. */
export function assignsTo(id: number, address: (server: HostileServer) => string, more: object = {}): Answers {
  return {
    TaskAssignmentRequest: ({ fields, connection }, server) => {
      const assigned = { assigned_server_id: id, assigned_server_address: address(server) };
      const response = { request_id: fields['request_id'], ...assigned, leader_id: id, term: 1, ...more };
      connection.send(frame(JSON.stringify({ TaskAssignmentResponse: response })));
    },
  };
}

export function statusAnswer(id: number, more: object = {}): Answers {
  const status = {
    server_id: id,
    address: 'a:1',
    phase: 'ready',
    incarnation: 'i',
    version: '1',
    uptime_secs: 1,
    load: 1,
    workers: 1,
    active: 0,
    queued: 0,
    tasks_done: 0,
    outstanding: {},
    peers: [],
    term: 1,
    leader_id: id,
    ...more,
  };
  return { StatusQuery: ({ connection }) => connection.send(frame(JSON.stringify({ StatusResponse: status }))) };
}

/** The head of a success response with a body of `bodyLength` bytes, which the caller sends. */
export function successHead({ fields }: Said, bodyLength: number): Buffer {
  const response = { request_id: fields['request_id'], success: true, error_message: null };
  return envelopeHead({ TaskResponse: response }, bodyLength);
}
