/** A random small run as plain data: a plan of few numbers, which fast-check shrinks, and the run that it describes. */
import * as fc from 'fast-check';
import { FAULT_KINDS, type FaultKind } from '../../../src/core/fault-kinds';
import type { FaultEvent, RequestRecord, ServerEvent, StressRunFile } from '../../../src/core/metrics/record';
import { seededRandom } from '../../../src/core/random';
import { fault, T0 } from '../lab';
import { type Load, loadOf } from './load-model';
import { serversOf } from './server-model';

/** Clients feel a fault not at all, as a stall, or as failures and a stall. */
const EFFECTS = ['none', 'stall', 'fail'] as const;

export interface FaultPlan {
  kind: FaultKind;
  /** Index of the server, modulo their number. */
  server: number;
  /** The start in percent of the duration; negative: before the first request. */
  atPercent: number;
  lastsPercent: number;
  isHealed: boolean;
  /** The time for which clients feel it. */
  feltMs: number;
}

export interface Slips {
  lateMs: number;
  stallMs: number;
}

export interface Plan {
  machines: number;
  /** Per machine. */
  clients: number;
  isOpen: boolean;
  /** The total of all machines; approximate in a closed loop. */
  requests: number;
  secs: number;
  images: number;
  servers: number;
  /** 0: none. */
  warmupPercent: number;
  faults: FaultPlan[];
  effect: (typeof EFFECTS)[number];
  failuresPermille: number;
  graceMs: number;
  /** The generator was its own bottleneck for a while. */
  isGeneratorBusy: boolean;
  /**
   * It sent late and stood still in most seconds, by so many milliseconds; nothing or absent: never. Without faults the
   * usual latency, by which that is judged, is that of all requests: then there are none.
   */
  slips?: Slips | null;
  /** Index of the limits of all thresholds (thresholds.ts). */
  limits: number;
  seed: number;
}

/** A fault as the run sees it: milliseconds into the run; null: never healed. */
export interface FaultSpan {
  kind: FaultKind;
  serverId: number;
  startMs: number;
  doneMs: number;
  healMs: number | null;
  /** Clients feel it from its start for this time. */
  feltMs: number;
}

export interface Machine {
  id: number;
  runFile: StressRunFile;
  records: readonly RequestRecord[];
  clientIds: readonly number[];
  isBusy: boolean;
  slips: Slips | null;
}

export interface Run {
  isOpen: boolean;
  /** The time after which a request fails; also the longest wait for a client. */
  timeoutMs: number;
  warmupMs: number;
  machines: readonly Machine[];
  servers: readonly { id: number; events: readonly ServerEvent[] }[];
  faults: readonly FaultEvent[];
  /** Unix milliseconds of the first fault; Infinity if there is none. */
  firstFaultAt: number;
  limits: number;
  /** The configured slow limit of a tenth of all runs. */
  slowLimitMs?: number;
}

export const RUN_ID = 'run-1';
export const TIMEOUT_MS = 10_000;
const FIXED_LIMIT_MS = 50;
/** Kinds of fault whose heal event has this action. */
const HEALS = {
  kill: 'restart',
  terminate: 'restart',
  restart: 'restart',
  pause: 'resume',
  partition: 'heal',
  delay: 'heal',
  loss: 'heal',
} as const;

const faultPlans: fc.Arbitrary<FaultPlan> = fc.record({
  kind: fc.constantFrom(...FAULT_KINDS),
  server: fc.nat(3),
  atPercent: fc.oneof(
    { weight: 9, arbitrary: fc.integer({ min: 35, max: 85 }) },
    { weight: 1, arbitrary: fc.integer({ min: -20, max: 35 }) },
  ),
  lastsPercent: fc.integer({ min: 2, max: 50 }),
  isHealed: fc.constantFrom(true, true, true, false),
  feltMs: fc.nat(5000),
});

/** Small runs are judged faster, and find as much. */
function mostlyFew(min: number, few: number, max: number): fc.Arbitrary<number> {
  return fc.oneof(
    { weight: 3, arbitrary: fc.integer({ min, max: few }) },
    { weight: 1, arbitrary: fc.integer({ min: few, max }) },
  );
}

/** Most runs have at least one fault, and at least 60 requests: without either, there is little to judge. */
export const plans: fc.Arbitrary<Plan> = fc.record({
  machines: fc.integer({ min: 1, max: 2 }),
  clients: fc.integer({ min: 1, max: 6 }),
  isOpen: fc.boolean(),
  requests: mostlyFew(30, 150, 300),
  secs: mostlyFew(5, 12, 30),
  images: fc.constantFrom(1, 1, 1, 2, 3),
  servers: fc.integer({ min: 1, max: 4 }),
  warmupPercent: fc.constantFrom(0, 0, 10),
  faults: fc.oneof(
    { weight: 1, arbitrary: fc.array(faultPlans, { maxLength: 0 }) },
    { weight: 6, arbitrary: fc.array(faultPlans, { minLength: 1, maxLength: 3 }) },
  ),
  effect: fc.constantFrom(...EFFECTS),
  failuresPermille: fc.constantFrom(0, 0, 10, 50),
  graceMs: fc.constantFrom(200, 2000, 12_000),
  isGeneratorBusy: fc.constantFrom(false, false, false, true),
  slips: fc.option(fc.record({ lateMs: fc.integer({ min: 11, max: 80 }), stallMs: fc.integer({ min: 50, max: 200 }) })),
  limits: fc.nat(2),
  seed: fc.nat(2 ** 31 - 1),
});

