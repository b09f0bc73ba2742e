/** Law 1: makes one request of a run worse, outside the baseline, with everything else that the run writes. */
import { neverSent } from '../../../src/core/metrics/failure-reasons';
import * as fc from 'fast-check';
import type { RequestRecord, ServerEvent } from '../../../src/core/metrics/record';
import { clientName } from '../../../src/core/metrics/run-file-names';
import { wrongCarriersOf } from '../../../src/core/metrics/wrong-carriers';
import { toMicros } from '../../../src/core/to-micros';
import { T0 } from '../lab';
import { type Machine, type Run } from './run-model';
import { endOf } from './write-run';

export const WORSENINGS = [
  'takes longer',
  'in flight at the end',
  'fails',
  'never sent',
  'fails later',
  'has a wrong carrier first',
] as const;
export type WorseningName = (typeof WORSENINGS)[number];

/** Selects a worsening; numbers select among what the run has. */
export interface WorseningChoice {
  name: WorseningName;
  pick: number;
  /** 0 to 1,000: how much longer it takes, or when it fails. */
  amount: number;
}

export interface Worse {
  run: Run;
  /** The law on figures in time holds only then. */
  endsNoEarlier: boolean;
  /** The change for people. */
  text: string;
}

export const worsenings: fc.Arbitrary<WorseningChoice> = fc.record({
  name: fc.constantFrom(...WORSENINGS),
  pick: fc.nat(9999),
  amount: fc.nat(1000),
});

/** A part of a record, or null if it cannot become worse in this way. */
type Change = (record: RequestRecord, amount: number, run: Run, endedAt: number) => Partial<RequestRecord> | null;

const CHANGES: Record<WorseningName, Change> = {
  'takes longer': (record, amount, { timeoutMs }) => {
    const moreMs = Math.min(longerMs(amount), timeoutMs - record.service_ms);
    return record.success && moreMs > 0 ? longer(record, moreMs) : null;
  },
  'in flight at the end': (record, _, __, endedAt) => {
    const ageMs = toMicros(endedAt - record.start_time);
    if (!record.success || ageMs < record.latency_ms) return null;
    return { ...unsuccessful('interrupted'), ...longer(record, ageMs - record.latency_ms) };
  },
  fails: (record, amount, { timeoutMs }) => {
    if (!record.success) return null;
    // A third fails at once, a third when it would have succeeded, a third later.
    const moreMs = amount < 333 ? 1 - record.service_ms : amount < 667 ? 0 : longerMs((amount - 667) * 3);
    if (record.service_ms + moreMs > timeoutMs + 1) return null;
    return { ...unsuccessful('failure'), failure_reason: 'Connection refused', ...longer(record, moreMs) };
  },
  'never sent': (record, _, { isOpen, timeoutMs }, endedAt) => {
    if (!record.success || !isOpen) return null;
    const latencyMs = toMicros(Math.min(timeoutMs + 1, endedAt - record.start_time));
    const nothing = { service_ms: 0, assigned_server_id: null, retry_count: 0, hedged: false, bytes_sent: 0 };
    if (latencyMs <= timeoutMs) return { ...unsuccessful('unsent'), ...nothing, latency_ms: latencyMs };
    return { ...unsuccessful('failure'), failure_reason: neverSent(timeoutMs), ...nothing, latency_ms: latencyMs };
  },
  'fails later': (record, amount, { timeoutMs }) => {
    const { outcome } = record;
    if (outcome !== 'failure' && outcome !== 'interrupted') return null;
    const moreMs =
      outcome === 'failure' ? Math.min(longerMs(amount), timeoutMs + 1 - record.service_ms) : longerMs(amount);
    if (moreMs <= 0) return null;
    const reason = record.failure_reason ?? 'Connection refused';
    return { ...unsuccessful('failure'), failure_reason: reason, ...longer(record, moreMs) };
  },
  'has a wrong carrier first': (record, amount) => {
    if (!record.success) return null;
    const wrong = [...(record.wrong_carriers ?? []), amount % 3 === 0 ? null : 1 + (amount % 4)];
    return { wrong_carriers: wrong, retry_count: record.retry_count + 1 };
  },
};

