import { createServer, type Server, type Socket } from 'node:net';
import { plain, RawConnection } from '../../support/raw';

const HEARTBEAT_MS = 100;

/** A peer that hears everybody and claims in every heartbeat to lead in a term of its choice. */
export class FakePeer {
  sentBytes = 0;
  private readonly sockets = new Set<Socket>();
  private timer: NodeJS.Timeout | undefined;

  private constructor(
    private readonly server: Server,
    private readonly links: RawConnection[],
  ) {}

  static async start(
    id: number,
    port: number,
    others: readonly { id: number; address: string }[],
    term: number,
  ): Promise<FakePeer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const links = await Promise.all(others.map(({ address }) => RawConnection.open(address)));
    for (const link of links) link.send(plain({ Subscribe: { from_id: id } })).socket.on('data', () => {});
    const peer = new FakePeer(server, links);
    const heartbeat = plain({
      Heartbeat: {
        from_id: id,
        timestamp: Date.now() / 1000,
        load: 0,
        term,
        leader_id: id,
        incarnation: '0123456789abcdef',
        workers: 1,
        phase: 'ready',
        hears: others.map((other) => other.id),
      },
    });
    server.on('connection', (socket) => {
      peer.sockets.add(socket);
      socket.on('error', () => {}).on('data', () => {});
      peer.tell(socket, heartbeat);
    });
    peer.timer = setInterval(() => peer.sockets.forEach((socket) => peer.tell(socket, heartbeat)), HEARTBEAT_MS);
    return peer;
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    for (const link of this.links) link.destroy();
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private tell(socket: Socket, frame: Buffer): void {
    if (socket.write(frame)) this.sentBytes += frame.length;
  }
}
