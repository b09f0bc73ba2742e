import type { ClientImage } from '../client/client';
import type { LoadShape } from '../config/load-settings';
import type { Clock } from '../core/environment';
import { seededRandom } from '../core/random';
import { ClosedLoop } from './closed-loop';
import { OpenLoop } from './open-loop';
import { dueTimes } from './pacer';
import type { StressClient } from './stress-client';

/** What sends the requests of a run, in time. */
export interface StressLoop {
  /** Begins; resolves when nothing more is to be sent and all that was sent has ended. */
  run(): Promise<void>;
  /** Sends no more; what is in flight goes on. */
  stop(): void;
  /** Requests that had to wait for a free client. */
  readonly waitedCount: number;
}

export interface LoopOptions {
  clients: readonly StressClient[];
  images: readonly ClientImage[];
  requests: LoadShape;
  requestTimeoutMs: number;
  seed: number;
  clock: Clock;
  /** The client at this place begins. */
  onStart(index: number): void;
  /** A request leaves, so much later than this process could have sent it. */
  onSend?(lateMs: number): void;
}

/** The stream of the images of an open loop is this one, that of its arrivals the next. */
const OPEN_STREAMS = 2 ** 49;

export function newLoop(options: LoopOptions): StressLoop {
  const { clients, images, requests, requestTimeoutMs, seed, clock, onStart, onSend } = options;
  const { pacing, totalRequests, durationMs, rampUpMs } = requests;
  if (pacing.mode === 'closed_loop') {
    const loop = { clients, images, pacing, totalRequests, durationMs, rampUpMs, seed, clock, onStart, onSend };
    return new ClosedLoop(loop);
  }
  const totalCount = totalRequests === undefined ? undefined : totalRequests * clients.length;
  const schedule = { ...pacing, rampUpMs, durationMs, totalCount };
  clients.forEach((_, index) => onStart(index));
  return new OpenLoop({
    ...{ clients, images, clock, onSend, random: seededRandom(OPEN_STREAMS + 2 * seed) },
    dueTimes: dueTimes(schedule, seededRandom(OPEN_STREAMS + 2 * seed + 1)),
    // One that waited for longer than a request may take would not help anybody any more.
    maxWaitMs: requestTimeoutMs,
  });
}
