/** Makes the loop of one client: at a fixed rate independent of responses, or each a think time after the last. */
import type { Pacing } from '../config/client-config';
import { ClosedLoop, type ClosedLoopOptions } from './closed-loop';
import { OpenLoop } from './open-loop';
import { PauseWatch } from '../core/system/pause-watch';
import { dueTimes, expectedArrivals, type Schedule } from './pacer.pure';

/** Sends the requests of one client on schedule. */
export interface ClientLoop {
  /** Begins; resolves when no more requests are due and all that were started have ended. */
  run(): Promise<void>;
  /** Starts no more requests. */
  stop(): void;
}

interface Limits {
  pacing: Pacing;
  /** It ends at whichever limit comes first; without limits only `stop()` ends it. */
  durationMs?: number;
  totalRequests?: number;
}

export type ClientLoopOptions = Limits & Pick<ClosedLoopOptions, 'send' | 'images' | 'random' | 'clock'>;

/** At a fixed rate, arrivals beyond this many in flight wait; their latency still counts from when they were due. */
const MAX_IN_FLIGHT = 10_000;

export function newClientLoop({ pacing, ...options }: ClientLoopOptions): ClientLoop {
  if (pacing.mode === 'closed_loop') return new ClosedLoop({ ...options, pacing });
  const schedule = scheduleOf(pacing.ratePerSecond, options);
  const place = { send: options.send, miss: () => undefined };
  return new OpenLoop({
    ...options,
    clients: new Array(Math.min(MAX_IN_FLIGHT, expectedArrivals(schedule))).fill(place),
    dueTimes: dueTimes(schedule, options.random),
    maxWaitMs: Infinity,
    pauses: new PauseWatch(options.clock),
  });
}

/** Returns the number of requests if it is known from the start. */
export function expectedRequests({ pacing, ...limits }: Limits): number | undefined {
  if (pacing.mode === 'closed_loop') return limits.totalRequests;
  const count = expectedArrivals(scheduleOf(pacing.ratePerSecond, limits));
  return Number.isFinite(count) ? count : undefined;
}

function scheduleOf(ratePerSecond: number, { durationMs, totalRequests }: Omit<Limits, 'pacing'>): Schedule {
  return { ratePerSecond, arrivals: 'uniform', rampUpMs: 0, durationMs, totalCount: totalRequests };
}
