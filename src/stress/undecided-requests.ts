/** Finds the requests that have not ended: in flight, or waiting for a client. */
import type { Clock } from '../core/environment';
import type { StressLoop } from './choose-loop';
import type { StressClient } from './stress-client';

export class UndecidedRequests {
  /** Undefined before the load begins. */
  loop: Pick<StressLoop, 'waitingDueMs'> | undefined;

  /** @param clients the clients so far; more may follow */
  constructor(
    private readonly clients: readonly Pick<StressClient, 'dueMs'>[],
    private readonly clock: Clock,
  ) {}

  get waitingCount(): number {
    return this.loop?.waitingDueMs.length ?? 0;
  }

  /** The age of the oldest, from when it was due; 0 if there is none. */
  get oldestAgeMs(): number {
    const nowMs = this.clock.monotonicMs();
    const [waitingMs = nowMs] = this.loop?.waitingDueMs ?? [];
    return nowMs - this.clients.reduce((oldest, { dueMs }) => Math.min(oldest, dueMs ?? nowMs), waitingMs);
  }

  /** Returns when each was due, in Unix milliseconds. */
  dueTimes(): number[] {
    const inFlight = this.clients.flatMap(({ dueMs }) => dueMs ?? []);
    return [...inFlight, ...(this.loop?.waitingDueMs ?? [])].map((dueMs) => this.clock.unixMs(dueMs));
  }
}
