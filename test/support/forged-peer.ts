import { createServer, type Server, type Socket } from 'node:net';
import { plain } from './raw';

/** Listens at the address of a configured peer and sends whatever a test wants to each server that dials it. */
export class ForgedPeer {
  /** Connections so far. */
  dialCount = 0;
  private readonly sockets = new Set<Socket>();
  private words: unknown[] = [];
  private flood: Buffer | null = null;

  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => {
      this.dialCount += 1;
      this.sockets.add(socket);
      socket.on('error', () => undefined); // 'close' follows
      socket.on('close', () => this.sockets.delete(socket));
      socket.on('data', () => undefined);
      for (const word of this.words) socket.write(plain(word));
      socket.on('drain', () => this.pour(socket));
      this.pour(socket);
    });
  }

  static async listen(port: number): Promise<ForgedPeer> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
    return new ForgedPeer(server);
  }

  /** Sends to all current connections, and first thing on every later one. */
  say(...words: unknown[]): void {
    this.words = words;
    for (const socket of this.sockets) for (const word of words) socket.write(plain(word));
  }

  /** Sends whole frames to all current and later connections, over and over, as fast as they are read. */
  sayEndlessly(frames: Buffer): void {
    this.flood = frames;
    for (const socket of this.sockets) this.pour(socket);
  }

  private pour(socket: Socket): void {
    if (this.flood !== null) while (socket.write(this.flood));
  }

  async close(): Promise<void> {
    this.flood = null;
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
