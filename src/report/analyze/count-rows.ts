/** Counts all requests by phase, image and server, in one pass. */
import type { ForEachRow, Row } from '../read/columns';
import type { Inputs } from '../read/inputs';
import { Latencies } from './latencies';
import { touchOf } from './recovery';
import type { Interval, PhaseName } from '../report';

/** The intervals of each phase. */
export interface Phases {
  fault: readonly Interval[];
  recovering: readonly Interval[];
  /** Requests that start earlier are warm-up; -Infinity if there is none. */
  warmUntilMs: number;
}

/** The counts from one pass over all requests. */
export interface Counted {
  /** Latencies by phase, then by index of the image. */
  cells: Map<PhaseName, Latencies[]>;
  /** Latencies from the actual send, by phase. */
  service: Map<PhaseName, Latencies>;
  /** Requests by index of the server. */
  byServer: number[];
  hedged: number;
  /** Successes that needed a retry or a second server. */
  retried: number;
}

/** Counts each request in one phase only. */
export function countRows(
  { images, servers }: Pick<Inputs, 'images' | 'servers'>,
  forEachRow: ForEachRow,
  phases: Phases,
): Counted {
  const phaseOf = phaseTeller(phases);
  const counted: Counted = {
    cells: new Map(),
    service: new Map(),
    byServer: servers.all.map(() => 0),
    hedged: 0,
    retried: 0,
  };
  forEachRow((row) => {
    const phase = phaseOf(row);
    const byImage = cellsOf(counted.cells, phase, () => images.all.map(() => new Latencies()));
    if (row.server > 0) counted.byServer[row.server - 1]! += 1;
    if (row.hedged) counted.hedged += 1;
    if (!row.success) return void (byImage[row.image]!.failed += 1);
    if (row.hedged || row.retried) counted.retried += 1;
    byImage[row.image]!.add(row.latencyMs);
    cellsOf(counted.service, phase, () => new Latencies()).add(row.serviceMs);
  });
  return counted;
}

/** Assigns a request to the worst phase that it overlaps: its latency may be due to it. */
function phaseTeller({ fault, recovering, warmUntilMs }: Phases): (row: Row) => PhaseName {
  const isInFault = touchOf(fault);
  const isRecovering = touchOf(recovering);
  return (row) => {
    if (isInFault(row)) return 'fault';
    if (isRecovering(row)) return 'recovering';
    return row.startMs < warmUntilMs ? 'warmup' : 'steady';
  };
}

/** Merges all parts into one. */
export function merged(parts: Iterable<Latencies>): Latencies {
  const whole = new Latencies();
  for (const part of parts) whole.merge(part);
  return whole;
}

function cellsOf<T>(cells: Map<PhaseName, T>, phase: PhaseName, make: () => T): T {
  let found = cells.get(phase);
  if (found === undefined) cells.set(phase, (found = make()));
  return found;
}
