/** The settings of faults: the table [faults] of faults.toml and run.toml, and flags. */
import * as v from 'valibot';
import { FAULT_KINDS } from '../core/fault-kinds';
import { seed } from './common-settings';
import { setting, type ValuesOf } from './settings';
import { choice, decimal, MAX_SECS, serverId, special, texts, whole, yesOrNo } from './value-types';

export const FAULT_PATTERNS = ['ring', 'random', 'simultaneous', 'rolling'] as const;
export const FAULT_GROUPS = ['all', 'leader', 'followers', 'minority', 'majority'] as const;
const PARTITION_FROM = ['peers', 'clients', 'both'] as const;

export type FaultPattern = (typeof FAULT_PATTERNS)[number];
export type FaultGroup = (typeof FAULT_GROUPS)[number];
export type PartitionFrom = (typeof PARTITION_FROM)[number];

export const MAX_CYCLES = 100_000;
const MAX_DELAY_MS = 60_000;

/** A time between faults, or the duration of one. */
export const faultSecs = () => decimal(0, MAX_SECS, 'seconds');

const percent = decimal(0.001, 100, 'percent');
const milliseconds = decimal(0, MAX_DELAY_MS, 'milliseconds');

const isGroup = (value: unknown): boolean => FAULT_GROUPS.some((group) => group === value);
const isId = (value: unknown): boolean => v.is(serverId().schema, value);

/** A group, or ids of servers. */
const targets = special({
  schema: v.custom<string | readonly (string | number)[]>(
    (value) => isGroup(value) || (Array.isArray(value) && value.length > 0 && value.every(isId)),
    `one of ${FAULT_GROUPS.map((word) => `"${word}"`).join(', ')}, or a list of ids of servers`,
  ),
  parse: targetsIn,
  placeholder: 'WHO',
  shape: `${FAULT_GROUPS.join(', ')} or a list of ids`,
  json: { anyOf: [{ enum: FAULT_GROUPS }, { type: 'array', items: { type: 'integer' }, minItems: 1 }] },
});

/** Reads typed targets: one group, or ids, also as `1,2`. */
function targetsIn(typed: readonly string[]): unknown {
  const [first] = typed;
  if (typed.length === 1 && isGroup(first)) return first;
  return typed.flatMap((each) => each.split(',')).map((word) => (/^\d+$/.test(word) ? Number(word) : word));
}

/** The settings that define a plan of faults and its abort conditions. */
export const faultSettings = {
  fault_interval_secs: setting(faultSecs(), {
    flag: 'interval',
    default: 30,
    help: 'time from the end of a fault to the next one',
  }),
  restart_delay_secs: setting(faultSecs(), { flag: 'restart-delay', default: 10, help: 'duration of each fault' }),
  num_cycles: setting(whole(1, MAX_CYCLES), { flag: 'cycles', default: 3, help: 'number of fault cycles' }),
  pattern: setting(choice(FAULT_PATTERNS), {
    flag: 'pattern',
    default: 'ring',
    help: 'order of the faults',
    note: 'rolling continues as soon as all servers agree on a leader',
  }),
  kind: setting(texts('a kind of fault such as "kill", or a list such as ["kill=3", "pause=1"]', 'KIND[=WEIGHT]'), {
    flag: 'kind',
    default: 'kill',
    help: `${FAULT_KINDS.join(', ')}, mixed by weight`,
  }),
  target: setting(targets, {
    flag: 'target',
    default: 'all',
    help: `${FAULT_GROUPS.join(', ')}, or a server id`,
  }),
  count: setting(whole(1, 1000), {
    flag: 'count',
    fallback: 2,
    help: 'number of servers at once with --pattern simultaneous',
  }),
  partition_from: setting(choice(PARTITION_FROM), {
    flag: 'partition-from',
    default: 'both',
    help: 'isolate from peers, from clients, or both',
  }),
  delay_ms: setting(milliseconds, { flag: 'delay-ms', default: 200, help: 'delay of the packets a server sends' }),
  jitter_ms: setting(milliseconds, {
    flag: 'jitter-ms',
    default: 100,
    help: 'random variation of the delay, plus or minus',
  }),
  loss_percent: setting(percent, {
    flag: 'loss-percent',
    default: 20,
    help: 'share of the packets to a server that are dropped',
  }),
  abort_when: setting(texts('an expression such as "failure_rate>20%", or a list of them', 'EXPR'), {
    flag: 'abort-when',
    help: 'heal and stop when a probe of 5 tasks/s measures it, like failure_rate>20%',
  }),
  allow_total_outage: setting(yesOrNo(), {
    flag: 'allow-total-outage',
    default: false,
    help: 'allow faults that take down the last running server',
  }),
  seed,
};

export type FaultSettings = ValuesOf<typeof faultSettings>;
