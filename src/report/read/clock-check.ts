/**
 * Compares the clocks of servers and loads by the requests themselves: an execution lies between the start and the end of
 * its request, or one of both clocks is wrong.
 */
import { machineOfClient } from '../../core/metrics/run-file-names';
import type { ClockDoubt } from './clocks';
import type { Inputs } from './inputs';

/** An execution is written a little after its answer leaves, and clocks that were compared agree within a little. */
const TOLERANCE_MS = 50;
const MAX_PAIRS = 10_000;

/** By how much a server's clock is ahead of a load's, at least and at most, in milliseconds. */
interface Pair {
  serverId: number;
  machineId: number;
  leastMs: number;
  mostMs: number;
}

export class ClockCheck {
  private readonly pairs = new Map<string, Pair>();

  /** Adds an execution and the span of its request, which no other server was asked for. Unix milliseconds. */
  add(serverId: number, clientName: string, atMs: number, { from, to }: { from: number; to: number }): void {
    const machineId = machineOfClient(clientName);
    const key = `${serverId} ${machineId}`;
    let pair = this.pairs.get(key);
    if (pair === undefined) {
      if (this.pairs.size >= MAX_PAIRS) return;
      this.pairs.set(key, (pair = { serverId, machineId, leastMs: -Infinity, mostMs: Infinity }));
    }
    pair.leastMs = Math.max(pair.leastMs, atMs - to);
    pair.mostMs = Math.min(pair.mostMs, atMs - from);
  }

  /**
   * Returns doubts about the times of servers. Those of a load are in doubt too if it disagrees with every server: the
   * loads and the faults have no other clock in common.
   */
  doubts(): ClockDoubt[] {
    const all = [...this.pairs.values()];
    const always = { from: -Infinity, to: Infinity };
    return all.filter(isWrong).flatMap((pair): ClockDoubt[] => {
      const agrees = all.some((other) => other.machineId === pair.machineId && !isWrong(other));
      const why = textOf(pair);
      const events: ClockDoubt = { kind: 'events', ...always, why };
      return agrees ? [events] : [events, { kind: 'records', ...always, why }];
    });
  }
}

function isWrong({ leastMs, mostMs }: Pair): boolean {
  return leastMs > TOLERANCE_MS || mostMs < -TOLERANCE_MS;
}

function textOf({ serverId, machineId, leastMs, mostMs }: Pair): string {
  const [ms, side] = leastMs > TOLERANCE_MS ? [leastMs, 'ahead of'] : [-mostMs, 'behind'];
  const by = ms < 10_000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 1000)} s`;
  const told = side === 'behind' ? 'executed requests before they began' : 'executed requests after they had ended';
  return `the clock of server ${serverId} is at least ${by} ${side} that of machine ${machineId}: it ${told}`;
}

/** Returns a sentence if the loads of several machines did not overlap in time; null if they did. */
export function apartText({ records }: Pick<Inputs, 'records'>): string | null {
  const spans = new Map<number, { machineId: number; from: number; to: number }>();
  for (const { machineId, firstStartMs: from, lastEndMs: to } of records) {
    const span = spans.get(machineId);
    if (span === undefined) spans.set(machineId, { machineId, from, to });
    else Object.assign(span, { from: Math.min(span.from, from), to: Math.max(span.to, to) });
  }
  const all = [...spans.values()].sort((a, b) => a.from - b.from);
  const at = all.findIndex(
    ({ from }, index) => index > 0 && from > Math.max(...all.slice(0, index).map(({ to }) => to)),
  );
  if (at === -1) return null;
  const idleMs = all[at]!.from - Math.max(...all.slice(0, at).map(({ to }) => to));
  const ids = (part: typeof all): string => part.map(({ machineId }) => machineId).join(', ');
  return `No request of machine ${ids(all.slice(at))} was due until ${Math.round(idleMs / 1000)} s after the last one of machine ${ids(all.slice(0, at))} had ended: is a clock wrong, or are these files of different runs?`;
}
