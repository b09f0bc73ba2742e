import { connect, type Socket } from 'node:net';

/** One frame from a server: the message as JSON, and the body's length if it came in an envelope. */
export interface RawFrame {
  message: unknown;
  body: Buffer;
}

const ENVELOPE = 0x01;

/** A frame of these bytes, preceded by their length (or by another one). */
export function frame(bytes: Buffer | string, claimedLength = Buffer.byteLength(bytes)): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(claimedLength);
  return Buffer.concat([head, Buffer.from(bytes as string)]);
}

export function plain(message: unknown): Buffer {
  return frame(JSON.stringify(message));
}

/** An envelope that announces a body of `bodyLength` bytes; the caller sends the body. */
export function envelopeHead(message: unknown, bodyLength: number): Buffer {
  const json = Buffer.from(JSON.stringify(message));
  const head = Buffer.alloc(9);
  head.writeUInt32BE(5 + json.length + bodyLength);
  head[4] = ENVELOPE;
  head.writeUInt32BE(json.length, 5);
  return Buffer.concat([head, json]);
}

export function taskRequest(client_name: string, request_id: number): { TaskRequest: Record<string, unknown> } {
  return { TaskRequest: { client_name, request_id, run_id: 'raw', assigned_by_leader: 1 } };
}

/** A socket that sends whatever a test wants, valid or not, and parses the frames that come back. */
export class RawConnection {
  isClosed = false;
  private readonly frames: RawFrame[] = [];
  private chunks: Buffer[] = [];
  private size = 0;
  private neededBytes = 4;
  private waiters: (() => void)[] = [];

  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
    socket.on('drain', () => this.wake());
    socket.on('error', () => undefined); // 'close' follows
    socket.on('close', () => {
      this.isClosed = true;
      this.wake();
    });
  }

  /** Wraps a socket that a test's own server accepted. */
  static over(socket: Socket): RawConnection {
    return new RawConnection(socket);
  }

  static open(address: string): Promise<RawConnection> {
    const [host, port] = address.split(':');
    return new Promise((resolve, reject) => {
      const socket = connect({ host: host!, port: Number(port), noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => resolve(new RawConnection(socket)));
    });
  }

  /** Opens connections that never read what the server sends. */
  static openMany(address: string, count: number): Promise<RawConnection[]> {
    return Promise.all(Array.from({ length: count }, () => RawConnection.open(address)));
  }

  /** True if a whole frame has arrived that `next` has not returned. */
  get hasFrame(): boolean {
    return this.frames.length > 0;
  }

  /** Stops reading, as a hung reader does, so that the kernel's buffers fill up. */
  stopReading(): this {
    this.socket.pause();
    return this;
  }

  send(bytes: Buffer): this {
    if (!this.isClosed) this.socket.write(bytes);
    return this;
  }

  /**
   * Sends `chunk` repeatedly until `totalBytes` are out or the server closes; returns how many bytes were handed over.
   */
  async stream(chunk: Buffer, totalBytes: number): Promise<number> {
    let sentBytes = 0;
    while (sentBytes < totalBytes && !this.isClosed && this.socket.writable) {
      const part = totalBytes - sentBytes >= chunk.length ? chunk : chunk.subarray(0, totalBytes - sentBytes);
      const isRoom = this.socket.write(part);
      sentBytes += part.length;
      if (!isRoom) await this.changed();
    }
    return sentBytes;
  }

  /** The next frame; rejects if none arrives in time or the connection closes first. */
  async next(timeoutMs = 5000): Promise<RawFrame> {
    await this.until('a frame comes', () => this.frames.length > 0 || this.isClosed, timeoutMs);
    const next = this.frames.shift();
    if (!next) throw new Error('the server closed the connection without an answer');
    return next;
  }

  async ask(message: unknown): Promise<unknown> {
    return (await this.send(plain(message)).next()).message;
  }

  async closed(timeoutMs = 5000): Promise<void> {
    await this.until('the server closes the connection', () => this.isClosed, timeoutMs);
  }

  destroy(): void {
    this.socket.destroy();
  }

  private async until(what: string, isSo: () => boolean, timeoutMs: number): Promise<void> {
    const endMs = performance.now() + timeoutMs;
    while (!isSo()) {
      const leftMs = endMs - performance.now();
      if (leftMs <= 0) throw new Error(`not within ${timeoutMs} ms: ${what}`);
      await this.changed(leftMs);
    }
  }

  /** Resolves when something was received, was sent or ended, or after `timeoutMs`. */
  private changed(timeoutMs?: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = timeoutMs === undefined ? undefined : setTimeout(() => this.wake(), timeoutMs);
      this.waiters.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  private wake(): void {
    for (const waiter of this.waiters.splice(0)) waiter();
  }

  private receive(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.size += chunk.length;
    while (this.size >= this.neededBytes) {
      const all = this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks);
      this.chunks = [all];
      const length = all.readUInt32BE(0);
      if (this.neededBytes === 4 && length > 0) {
        this.neededBytes = 4 + length;
        continue;
      }
      this.frames.push(parse(all.subarray(4, 4 + length)));
      this.chunks = [all.subarray(4 + length)];
      this.size -= 4 + length;
      this.neededBytes = 4;
    }
    this.wake();
  }
}

function parse(bytes: Buffer): RawFrame {
  if (bytes[0] !== ENVELOPE) return { message: JSON.parse(bytes.toString()), body: Buffer.alloc(0) };
  const headerEnd = 5 + bytes.readUInt32BE(1);
  return { message: JSON.parse(bytes.toString('utf8', 5, headerEnd)), body: bytes.subarray(headerEnd) };
}
