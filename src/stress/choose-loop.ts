/** Selects how a run sends its requests: a closed loop for each client, or one open loop at a rate for all of them. */
import type { ClientImage } from '../client/client';
import type { LoadShape } from '../config/load-settings';
import type { Clock } from '../core/environment';
import type { PauseWatch } from '../core/system/pause-watch';
import { seededRandom } from '../core/random';
import { ClosedLoops } from './closed-loops';
import { OpenLoop } from '../client/open-loop';
import { dueTimes } from '../client/pacer.pure';
import type { StressClient } from './stress-client';

/** Sends the requests of a run on schedule. */
export interface StressLoop {
  /** Begins; resolves when no more requests are to be sent and all that were sent have ended. */
  run(): Promise<void>;
  /** Sends no more; requests in flight continue. */
  stop(): void;
  /** Requests that had to wait for a free client. */
  readonly waitedCount: number;
  /** The due times (monotonic) of the requests that wait for a free client, the oldest first. */
  readonly waitingDueMs: readonly number[];
}

export interface LoopOptions {
  clients: readonly StressClient[];
  images: readonly ClientImage[];
  requests: LoadShape;
  requestTimeoutMs: number;
  seed: number;
  clock: Clock;
  pauses: PauseWatch;
  /** The client at this index starts. */
  onStart(index: number): void;
  /** A request was sent, this much later than this process could have sent it. */
  onSend?(lateMs: number): void;
}

/** The random stream of an open loop's images; that of its arrivals is the next. */
const OPEN_STREAMS = 2 ** 49;

export function chooseLoop(options: LoopOptions): StressLoop {
  const { clients, images, requests, requestTimeoutMs, seed, clock, pauses, onStart, onSend } = options;
  const { pacing, totalRequests, durationMs, rampUpMs } = requests;
  if (pacing.mode === 'closed_loop') {
    const loop = { clients, images, pacing, totalRequests, durationMs, rampUpMs, seed, clock, onStart, onSend };
    return new ClosedLoops(loop);
  }
  const totalCount = totalRequests === undefined ? undefined : totalRequests * clients.length;
  const schedule = { ...pacing, rampUpMs, durationMs, totalCount };
  clients.forEach((_, index) => onStart(index));
  return new OpenLoop({
    clients,
    images,
    clock,
    pauses,
    onSend,
    random: seededRandom(OPEN_STREAMS + 2 * seed),
    dueTimes: dueTimes(schedule, seededRandom(OPEN_STREAMS + 2 * seed + 1)),
    maxWaitMs: requestTimeoutMs,
  });
}
