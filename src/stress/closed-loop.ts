import type { ClientImage } from '../client/client';
import { Load } from '../client/load';
import type { Pacing } from '../config/client-config';
import type { Clock } from '../core/environment';
import { seededRandom } from '../core/random';
import type { StressClient } from './stress-client';

export interface ClosedLoopOptions {
  clients: readonly StressClient[];
  images: readonly ClientImage[];
  pacing: Extract<Pacing, { mode: 'closed_loop' }>;
  /** Per client; it ends at whichever limit comes first. */
  totalRequests?: number;
  durationMs?: number;
  /** Clients start spread over this time. */
  rampUpMs: number;
  /** Combined with the client's number it determines its images and think times. */
  seed: number;
  clock: Clock;
  onStart(index: number): void;
  onSend?(lateMs: number): void;
}

/** A closed loop: each client sends a think time after its last request ended, so slow servers reduce the load. */
export class ClosedLoop {
  /** Always 0: a client that is busy has nothing to send. */
  readonly waitedCount = 0;
  readonly #loads: Load[];
  readonly #options: ClosedLoopOptions;

  constructor(options: ClosedLoopOptions) {
    this.#options = options;
    const { clients, rampUpMs, seed, onStart, ...load } = options;
    this.#loads = clients.map((client, index) => {
      return new Load({
        ...load,
        random: seededRandom(seed + index + 1),
        // The first request also follows a think time: all clients at once would be a burst unlike real traffic.
        thinksFirst: true,
        startAfterMs: (rampUpMs * index) / clients.length,
        onStart: () => onStart(index),
        request: (image, _id, { intendedStartMs }) => client.send(image, intendedStartMs),
        onRecord: () => undefined,
      });
    });
  }

  /** Resolves when every client has sent all of its requests; each then closes its connections. */
  async run(): Promise<void> {
    const { clients } = this.#options;
    await Promise.all(this.#loads.map((load, index) => load.run().then(() => clients[index]!.end())));
  }

  /** Starts no more requests. */
  stop(): void {
    for (const load of this.#loads) load.stop();
  }
}
