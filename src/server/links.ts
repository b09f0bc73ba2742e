/** The links that this server dials to its peers, on the Member's orders. */
import type { Message } from '../core/protocol';
import { dial, type Connection, type FrameWatch, type Secure, type Turns } from '../core/transport/network';
import type { WarnOnce } from '../core/warn-once';
import type { Input } from './member/effects';

/** The state machine abandons slow dials long before this; it only bounds the effect of a bug. */
const CONNECT_TIMEOUT_MS = 60_000;

/** `secure` undefined: no TLS. */
export interface LinkTls {
  secure: Secure | undefined;
  /** Problems with peers, each reported once until the peer has recovered. */
  warnings: WarnOnce;
}

export class Links {
  private readonly links = new Map<number, { link: number; connection: Connection }>();

  constructor(
    private readonly addresses: ReadonlyMap<number, string>,
    private readonly shared: { watch: FrameWatch; turns: Turns },
    private readonly step: (input: Input) => void,
    private readonly tls: LinkTls,
  ) {}

  dial(peerId: number, link: number): void {
    this.drop(peerId);
    const isCurrent = (): boolean => this.links.get(peerId)?.link === link;
    const address = this.addresses.get(peerId)!;
    const { secure, warnings } = this.tls;
    const connection = dial(address, {
      secure,
      serverId: peerId,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      ...this.shared,
      handler: {
        onOpen: () => isCurrent() && this.step({ type: 'linkOpened', peerId, link }),
        onMessage: (message) => {
          warnings.well(address);
          if (isCurrent()) this.step({ type: 'linkMessage', peerId, link, message });
        },
        onTlsProblem: (problem) => warnings.say(address, `TLS with server ${peerId} (${address}): ${problem}`),
        onBody: () => {},
        onEnd: () => {},
        // A newer peer may send unknown messages: no reason to answer, or to drop the link.
        onUnknown: ({ code, message: problem }) => {
          if (code === 'bad_message' && isCurrent()) this.step({ type: 'linkNonsense', peerId, link, problem });
        },
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