/** From 0.1 ms to 10 s, by ratio. */
function longerMs(amount: number): number {
  return toMicros(0.1 * 10 ** (amount / 200));
}

function longer({ latency_ms, service_ms }: RequestRecord, moreMs: number): Partial<RequestRecord> {
  return { latency_ms: toMicros(latency_ms + moreMs), service_ms: toMicros(service_ms + moreMs) };
}

function unsuccessful(outcome: RequestRecord['outcome']): Partial<RequestRecord> {
  return { outcome, success: false, bytes_received: 0 };
}

/**
 * Returns the run in which one request is worse; null if no request outside the baseline can be. Files follow: the
 * run's end, the execution, the sums of its client and its generator.
 */
export function worsen(run: Run, { name, pick, amount }: WorseningChoice): Worse | null {
  const all = run.machines.flatMap((machine) => machine.records.map((record) => ({ machine, record })));
  const open = all.filter(({ record }) => !mayBeBaseline(record, run));
  for (let tried = 0; tried < open.length; tried++) {
    const { machine, record } = open[(pick + tried) % open.length]!;
    const change = CHANGES[name](record, amount, run, machine.runFile.ended_at!);
    if (change !== null && !isRed(record, machine, run))
      return changed(run, machine, record, { ...record, ...change }, name);
  }
  return null;
}

/**
 * Returns true if a request was due after the warm-up and ended before the first fault. The warm-up ends this long
 * after the first request was due, which may be later than the start of the run: in between, both are assumed.
 */
export function mayBeBaseline(record: RequestRecord, { warmupMs, firstFaultAt }: Run): boolean {
  if (firstFaultAt === Infinity) return false;
  return record.start_time >= T0 + warmupMs && endOf(record) < firstFaultAt;
}

/** Returns true for a wrong carrier and a success without an execution: a run without them is no worse. */
function isRed(record: RequestRecord, { id }: Machine, { servers }: Run): boolean {
  if (!record.success) return wrongCarriersOf(record).length > 0;
  return servers.every(({ events }) => executionOf(events, clientName(id, record.client_id), record) < 0);
}

/** Returns the index of a request's execution, or -1. */
function executionOf(events: readonly ServerEvent[], client: string, { request_id }: RequestRecord): number {
  return events.findIndex(
    (each) => each.event === 'executed' && each.request_id === request_id && each.client_name === client,
  );
}

function changed(run: Run, machine: Machine, from: RequestRecord, to: RequestRecord, name: WorseningName): Worse {
  const records = machine.records.map((each) => (each === from ? to : each));
  records.sort((a, b) => endOf(a) - endOf(b));
  const runFile = { ...machine.runFile, ended_at: Math.max(machine.runFile.ended_at!, toMicros(endOf(to))) };
  const worse = { ...machine, records, runFile };
  const client = clientName(machine.id, from.client_id);
  const after = to.outcome === 'success' ? `${to.latency_ms} ms` : `${to.outcome} at ${to.latency_ms} ms`;
  return {
    run: {
      ...run,
      machines: run.machines.map((each) => (each === machine ? worse : each)),
      servers: run.servers.map((server) => ({ ...server, events: movedIn(server.events, client, from, to) })),
    },
    endsNoEarlier: endOf(to) >= endOf(from),
    text: `request ${from.request_id} of ${client}, due at ${toMicros(from.start_time - T0)} ms (${from.outcome}, ${from.latency_ms} ms), ${name}: ${after}`,
  };
}

/** The execution of a slower success is later; that of any other is gone. */
function movedIn(
  events: readonly ServerEvent[],
  client: string,
  from: RequestRecord,
  to: RequestRecord,
): readonly ServerEvent[] {
  const at = executionOf(events, client, from);
  if (at < 0) return events;
  const rest = events.filter((_, index) => index !== at);
  if (!to.success) return rest;
  const moved = { ...events[at]!, time: toMicros(events[at]!.time + to.latency_ms - from.latency_ms) };
  return [...rest, moved].sort((a, b) => a.time - b.time);
}
