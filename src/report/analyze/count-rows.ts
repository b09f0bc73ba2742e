/** Counts all requests by phase, image, server and reason, in one pass. */
import type { ForEachRow, Row } from '../read/columns';
import type { Inputs } from '../read/inputs';
import { touchOf } from './intervals';
import { Latencies } from './latencies';
import { RequestGroup } from './request-group';
import type { Interval, PhaseName } from '../report';

/** Times are whole microseconds, their sums are not quite. */
const HALF_US_MS = 0.0005;

/** The intervals of each phase. */
export interface Phases {
  fault: readonly Interval[];
  recovering: readonly Interval[];
  /** Requests that are due earlier are warm-up; -Infinity if there is none. */
  warmUntilMs: number;
}

/** The counts from one pass over all requests; all but `cells` and `service` leave out the warm-up. */
export interface Counted {
  /** By phase, then by index of the image. */
  cells: Map<PhaseName, RequestGroup[]>;
  /** Latencies of successes from the actual send, by phase. */
  service: Map<PhaseName, Latencies>;
  /** Requests by index of the server. */
  byServer: number[];
  /** Failures by index of the reason. */
  byReason: number[];
  hedged: number;
  /** Successes that needed a retry or a second server. */
  retried: number;
  /** Successes that ended by the end of the run. */
  successesInTime: number;
  /** Unix milliseconds: when the first was due; Infinity without requests. */
  firstDueMs: number;
}

export interface CountOptions extends Phases {
  /** The longest that a success can take; Infinity if unknown. */
  longestMs: number;
  /** From the first request due to the end of the run. */
  run: Interval;
}

/** Counts each request in one phase only. */
export function countRows(
  { images, servers, reasons }: Pick<Inputs, 'images' | 'servers' | 'reasons'>,
  forEachRow: ForEachRow,
  options: CountOptions,
): Counted {
  const { longestMs, run, warmUntilMs } = options;
  const phaseOf = phaseTeller(options);
  const counted: Counted = {
    cells: new Map(),
    service: new Map(),
    byServer: servers.all.map(() => 0),
    byReason: reasons.all.map(() => 0),
    hedged: 0,
    retried: 0,
    successesInTime: 0,
    firstDueMs: Infinity,
  };
  forEachRow((row) => {
    const phase = phaseOf(row);
    cellsOf(counted.cells, phase, () => images.all.map(() => new RequestGroup(longestMs)))[row.image]!.add(row);
    if (row.success) cellsOf(counted.service, phase, () => new Latencies()).add(row.serviceMs);
    if (row.startMs < warmUntilMs) return;
    // A damaged time may be earlier.
    if (row.startMs >= run.from && row.startMs < counted.firstDueMs) counted.firstDueMs = row.startMs;
    if (row.server > 0) counted.byServer[row.server - 1]! += 1;
    if (row.reason > 0) counted.byReason[row.reason - 1]! += 1;
    if (row.hedged) counted.hedged += 1;
    if (row.success && (row.hedged || row.retried)) counted.retried += 1;
    if (row.success && row.endMs - run.to < HALF_US_MS) counted.successesInTime += 1;
  });
  return counted;
}

/** Assigns a request to the warm-up if it was due then, else to the worst phase in which it was under way. */
function phaseTeller({ fault, recovering, warmUntilMs }: Phases): (row: Row) => PhaseName {
  const isInFault = touchOf(fault);
  const isRecovering = touchOf(recovering);
  return (row) => {
    if (row.startMs < warmUntilMs) return 'warmup';
    if (isInFault(row)) return 'fault';
    return isRecovering(row) ? 'recovering' : 'steady';
  };
}

function cellsOf<T>(cells: Map<PhaseName, T>, phase: PhaseName, make: () => T): T {
  let found = cells.get(phase);
  if (found === undefined) cells.set(phase, (found = make()));
  return found;
}
