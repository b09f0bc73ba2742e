import type { Socket } from 'node:net';
import { envelopeHead, plain, RawConnection, taskRequest } from './raw';

/** Small messages that are expensive for a server, by kind; each gets its number. */
export const SMALL_MESSAGES: Record<string, (n: number) => Buffer> = {
  StatusQuery: () => plain('StatusQuery'),
  LeaderQuery: () => plain('LeaderQuery'),
  LeaderCheck: () => plain({ LeaderCheck: { check_id: 1, hops_left: 8 } }),
  TaskAssignmentRequest: (n) => plain({ TaskAssignmentRequest: { client_name: '', request_id: n } }),
  TaskStatusQuery: (n) => plain({ TaskStatusQuery: { client_name: '', request_id: n } }),
  TaskRequest: (n) => Buffer.concat([envelopeHead(taskRequest('', n), 1), Buffer.from('x')]),
  'empty TaskRequest': (n) => envelopeHead(taskRequest('', n), 0),
  TaskCancel: (n) => plain({ TaskCancel: { client_name: '', request_id: n } }),
  Subscribe: () => plain({ Subscribe: { from_id: 99 } }),
  'unknown message': () => plain('x'),
  // Each is one unit of work, however long it takes.
  'long message': (n) => plain({ TaskCancel: { client_name: '', request_id: n, more: Array(9_000).fill([]) } }),
  'missing fields': () => plain({ Leave: {} }),
};

const CHUNK_BYTES = 65_536;

/** Connections that send one kind of small message as fast as a server reads it, and reconnect when they are closed. */
export class Flood {
  private closedBytes = 0;
  private readonly open = new Set<RawConnection>();
  private isOver = false;

  private constructor(
    private readonly address: string,
    private readonly chunk: Buffer,
    private readonly reads: boolean,
  ) {}

  static async start(address: string, kind: string, connections: number, { reads = true } = {}): Promise<Flood> {
    const flood = new Flood(address, chunkOf(SMALL_MESSAGES[kind]!), reads);
    await Promise.all(Array.from({ length: connections }, () => flood.dial()));
    return flood;
  }

  /** The bytes that the kernel has accepted so far. */
  get sentBytes(): number {
    return [...this.open].reduce((sum, { socket }) => sum + takenBytes(socket), this.closedBytes);
  }

  stop(): void {
    this.isOver = true;
    for (const connection of this.open) connection.destroy();
  }

  private async dial(): Promise<void> {
    const connection = await RawConnection.open(this.address);
    this.open.add(connection);
    // Responses are read and discarded: parsing them would cost this process more than the server.
    connection.socket.removeAllListeners('data').on('data', () => undefined);
    if (!this.reads) connection.stopReading();
    void this.pour(connection);
  }

  private async pour(connection: RawConnection): Promise<void> {
    await connection.stream(this.chunk, Number.MAX_SAFE_INTEGER);
    this.open.delete(connection);
    this.closedBytes += takenBytes(connection.socket);
    if (!this.isOver) await this.dial().catch(() => undefined);
  }
}

function takenBytes({ bytesWritten, writableLength }: Socket): number {
  return bytesWritten - writableLength;
}

function chunkOf(messageOf: (n: number) => Buffer): Buffer {
  const messages: Buffer[] = [];
  for (let bytes = 0; bytes < CHUNK_BYTES; bytes += messages.at(-1)!.length) messages.push(messageOf(messages.length));
  return Buffer.concat(messages);
}

/** Asks for the leader over and over on one connection until stopped; returns every response time in ms. */
export async function waitsOf(address: string, isOver: () => boolean, pauseMs = 10): Promise<number[]> {
  const waitsMs: number[] = [];
  const connection = await RawConnection.open(address);
  while (!isOver()) {
    const startMs = performance.now();
    await connection.ask('LeaderQuery');
    waitsMs.push(performance.now() - startMs);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  connection.destroy();
  return waitsMs;
}
