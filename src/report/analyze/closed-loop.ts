/** Finds which loop sent the requests, and what a closed one hides (docs/report-figures.md, "Latencies"). */
import { type Loop, meanThinkMs } from '../../core/metrics/loop';
import type { RequestColumns, Row } from '../read/columns';
import type { Inputs } from '../read/inputs';
import { loopOf, numberOf } from '../read/plan';
import type { LoopFigures } from '../report';

export interface LoopOptions {
  /** Requests that are due earlier are warm-up. */
  warmUntilMs: number;
  /** The longest that a success can take; Infinity if unknown. */
  longestMs: number;
}

/** The loop of one machine. */
interface Pacing {
  loop: Loop;
  /** The mean think time; 0 at a rate. */
  thinkMs: number;
}

const NO_LOOP = 'a run file is missing, or does not tell the rate or the think times';
const MIXED = 'some machines sent at a rate, others with think times';
const NO_RECORDS = 'records of single requests are missing';
const NO_TIMEOUT = 'a run file does not tell the request timeout, at which failures count';
const NO_THINK_TIME = 'the clients have no think time: they send as fast as they are answered';

/** Returns the loop of all machines, and what clients missed that were blocked. */
export function loopFigures(inputs: Inputs, options: LoopOptions): LoopFigures {
  const pacings = inputs.records.map((run) => pacingOf(inputs, run));
  const loops = new Set(pacings.map((pacing) => pacing?.loop));
  if (pacings.length === 0 || loops.has(undefined)) return unknownLoop(NO_LOOP);
  if (loops.size > 1) return unknownLoop(MIXED);
  if (loops.has('open')) return { loop: 'open', blocked_client_secs: null, missed_requests: null, unknown: {} };
  if (inputs.missingRecords > 0 || inputs.clients.length > 0) return unknownWaits(NO_RECORDS);
  return waitsOf(
    inputs.records.map(({ columns }, at) => ({ columns, thinkMs: pacings[at]!.thinkMs })),
    options,
  );
}

/** Returns null if no run file tells. */
function pacingOf({ loads }: Inputs, run: { runId: string; machineId: number }): Pacing | null {
  const load = loads.find(({ run_id, machine_id }) => run_id === run.runId && machine_id === run.machineId);
  const loop = loopOf(load);
  if (loop !== 'closed') return loop && { loop, thinkMs: 0 };
  const [minDelayMs, maxDelayMs] = [numberOf(load, 'min_delay_ms')!, numberOf(load, 'max_delay_ms')!];
  return { loop, thinkMs: meanThinkMs({ minDelayMs, maxDelayMs }) };
}

/**
 * Adds up all waits. A failure counts with the longest that a success can take, like everywhere: else a slow success
 * that fails early instead would make them shorter.
 */
function waitsOf(
  machines: readonly { columns: RequestColumns; thinkMs: number }[],
  { warmUntilMs, longestMs }: LoopOptions,
): LoopFigures {
  // In whole microseconds, so that the order of addition does not matter.
  let blockedUs = 0;
  let missed = 0;
  for (const { columns, thinkMs } of machines) {
    columns.forEach(({ startMs, latencyMs, isFailed }: Row) => {
      if (startMs < warmUntilMs) return;
      const waitMs = isFailed ? Math.max(latencyMs, longestMs) : latencyMs;
      blockedUs += Math.round(Math.max(0, waitMs - thinkMs) * 1000);
      missed += Math.floor(waitMs / thinkMs);
    });
  }
  if (blockedUs === Infinity) return unknownWaits(NO_TIMEOUT);
  const hasThinkTimes = machines.every(({ thinkMs }) => thinkMs > 0);
  return {
    loop: 'closed',
    blocked_client_secs: blockedUs / 1e6,
    missed_requests: hasThinkTimes ? missed : null,
    unknown: hasThinkTimes ? {} : { missed_requests: NO_THINK_TIME },
  };
}

function unknownLoop(why: string): LoopFigures {
  const unknown = { loop: why, blocked_client_secs: why, missed_requests: why };
  return { loop: null, blocked_client_secs: null, missed_requests: null, unknown };
}

function unknownWaits(why: string): LoopFigures {
  const unknown = { blocked_client_secs: why, missed_requests: why };
  return { loop: 'closed', blocked_client_secs: null, missed_requests: null, unknown };
}
