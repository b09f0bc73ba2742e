import type { Message } from '../core/protocol';
import { dial, type Connection, type FrameWatch } from '../core/transport/network';
import type { Input } from './effects';

/** The state machine gives up on slow dials long before this; it only bounds what a bug could leave behind. */
const CONNECT_TIMEOUT_MS = 60_000;

/** The links that this server dials to its peers, as the Member orders them. */
export class Links {
  private readonly links = new Map<number, { link: number; connection: Connection }>();

  constructor(
    private readonly addresses: ReadonlyMap<number, string>,
    private readonly watch: FrameWatch,
    private readonly step: (input: Input) => void,
  ) {}

  dial(peerId: number, link: number): void {
    this.drop(peerId);
    const isCurrent = (): boolean => this.links.get(peerId)?.link === link;
    const connection = dial(this.addresses.get(peerId)!, {
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      watch: this.watch,
      handler: {
        onOpen: () => isCurrent() && this.step({ type: 'linkOpened', peerId, link }),
        onMessage: (message) => isCurrent() && this.step({ type: 'linkMessage', peerId, link, message }),
        onBody: () => {},
        onEnd: () => {},
        // A newer peer may say things that we do not know: that is no reason to answer, or to give the link up.
        onUnknown: () => {},
        onClose: (reason) =>
          isCurrent() && this.step({ type: 'linkClosed', peerId, link, refused: reason === 'refused' }),
      },
    });
    this.links.set(peerId, { link, connection });
  }

  drop(peerId: number): void {
    const link = this.links.get(peerId);
    this.links.delete(peerId);
    link?.connection.destroy();
  }

  send(peerId: number, link: number, message: Message): void {
    const current = this.links.get(peerId);
    if (current?.link === link) current.connection.send(message);
  }

  close(): void {
    for (const peerId of [...this.links.keys()]) this.drop(peerId);
  }
}
