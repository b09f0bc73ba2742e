/** Builds the report from everything that was read, by combining the analyses in this folder. */
import type { RuleResult } from '../../core/rule-result';
import { auditOf, lastAnswersOf, wrongCarriers } from './audit';
import { balanceOf } from './balance';
import { fixedLimitMs, type SlowLimitSetting } from '../../core/metrics/slow-limit';
import { blocksOf } from './blocks';
import type { Threshold } from '../../core/metrics/threshold';
import { checkThresholds } from './checks';
import { isLeadInDoubt, withoutDoubtful } from './clock-doubts';
import { loopFigures } from './closed-loop';
import { doubtsOf, type Evidence } from './doubts';
import { DAMAGED, type FaultCost, faultCosts } from './fault-cost';
import { type BaselineFacts, baselineFigures, baselineOf, type BaselineOptions } from './fault-baseline';
import { type Counted, countRows, type Phases } from './count-rows';
import { type JudgedFault, judgeFaults } from './fault-reports';
import { faultsDuring, type FaultWindow, faultWindows, missingLineOf } from './fault-windows';
import { roundedMs } from './latencies';
import type { Inputs, ServerLife } from '../read/inputs';
import { lostSamples } from '../read/lost-samples';
import { isSeenToEnd, restartsOf, silencesOf } from '../read/silence';
import { leadersDuring, leaderSpans, untoldLead } from './leaders';
import { type Interval, type LeaderSpan, NO_FAULT_FILE, type Report, type RunMetadata, type Verdict } from '../report';
import { endsEarlyText, expectedServerCount, noEventsText, silentServerIds } from '../read/known-servers';
import { endOf, isEndKnown, longestSuccessMs, mayLackFaults, warmUntilOf, wholeRunOf } from '../read/run-bounds';
import { rowsOf, type RunSpan, runSpanOf } from '../read/run-span';
import { selfCheck } from './self-check';
import { generatorSeriesOf, serverSeriesOf } from './series';
import { timelineOf } from './timeline';
import { serverTotals, totalsOf, unplacedCount } from './totals';
import { verdictOf } from './verdict';
import { WindowGrid } from './window-grid';

export interface BuildOptions {
  thresholds: readonly Threshold[];
  /** Fixes slow limits; the others come from the baseline. */
  slowLimitMs?: SlowLimitSetting;
  /** Verdicts of the caller, reported unchanged. */
  rules?: readonly RuleResult[];
  run?: RunMetadata;
}

/** The rows and the bounds that all parts of the report share. */
interface Ground extends BaselineOptions, Omit<Evidence, 'generators'> {
  /** null if there are no records. */
  span: RunSpan | null;
  isEndKnown: boolean;
  /** Also the time of the loads without a request; null without both. */
  whole: Interval | null;
  /** The longest that a success can take; Infinity if unknown. */
  longestMs: number;
  /** Those of this run; empty without records. */
  faults: FaultWindow[];
  /** Servers that fell silent, without a fault. */
  silences: ServerLife[];
  /** The leads of all servers, also before the run. */
  leads: LeaderSpan[];
  /** Servers that are known but have no event file. */
  silentIds: number[];
}

/** Until all else is known. */
const NO_VERDICT: Verdict = {
  kind: 'invalid',
  text: '',
  not_verified: [],
  failure_rate: 100,
  scale: null,
  scale_text: null,
};

/** Equal inputs give equal reports. */
export function buildReport(inputs: Inputs, options: BuildOptions): Report {
  const { thresholds, slowLimitMs, rules, run: metadata } = options;
  const ground = groundOf(inputs, slowLimitMs, metadata);
  const { forEachRow, span, run } = ground;
  const costs = costsOf(ground);
  const judged = costs && judgedOf(inputs, ground, costs);
  const bounds = { longestMs: ground.longestMs, run };
  const phases = phasesOf(judged, ground);
  const counted = countRows(inputs, forEachRow, { ...phases, ...bounds });
  const { files, missing, notes, servers, reasons } = inputs;
  const generators = generatorSeriesOf(inputs, ground.lost, costs && costs.facts.usualMs);
  const told = {
    ...totalsOf(inputs, counted, { ...bounds, arePhasesKnown: arePhasesKnown(ground) }),
    ...loopFigures(inputs, ground),
    slow_limit_ms: slowLimitMs ?? null,
    ...baselineParts(inputs, ground, costs),
    ...judgedParts(inputs, counted, ground, judged, metadata?.servers),
    timeline: timelineOf(forEachRow, span, {
      servers: servers.all,
      reasons: reasons.all,
      requestCount: inputs.records.reduce((sum, { columns }) => sum + columns.count, 0),
      longestMs: ground.longestMs,
    }),
    blocks: span && blocksIn(inputs, ground, phases),
    servers: serverSeriesOf(inputs),
    generators,
    loads: [...inputs.loads].sort((a, b) => a.machine_id - b.machine_id),
    clocks: inputs.clocks,
    clock_changes: inputs.clockChanges,
    inputs: { files, missing, notes },
  };
  const unchecked = { ...told, verdict: NO_VERDICT, thresholds: [] };
  const { inputs: read, ...whole } = unchecked;
  const report: Report = {
    ...whole,
    self_check: selfCheck(unchecked, inputs, {
      retried: counted.retried,
      silences: ground.silences,
      restarts: ground.restarts,
      lost: ground.lost,
      loose: inputs.images.all.filter((_, image) => costs?.facts.isLoose[image]),
      areLimitsFixed: ground.fixedMs.every((ms) => ms !== null),
      runFromMs: run.from,
    }),
    ...(rules && { rules: [...rules] }),
    ...(metadata && { run: metadata }),
    inputs: read,
  };
  const checked = { ...report, thresholds: checkThresholds(report, thresholds) };
  return { ...checked, verdict: verdictOf(checked, inputs.cut, doubtsOf({ ...ground, generators })) };
}

