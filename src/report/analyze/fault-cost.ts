/** Measures what each fault cost the clients, by windows of 250 ms (docs/report-figures.md, "What a fault cost"). */
import type { ForEachRow } from '../read/columns';
import type { Interval } from '../report';
import { type FaultWindow, missingLineOf } from './fault-windows';
import { overlaps } from './intervals';
import { roundedMs } from './latencies';
import { isBad, type SlowLimits, WINDOW_MS, type WindowGrid } from './window-grid';

/** The good windows in a row that make a calm second. */
const CALM_WINDOWS = 4;
/** With fewer requests due while it lasted, 4 s at least, what a fault cost is unknown. */
const ENOUGH_REQUESTS = 20;
const LEAST_LOOK_MS = 4000;

export interface CostContext {
  /** All requests, also undecided ones. */
  forEachRow: ForEachRow;
  /** From the first request that was due to the end of the load. */
  run: Interval;
  /** In ascending order of their start. */
  faults: readonly FaultWindow[];
  slowMs: SlowLimits;
  /** Why an operation without a slow limit has none. */
  whyNoLimit: string;
  grid: WindowGrid;
  /** Lines of the file of faults are damaged: they may have been any fault. */
  areFaultsDamaged: boolean;
  /** False if the end of a load is missing. */
  isEndKnown: boolean;
  /** The times in which records are missing. */
  gaps: readonly Interval[];
  /** Unix milliseconds: no calm is seen after the last request was due. (A slower one must not make the run longer.) */
  lastDueMs: number;
}

/** The cost of one fault. `felt_ms` and `recovered_ms` are null if unknown; `unknown` has the reason. */
export interface FaultCost {
  felt_ms: number | null;
  recovered_ms: number | null;
  /** Counts of the requests under way in its span; null if the evidence for them is missing. */
  bad_requests: number | null;
  requests: number | null;
  failed: number | null;
  retried: number | null;
  hedged: number | null;
  /** 0 if there are none. */
  longest_ms: number | null;
  /** True if it shares its span with faults that began before another was healed. */
  shared: boolean;
  /** Its bad windows until the next fault or the end, if `felt_ms` is unknown. */
  at_least_ms: number | null;
  unknown: string | null;
  /** The evidence that is missing, if any. */
  lacking: string | null;
  /** Unix milliseconds: the end of its span, at the first calm; null if it was not seen to recover. */
  spanEndMs: number | null;
}

/** A fault, or several of which each began before another was healed. */
interface Group {
  members: FaultWindow[];
  healedMs: number;
  /** The start of the next fault, or the end of the run. */
  untilMs: number;
  /** The next fault, if its start is not known: it may have begun before this span ended. */
  undatedNext: FaultWindow | null;
}

/** Returns one for each fault, in the same order. */
export function faultCosts(context: CostContext): FaultCost[] {
  return groupsOf(context.faults, context.run.to).flatMap((group) => costsOf(group, context));
}

function groupsOf(faults: readonly FaultWindow[], endMs: number): Group[] {
  const groups: Group[] = [];
  for (const fault of faults) {
    const last = groups.at(-1);
    const healedMs = fault.healedMs ?? Infinity;
    if (last !== undefined && fault.startMs < last.healedMs) {
      last.members.push(fault);
      last.healedMs = Math.max(last.healedMs, healedMs);
      continue;
    }
    if (last !== undefined) {
      last.untilMs = Math.min(last.untilMs, fault.startMs);
      if (fault.missing === 'started') last.undatedNext = fault;
    }
    groups.push({ members: [fault], healedMs, untilMs: endMs, undatedNext: null });
  }
  return groups;
}

