import type { ForEachRow, Row } from '../read/columns';
import type { Inputs } from '../read/inputs';
import { Latencies } from './latencies';
import { touchOf } from './recovery';
import type { Interval, PhaseName } from '../report';

/** When what was on. */
export interface Phases {
  fault: readonly Interval[];
  recovering: readonly Interval[];
  /** What begins earlier is warm-up; -Infinity: nothing is. */
  warmUntilMs: number;
}

/** What one pass over all requests tells. */
export interface Counted {
  /** By phase, then by image's number. */
  cells: Map<PhaseName, Latencies[]>;
  /** From the send, by phase. */
  service: Map<PhaseName, Latencies>;
  /** By server's number. */
  byServer: number[];
  hedged: number;
  /** Successes that needed a retry or a second server. */
  retried: number;
}

/** Latencies by phase and image, so that each is counted once only. */
export function countRows(
  { images, servers }: Pick<Inputs, 'images' | 'servers'>,
  forEachRow: ForEachRow,
  phases: Phases,
): Counted {
  const phaseOf = phaseTeller(phases);
  const counted: Counted = {
    ...{ cells: new Map(), service: new Map() },
    byServer: servers.all.map(() => 0),
    ...{ hedged: 0, retried: 0 },
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

/** A request belongs to the worst phase that its life touches: its latency may come of it. */
function phaseTeller({ fault, recovering, warmUntilMs }: Phases): (row: Row) => PhaseName {
  const isInFault = touchOf(fault);
  const isRecovering = touchOf(recovering);
  return (row) => {
    if (isInFault(row)) return 'fault';
    if (isRecovering(row)) return 'recovering';
    return row.startMs < warmUntilMs ? 'warmup' : 'steady';
  };
}

/** All of them as one. */
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
