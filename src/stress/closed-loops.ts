/** Runs a closed loop for each client, so that slow servers reduce the load. */
import { ClosedLoop, type ClosedLoopOptions } from '../client/closed-loop';
import { seededRandom } from '../core/random';
import type { StressClient } from './stress-client';

export interface ClosedLoopsOptions extends Pick<
  ClosedLoopOptions,
  'images' | 'pacing' | 'durationMs' | 'totalRequests' | 'clock' | 'onSend'
> {
  clients: readonly StressClient[];
  /** Clients start spread over this time. */
  rampUpMs: number;
  /** Combined with the client's number it determines its images and think times. */
  seed: number;
  onStart(index: number): void;
}

export class ClosedLoops {
  /** Always 0: a client that is busy has nothing to send. */
  readonly waitedCount = 0;
  /** Always empty, for the same reason. */
  readonly waitingDueMs: readonly number[] = [];
  private readonly loops: ClosedLoop[];
  private readonly clients: readonly StressClient[];

  constructor({ clients, rampUpMs, seed, onStart, ...options }: ClosedLoopsOptions) {
    this.clients = clients;
    this.loops = clients.map((client, index) => {
      return new ClosedLoop({
        ...options,
        random: seededRandom(seed + index + 1),
        // The first request also follows a think time: all clients at once would be a burst unlike real traffic.
        thinksFirst: true,
        startAfterMs: (rampUpMs * index) / clients.length,
        onStart: () => onStart(index),
        send: (image, intendedStartMs) => client.send(image, intendedStartMs),
      });
    });
  }

  /** Resolves when every client has sent all of its requests; each then closes its connections. */
  async run(): Promise<void> {
    await Promise.all(this.loops.map((loop, index) => loop.run().then(() => this.clients[index]!.end())));
  }

  /** Starts no more requests. */
  stop(): void {
    for (const loop of this.loops) loop.stop();
  }
}