/** Returns the costs of faults that share one span: the same for all, but what makes each of them unknown. */
function costsOf(group: Group, context: CostContext): FaultCost[] {
  const { members, healedMs, undatedNext } = group;
  const startMs = members[0]!.startMs;
  const calmMs = context.grid.firstCalmMs(healedMs, Math.min(group.untilMs, context.lastDueMs), CALM_WINDOWS);
  const span = { from: startMs, to: calmMs ?? group.untilMs };
  const { bad, lastEndMs } = context.grid.badWithin(span);
  // The calm itself must be seen, too.
  const evidence = { from: startMs, to: calmMs === null ? group.untilMs : calmMs + CALM_WINDOWS * WINDOW_MS };
  const { hasUnknownLimit, ...counts } = countsWithin(span, evidence, context);
  // Without a limit, even the calm that ends the span is not known.
  const isOpen = calmMs === null && group.untilMs >= context.run.to;
  const lacking =
    whyLacking([...members, ...(undatedNext ? [undatedNext] : [])], evidence, context) ??
    (hasUnknownLimit
      ? noLimitText(context)
      : isOpen && !context.isEndKnown
        ? 'when the load ended is not known'
        : null);
  const recoveredMs = lastEndMs === null ? 0 : roundedMs(lastEndMs - startMs);
  // The first window may have begun before the fault: that part was not felt.
  const feltMs = Math.min(bad * WINDOW_MS, recoveredMs);
  return members.map((fault) => {
    const unknown = lacking ?? whyUnknown(fault, group, calmMs, context);
    return {
      felt_ms: unknown === null ? feltMs : null,
      recovered_ms: unknown === null ? recoveredMs : null,
      ...(lacking === null ? counts : NO_COUNTS),
      shared: members.length > 1,
      at_least_ms: lacking === null ? feltMs : null,
      unknown,
      lacking,
      spanEndMs: unknown === null ? calmMs : null,
    };
  });
}

/** The reason why nothing is known of any fault. */
export const DAMAGED = 'lines of the file of faults are damaged';
const NO_COUNTS = {
  bad_requests: null,
  requests: null,
  failed: null,
  retried: null,
  hedged: null,
  longest_ms: null,
};

function noLimitText({ whyNoLimit }: CostContext): string {
  return `an image that it touches has no slow limit: ${whyNoLimit} before the first fault`;
}

/** Returns the evidence that is missing, without which even counts are unknown; null if none is. */
function whyLacking(
  faults: readonly FaultWindow[],
  span: Interval,
  { gaps, areFaultsDamaged }: CostContext,
): string | null {
  const isNearGap = gaps.some((gap) => overlaps(gap, span));
  const undated = faults.find(({ missing }) => missing !== null);
  if (areFaultsDamaged) return DAMAGED;
  return (undated && missingLineOf(undated)) ?? (isNearGap ? 'records of requests near it are missing' : null);
}

function whyUnknown(
  { startMs, healedMs }: FaultWindow,
  { members, untilMs }: Group,
  calmMs: number | null,
  { run, forEachRow }: CostContext,
): string | null {
  if (members[0]!.startMs < run.from) return 'it began before the first request';
  if (healedMs === null) return 'it was never healed';
  if (calmMs === null) {
    const end = untilMs < run.to ? 'the next fault' : 'the end of the run';
    return `not seen to recover: there was no calm second before ${end}`;
  }
  const lookMs = Math.max(healedMs, startMs + LEAST_LOOK_MS);
  let due = 0;
  const count = (row: { startMs: number }): void =>
    void (due += row.startMs >= startMs && row.startMs <= lookMs ? 1 : 0);
  forEachRow(count, { from: startMs, to: lookMs });
  return due < ENOUGH_REQUESTS ? `only ${due} requests were due while it lasted` : null;
}

/** Counts the requests under way in a span; one without a limit makes all unknown, also later within the evidence. */
function countsWithin(span: Interval, evidence: Interval, { forEachRow, slowMs }: CostContext) {
  const counts = { bad_requests: 0, requests: 0, failed: 0, retried: 0, hedged: 0, longest_ms: 0 };
  let hasUnknownLimit = false;
  forEachRow((row) => {
    if (row.startMs >= evidence.to) return;
    hasUnknownLimit ||= Number.isNaN(slowMs[row.image]!);
    // One that is due when the calm begins belongs to the calm.
    if (row.startMs >= span.to) return;
    counts.requests += 1;
    if (isBad(row, slowMs)) counts.bad_requests += 1;
    if (row.isFailed) counts.failed += 1;
    if (row.retried) counts.retried += 1;
    if (row.hedged) counts.hedged += 1;
    counts.longest_ms = Math.max(counts.longest_ms, row.latencyMs);
  }, evidence);
  return { ...counts, hasUnknownLimit };
}
