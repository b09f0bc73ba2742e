/**
 * The first exchange at an address that is only hearsay: asks for the status, and sends nothing else until the other
 * side has proved that it is a server of this cluster.
 */
import type { Clock } from '../core/environment';
import type { Message, StatusFields } from '../core/protocol';
import { fairTimeout } from '../core/system/fair-timeout';
import type { Connection } from '../core/transport/network';

/** The server expected at an address that only another server reported. */
export interface ExpectedServer {
  id: number;
  /** The leader that assigned the task at that time; null: none. */
  leaderId: number | null;
}

export class Introduction {
  private readonly untold: (() => void)[] = [];
  private cancelTimeout: (() => void) | undefined;

  /** `timeoutMs`: for the response. */
  constructor(
    private readonly expected: ExpectedServer,
    private readonly timeoutMs: number,
    private readonly clock: Clock,
  ) {}

  /** Defers sending until the server is known. */
  later(tell: () => void): void {
    this.untold.push(tell);
  }

  /** Asks over the open connection; closes it if there is no response. */
  ask(connection: Pick<Connection, 'send' | 'abandon'>): void {
    this.cancelTimeout = fairTimeout(this.timeoutMs, () => connection.abandon('timeout'), this.clock);
    connection.send({ kind: 'StatusQuery' });
  }

  /** Returns why this is not the expected server, as a statement about it; undefined if it is. */
  problem(message: Message): string | undefined {
    if (message.kind === 'StatusResponse') return strangerProblem(message, this.expected);
    return 'it does not report its server id';
  }

  /** The server is known: sends the deferred messages. */
  done(): void {
    this.end();
    for (const tell of this.untold.splice(0)) tell();
  }

  /** Stops waiting for a response. */
  end(): void {
    this.cancelTimeout?.();
  }
}

function strangerProblem(
  { server_id: id, peers }: StatusFields,
  { id: expectedId, leaderId }: ExpectedServer,
): string | undefined {
  if (id !== expectedId) return `it is server ${id}, expected server ${expectedId}`;
  if (leaderId === null || leaderId === id || peers.some((peer) => peer.id === leaderId)) return undefined;
  return `it does not know server ${leaderId}, the leader that assigned the task`;
}