function groundOf(
  inputs: Inputs,
  slowLimitMs: SlowLimitSetting | undefined,
  metadata: RunMetadata | undefined,
): Ground {
  const span = runSpanOf(inputs.records);
  const windows = faultWindows(inputs.faults ?? []);
  const whole = wholeRunOf(inputs, span);
  const faults = whole === null ? [] : faultsDuring(windows, whole);
  const silences = whole === null ? [] : silencesOf(inputs, whole, windows);
  return {
    forEachRow: rowsOf(inputs.records),
    span,
    whole,
    run: span === null ? { from: 0, to: 0 } : { from: span.from, to: endOf(inputs, span) },
    warmUntilMs: warmUntilOf(inputs, span),
    fixedMs: inputs.images.all.map((image) => fixedLimitMs(slowLimitMs, image)),
    firstFaultMs: faults.reduce(
      (first, { startMs, missing }) =>
        Math.min(first, missing === 'started' || inputs.areFaultsDamaged ? -Infinity : startMs),
      Infinity,
    ),
    gaps: inputs.gaps,
    isEndKnown: isEndKnown(inputs),
    areFaultsDamaged: inputs.areFaultsDamaged,
    // A run that reports itself knows that it made none.
    areFaultsMissing: inputs.areFaultsMissing || (metadata === undefined && mayLackFaults(inputs)),
    longestMs: longestSuccessMs(inputs),
    faults,
    silences,
    restarts: whole === null ? [] : restartsOf(inputs, whole, windows),
    lost: lostSamples(inputs),
    damagedCount: inputs.files.reduce(
      (sum, { kind, badLines, repeats = 0 }) => sum + (kind === 'records' ? badLines - repeats : 0),
      0,
    ),
    differingClients: inputs.differingClients,
    conflictCount: inputs.records.reduce((sum, { conflicts }) => sum + conflicts, 0),
    strayCount: inputs.records.reduce((sum, { strays }) => sum + strays, 0),
    leads: leaderSpans(inputs.events ?? [], windows, inputs.lives, silences),
    silentIds: silentServerIds(inputs),
  };
}

interface Costs {
  facts: BaselineFacts;
  grid: WindowGrid;
  costs: FaultCost[];
}

/** Returns null if there are no records. */
function costsOf(ground: Ground): Costs | null {
  const { forEachRow, span, run, gaps, faults, isEndKnown, areFaultsDamaged } = ground;
  if (span === null) return null;
  const facts = baselineOf(ground);
  const { slowMs, whyNoLimit, meanUnderWay } = facts;
  const grid = new WindowGrid({
    forEachRow,
    run: { from: run.from, to: Math.max(run.to, facts.span.to) },
    slowMs,
    meanUnderWay,
  });
  const costs = faultCosts({
    areFaultsDamaged,
    forEachRow,
    run,
    faults,
    slowMs,
    whyNoLimit,
    grid,
    gaps,
    isEndKnown,
    lastDueMs: span.lastDueMs,
  });
  return { facts, grid, costs };
}

function baselineParts({ images }: Inputs, { forEachRow }: Ground, costs: Costs | null) {
  if (costs === null) return { slow_limits_ms: null, baseline: null };
  const { facts, grid } = costs;
  const limits = images.all.map((image, index): [string, number | null] => {
    const limitMs = facts.slowMs[index]!;
    return [image, Number.isNaN(limitMs) ? null : roundedMs(limitMs)];
  });
  return { slow_limits_ms: Object.fromEntries(limits), baseline: baselineFigures(facts, grid, forEachRow) };
}

/** Returns null if there is no file of faults. */
function judgedOf(
  inputs: Inputs,
  { run, faults, leads: spans, silentIds }: Ground,
  { costs }: Costs,
): JudgedFault[] | null {
  // Damaged lines may have been faults; lines of other times say nothing of this run.
  const isTold = faults.length > 0 || (inputs.faults?.length === 0 && !inputs.areFaultsDamaged);
  if (inputs.faults === null || !isTold) return null;
  const { events, eventServerIds } = inputs;
  return judgeFaults({
    costs,
    faults,
    areFaultsDamaged: inputs.areFaultsDamaged,
    events,
    eventServerIds,
    silentIds,
    run,
    spans,
  }).map(({ report, recovering }) => {
    return { report: withoutDoubtful(report, run, inputs.clockDoubts), recovering };
  });
}