/** Returns the run of a plan, always the same. */
export function runOf(plan: Plan): Run {
  const random = seededRandom(plan.seed);
  const spans = oneAtATime(plan.faults.map((each) => spanOf(each, plan, random())));
  const load = { plan, spans, random };
  const loads = Array.from({ length: plan.machines }, (_, index) => loadOf(load, index + 1));
  const firstDueMs = Math.min(...loads.flatMap(({ records }) => records.map(({ start_time }) => start_time - T0)));
  const warmupMs = (plan.secs * 1000 * plan.warmupPercent) / 100;
  // A fault that was over before the first request is none of this run.
  const ofRun = spans.filter(({ healMs }) => healMs === null || healMs > firstDueMs);
  const slips = ofRun.length === 0 ? null : (plan.slips ?? null);
  const machines = loads.map((each) => machineOf(each, plan, warmupMs, slips));
  return {
    isOpen: plan.isOpen,
    timeoutMs: TIMEOUT_MS,
    warmupMs,
    machines,
    servers: serversOf(plan, spans, machines, random),
    faults: spans.flatMap(linesOf).sort((a, b) => a.time - b.time),
    firstFaultAt: T0 + Math.min(Infinity, ...ofRun.map(({ startMs }) => startMs)),
    limits: plan.limits,
    slowLimitMs: plan.seed % 10 === 7 ? FIXED_LIMIT_MS : undefined,
  };
}

function spanOf(planned: FaultPlan, { secs, servers }: Plan, random: number): FaultSpan {
  const startMs = Math.round(secs * 10 * planned.atPercent);
  const doneMs = startMs + Math.round(5 + 300 * random);
  const healMs = planned.isHealed ? doneMs + Math.round(secs * 10 * planned.lastsPercent) : null;
  return {
    kind: planned.kind,
    serverId: 1 + (planned.server % servers),
    startMs,
    doneMs,
    healMs,
    feltMs: planned.feltMs,
  };
}

/** Leaves out faults of a server that has one: a controller does not make these. */
function oneAtATime(all: readonly FaultSpan[]): FaultSpan[] {
  const untilMs = new Map<number, number>();
  return [...all]
    .sort((a, b) => a.startMs - b.startMs)
    .filter(({ serverId, startMs, healMs }) => {
      if (startMs <= (untilMs.get(serverId) ?? -Infinity)) return false;
      untilMs.set(serverId, healMs ?? Infinity);
      return true;
    });
}

/** Returns the lines of a fault in fault_events.ndjson. */
function linesOf({ kind, serverId, startMs, doneMs, healMs }: FaultSpan): FaultEvent[] {
  const detail = kind === 'restart' ? 'graceful restart' : null;
  const action = kind === 'restart' ? 'terminate' : kind;
  const begun = [
    fault(startMs, serverId, action, { outcome: 'started', detail }),
    fault(doneMs, serverId, action, { detail }),
  ];
  if (healMs === null) return begun;
  const heals = HEALS[kind];
  return [...begun, fault(healMs - 4, serverId, heals, { outcome: 'started' }), fault(healMs, serverId, heals)];
}

function machineOf(load: Load, plan: Plan, warmupMs: number, slips: Slips | null): Machine {
  const { machineId, records, endedMs } = load;
  const { clients, isOpen, secs, graceMs, machines, isGeneratorBusy, seed } = plan;
  const pacing = isOpen
    ? { rate_per_second: load.ratePerSecond, arrivals: 'uniform' }
    : { min_delay_ms: load.thinkMs, max_delay_ms: load.thinkMs };
  const config = {
    machine_id: machineId,
    num_clients: clients,
    ...pacing,
    duration_secs: secs,
    ramp_up_secs: 0,
    warmup_secs: warmupMs / 1000,
    graceful_stop_secs: graceMs / 1000,
    request_timeout_secs: TIMEOUT_MS / 1000,
  };
  const program = { command_line: ['cloudp2p', 'stress'], version: '1.0.0', node_version: 'v20', cores: 8 };
  const runFile = {
    run_id: RUN_ID,
    machine_id: machineId,
    ...program,
    host: machines === 1 ? 'lab' : `lab${machineId}`,
    seed,
    started_at: T0,
    ended_at: T0 + endedMs,
    warmup_secs: warmupMs / 1000,
    config,
  };
  const clientIds = Array.from({ length: clients }, (_, index) => index + 1);
  return { id: machineId, runFile, records, clientIds, isBusy: isGeneratorBusy, slips };
}
