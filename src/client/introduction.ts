import type { Message, StatusFields } from '../core/protocol';
import type { Connection } from '../core/transport/network';

/** Who must be at an address that only a server named, by what that one said. */
export interface ExpectedServer {
  id: number;
  /** Who led then, and assigned the task; null: nobody. */
  leaderId: number | null;
}

/**
 * The first words with whoever is at an address of hearsay: he is asked for his status, and nothing else is said before
 * he has shown that he is a server of this cluster.
 */
export class Introduction {
  readonly #expected: ExpectedServer;
  readonly #timeoutMs: number;
  readonly #untold: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** `timeoutMs`: for the answer. */
  constructor(expected: ExpectedServer, timeoutMs: number) {
    this.#expected = expected;
    this.#timeoutMs = timeoutMs;
  }

  /** To be said once he is known. */
  later(tell: () => void): void {
    this.#untold.push(tell);
  }

  /** Asks, over the connection that is there now; ends it where no answer comes. */
  ask(connection: Connection): void {
    this.#timer = setTimeout(() => connection.abandon('timeout'), this.#timeoutMs);
    connection.send({ kind: 'StatusQuery' });
  }

  /** Why he is not the one who was meant, as said of him; undefined: he is. */
  problem(message: Message): string | undefined {
    if (message.kind === 'StatusResponse') return strangerProblem(message, this.#expected);
    return 'it does not say which server it is';
  }

  /** He is known: says what was to be said. */
  done(): void {
    this.end();
    for (const tell of this.#untold.splice(0)) tell();
  }

  /** Waits for no answer any more. */
  end(): void {
    clearTimeout(this.#timer);
  }
}

function strangerProblem(
  { server_id: id, peers }: StatusFields,
  { id: expectedId, leaderId }: ExpectedServer,
): string | undefined {
  if (id !== expectedId) return `it is server ${id}, where server ${expectedId} was said to be`;
  if (leaderId === null || leaderId === id || peers.some((peer) => peer.id === leaderId)) return undefined;
  return `it knows no server ${leaderId}, which leads and assigned the task`;
}