function phasesOf(judged: readonly JudgedFault[] | null, { run, warmUntilMs }: Ground): Phases {
  const all = judged ?? [];
  return {
    fault: all.map(({ report }) => ({ from: report.start, to: report.end ?? run.to })),
    recovering: all.flatMap(({ recovering }) => recovering ?? []),
    warmUntilMs,
  };
}

function blocksIn(inputs: Inputs, ground: Ground, { fault, recovering }: Phases) {
  const { forEachRow, run, warmUntilMs, longestMs } = ground;
  const troubled = [...fault, ...recovering];
  const unknown = whyBlocksUnknown(inputs, ground);
  return blocksOf(forEachRow, { images: inputs.images.all, run, warmUntilMs, troubled, longestMs, unknown });
}

function whyBlocksUnknown(inputs: Inputs, ground: Ground): string | null {
  const unplaced = unplacedCount(inputs);
  if (unplaced > 0) return `${unplaced} request${unplaced === 1 ? ' has' : 's have'} no record`;
  if (!isEndKnown(inputs)) return 'it is unknown when the load ended';
  if (ground.areFaultsMissing) return NO_FAULT_FILE;
  return arePhasesKnown(ground) ? null : 'a line is missing in the file of faults';
}

/** Returns false if a line of a fault, or the file, is missing: then requests cannot be assigned to phases. */
function arePhasesKnown({ faults, areFaultsDamaged, areFaultsMissing }: Ground): boolean {
  return !areFaultsDamaged && !areFaultsMissing && faults.every(({ missing }) => missing === null);
}

/** Returns the parts that combine faults, events and rows. */
function judgedParts(
  inputs: Inputs,
  counted: Counted,
  ground: Ground,
  judged: readonly JudgedFault[] | null,
  addresses: readonly string[] | undefined,
) {
  const { forEachRow, span: run, whole, leads, silences } = ground;
  const { events, records, lives } = inputs;
  const reports = judged && judged.map(({ report }) => report);
  const windows = (reports ?? []).map(({ start, end }) => ({ from: start, to: end ?? Infinity }));
  const totals = serverTotals(inputs, counted.byServer).map(([, count]) => count);
  const requests = records.reduce((sum, { columns }) => sum + columns.count, 0);
  const successes = [...counted.cells.values()].flat().reduce((sum, cell) => sum + cell.successes.count, 0);
  const kills = (reports ?? []).filter(({ kind }) => kind === 'kill');
  const excusable = kills.length === 0 ? 0 : lastAnswersOf(kills, inputs.servers.all, inputs.lastWords, forEachRow);
  const isInDoubt = whole !== null && isLeadInDoubt(whole, inputs.clockDoubts);
  const span = whole ?? (events && { from: events[0]?.time ?? 0, to: events.at(-1)?.time ?? 0 });
  return {
    faults: reports,
    balance: balanceOf({
      forEachRow,
      serverCount: inputs.servers.all.length,
      totals,
      expectedCount: expectedServerCount(inputs, addresses),
      run,
      faults: windows,
    }),
    audit: auditOf(inputs, {
      requests,
      successes,
      hedged: counted.hedged,
      wrong: wrongCarriers(inputs),
      kills,
      silentIds: silences.map(({ serverId }) => serverId),
      excusable,
      run,
      serverIds: inputs.servers.all.filter((_, index) => counted.byServer[index]! > 0),
    }),
    leaders:
      events && span && !isInDoubt
        ? leadersDuring(leads, {
            lives,
            run: span,
            unknown: whyNoLeaders(inputs, ground),
          })
        : null,
  };
}

/** A kill or pause whose time is unknown may have ended a lead at any time. */
function whyNoLeaders(inputs: Inputs, ground: Ground): string | null {
  const { faults, silentIds, silences, leads, areFaultsMissing } = ground;
  if (areFaultsMissing) return NO_FAULT_FILE;
  if (inputs.areFaultsDamaged) return DAMAGED;
  if (!isEndKnown(inputs)) return 'when the load ended is not known';
  if (silentIds.length > 0) return noEventsText(silentIds);
  const cut = silences.filter((life) => !isSeenToEnd(life, inputs.events ?? [])).map(({ serverId }) => serverId);
  if (cut.length > 0) return endsEarlyText(cut);
  const untold = untoldLead(inputs.events ?? [], leads);
  if (untold !== null) return `the file of server ${untold.leaderId} does not tell that it led in term ${untold.term}`;
  const undated = faults.find((fault) => ['kill', 'pause'].includes(fault.kind) && fault.missing !== null);
  if (undated !== undefined) return `of the ${undated.kind} of server ${undated.serverId}, ${missingLineOf(undated)}`;
  // It may have led again at any time.
  const unhealed = faults.find(({ kind, healedMs }) => kind === 'pause' && healedMs === null);
  return unhealed === undefined
    ? null
    : `of the pause of server ${unhealed.serverId}, the heal is missing in the file of faults`;
}
