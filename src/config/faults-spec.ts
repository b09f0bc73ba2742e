/** Converts the settings of faults into a spec, from which plans are made, and checks it against the servers. */
import { FAULT_KINDS, type FaultKind, takesDown } from '../core/fault-kinds';
import type { Metric, Threshold } from '../core/metrics/threshold';
import { printable } from '../core/printable';
import {
  FAULT_GROUPS,
  type FaultGroup,
  type FaultPattern,
  type FaultSettings,
  faultSettings,
  type PartitionFrom,
} from './fault-settings';
import { toMs } from './to-ms';
import { badSettings, type Problem } from './problem';
import type { Merged } from './merge';
import { thresholdsOf } from './thresholds';

/** The metrics of the probe, which abort conditions may use. */
const PROBE_METRICS: readonly Metric[] = ['failure_rate', 'min', 'avg', 'p50', 'p95', 'p99', 'p99.9', 'max'];

/** The kinds, targets and timing of faults: everything that determines a plan. */
export interface FaultSpec {
  pattern: FaultPattern;
  /** At least one; if there are several, each step draws one by weight. */
  kinds: readonly { kind: FaultKind; weight: number }[];
  /** A group, or the ids of servers in the order of the ring. */
  target: FaultGroup | readonly number[];
  /** The number of servers at once with the pattern `simultaneous`. */
  count: number;
  cycles: number;
  /** The time from a heal to the next fault. */
  intervalMs: number;
  /** The duration of each fault. */
  restartDelayMs: number;
  seed: number;
  partitionFrom: PartitionFrom;
  delayMs: number;
  jitterMs: number;
  lossPercent: number;
}

const MAX_WEIGHT = 1_000_000;

/** A spec, its abort conditions, and the permission to take down every server. */
export interface SpecConfig {
  spec: FaultSpec;
  /** The plan ends when one of these is true. */
  abortWhen: Threshold[];
  allowTotalOutage: boolean;
}

type MergedFaults = Merged<FaultSettings>;
type NameOf = (key: keyof FaultSettings) => string;

/**
 * Converts merged settings into a spec; `seed` is used if none is configured.
 * @throws ClusterError `bad_config` | `bad_usage`, one line per problem, naming the flag or the key of the file
 */
export function specOf(merged: MergedFaults, serverIds: readonly number[], seed: number): SpecConfig {
  const { values, nameOf } = merged;
  const problems: Problem[] = [];
  const name: NameOf = (key) => nameOf(key, true);
  const spec: FaultSpec = {
    pattern: values.pattern,
    kinds: kindsOf([values.kind].flat(), name('kind'), problems),
    target: targetOf(values.target, serverIds, name('target'), problems),
    count: values.count ?? faultSettings.count.fallback,
    cycles: values.num_cycles,
    intervalMs: toMs(values.fault_interval_secs),
    restartDelayMs: toMs(values.restart_delay_secs),
    seed: values.seed ?? seed,
    partitionFrom: values.partition_from,
    delayMs: values.delay_ms,
    jitterMs: jitterMsOf(merged, problems),
    lossPercent: values.loss_percent,
  };
  const { allow_total_outage: allowTotalOutage } = values;
  if (problems.length === 0) {
    spec.count = countIn(spec, values.count, serverIds.length, name, problems);
    problems.push(...outageProblems(spec, serverIds.length, allowTotalOutage));
  }
  if (problems.length > 0) throw badSettings(problems);
  return { spec, abortWhen: thresholdsOf(merged, 'abort_when', PROBE_METRICS), allowTotalOutage };
}

/** Parses `kill`, or `kill=3` with a weight. */
function kindsOf(texts: readonly string[], key: string, problems: Problem[]): FaultSpec['kinds'] {
  const seen = new Set<string>();
  return texts.flatMap((text) => {
    const [, word = '', weightText = '1'] = /^([a-z]+)(?:=(\d+(?:\.\d+)?))?$/.exec(text.trim()) ?? [];
    const kind = FAULT_KINDS.find((each) => each === word);
    const weight = Number(weightText);
    const isGood = kind !== undefined && weight > 0 && weight <= MAX_WEIGHT && !seen.has(kind);
    if (isGood) seen.add(kind);
    if (isGood) return [{ kind, weight }];
    const expected = `expected one of ${FAULT_KINDS.join(', ')}, each once, with a weight above 0 if any (kill=3)`;
    problems.push({ key, text: `${expected}, got "${printable(text)}"` });
    return [];
  });
}

function targetOf(
  given: string | readonly (string | number)[],
  serverIds: readonly number[],
  key: string,
  problems: Problem[],
): FaultSpec['target'] {
  const group = FAULT_GROUPS.find((each) => each === given);
  if (group !== undefined) return group;
  const ids = [given].flat().map(Number);
  const wrong = ids.findIndex((id, index) => !serverIds.includes(id) || ids.indexOf(id) !== index);
  if (wrong < 0) return ids;
  const expected = `expected one of ${FAULT_GROUPS.join(', ')}, or ids of servers (${serverIds.join(', ')}), each once`;
  problems.push({ key, text: `${expected}, got "${printable([given].flat().join(', '))}"` });
  return 'all';
}

/** A jitter that no flag set is capped at the delay of a flag instead of being refused. */
function jitterMsOf({ values, isTyped, nameOf }: MergedFaults, problems: Problem[]): number {
  const { delay_ms: delayMs, jitter_ms: jitterMs } = values;
  if (jitterMs <= delayMs) return jitterMs;
  if (!isTyped('jitter_ms') && isTyped('delay_ms')) return delayMs;
  problems.push({ key: nameOf('jitter_ms', true), text: `expected at most the delay, ${delayMs}, got ${jitterMs}` });
  return jitterMs;
}

/** Returns the number of servers that a fault affects at once. */
function countIn(
  { pattern, target }: FaultSpec,
  given: number | undefined,
  servers: number,
  name: NameOf,
  problems: Problem[],
): number {
  if (target === 'minority' || target === 'majority') {
    const count = target === 'minority' ? Math.floor((servers - 1) / 2) : Math.floor(servers / 2) + 1;
    if (given !== undefined)
      problems.push({ key: name('count'), text: `expected no count: the target ${target} sets it` });
    const text = `expected at least 3 servers for a minority of them, got ${servers}`;
    if (count === 0) problems.push({ key: name('target'), text });
    return count;
  }
  const pool =
    target === 'leader' ? 1 : target === 'followers' ? servers - 1 : target === 'all' ? servers : target.length;
  if (pool === 0) {
    const text = 'expected at least 2 servers: one alone has no follower';
    problems.push({ key: name('target'), text });
  }
  if (pattern !== 'simultaneous') {
    const text = 'expected 1: only the pattern simultaneous affects several servers at once';
    if (given !== undefined && given > 1) problems.push({ key: name('count'), text });
    return 1;
  }
  if (given !== undefined && given > pool && pool > 0) {
    const text = `expected at most the number of targets, ${pool}, got ${given}`;
    problems.push({ key: name('count'), text });
  }
  return Math.min(given ?? faultSettings.count.fallback, pool);
}

/** With one server listed, the size of the cluster is unknown, and nothing is checked. */
function outageProblems({ kinds, count, lossPercent }: FaultSpec, servers: number, isAllowed: boolean): Problem[] {
  if (isAllowed || servers === 1 || count < servers || !kinds.some(({ kind }) => takesDown({ kind, lossPercent })))
    return [];
  const text = `this plan takes down all ${servers} servers at once, which needs this flag`;
  return [{ key: '--allow-total-outage', text }];
}
