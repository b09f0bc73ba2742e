/** Builds the report from everything that was read, by combining the analyses in this folder. */
import type { RuleResult } from '../../core/rule-result';
import type { ForEachRow } from '../read/columns';
import { auditOf, lastAnswersOf } from './audit';
import { balanceOf } from './balance';
import { VERIFICATION_FAILED } from '../../core/metrics/failure-reasons';
import type { Threshold } from '../../core/metrics/threshold';
import { checkThresholds } from './checks';
import { isLeadInDoubt, withoutDoubtful } from './clock-doubts';
import { type Counted, countRows, type Phases } from './count-rows';
import { type JudgedFault, judgeFaults } from './fault-reports';
import { faultsDuring, faultWindows } from './fault-windows';
import type { Inputs } from '../read/inputs';
import { leadersDuring, leaderSpans } from './leaders';
import { slowAboveMs } from './recovery';
import type { Interval, Report, RunMetadata, Scale } from '../report';
import { rowsOf, runSpanOf } from '../read/run-span';
import { selfCheck } from './self-check';
import { generatorSeriesOf, serverSeriesOf } from './series';
import { timelineOf } from './timeline';
import { serverTotals, totalsOf, warmupSecsOf } from './totals';

export interface BuildOptions {
  thresholds: readonly Threshold[];
  /** Verdicts of the caller, reported unchanged. */
  rules?: readonly RuleResult[];
  run?: RunMetadata;
}

/** The rows and the bounds that all parts of the report share. */
interface Ground {
  forEachRow: ForEachRow;
  /** null if there are no records. */
  run: Interval | null;
  /** Requests that start earlier are warm-up; -Infinity if there is none. */
  warmUntilMs: number;
}

/** Equal inputs give equal reports. */
export function buildReport(inputs: Inputs, { thresholds, rules, run: metadata }: BuildOptions): Report {
  const run = runSpanOf(inputs.records);
  const warmupMs = warmupSecsOf(inputs) * 1000;
  const warmUntilMs = run === null || warmupMs === 0 ? -Infinity : run.from + warmupMs;
  const ground: Ground = { forEachRow: rowsOf(inputs.records), run, warmUntilMs };
  const judged = judgedOf(inputs, ground);
  const counted = countRows(inputs, ground.forEachRow, phasesOf(judged, ground));
  const { files, missing, notes, servers, reasons } = inputs;
  const told = {
    ...totalsOf(inputs, counted, run),
    ...judgedParts(inputs, counted, ground, judged),
    timeline: timelineOf(ground.forEachRow, run, {
      servers: servers.all,
      reasons: reasons.all,
      requestCount: inputs.records.reduce((sum, { columns }) => sum + columns.count, 0),
    }),
    servers: serverSeriesOf(inputs),
    generators: generatorSeriesOf(inputs),
    loads: [...inputs.loads].sort((a, b) => a.machine_id - b.machine_id),
    clocks: inputs.clocks,
    clock_changes: inputs.clockChanges,
    inputs: { files, missing, notes },
  };
  const unchecked = { ...told, verdict: verdictOf(told.failure_rate, told.total_requests), thresholds: [] };
  const { inputs: read, ...whole } = unchecked;
  const report: Report = {
    ...whole,
    self_check: selfCheck(unchecked, inputs, counted),
    ...(rules && { rules: [...rules] }),
    ...(metadata && { run: metadata }),
    inputs: read,
  };
  return { ...report, thresholds: checkThresholds(report, thresholds) };
}

/** Returns null if there is no file of faults, or no records to assess them by. */
function judgedOf(inputs: Inputs, { forEachRow, run, warmUntilMs }: Ground): JudgedFault[] | null {
  if (inputs.faults === null || run === null) return null;
  const all = faultWindows(inputs.faults);
  const faults = faultsDuring(all, run);
  const ranges = faults.map(({ startMs, healedMs }) => ({ from: startMs, to: healedMs ?? Infinity }));
  const warmRows: ForEachRow = (visit) => forEachRow((row) => row.startMs >= warmUntilMs && visit(row));
  const slowMs = slowAboveMs(warmRows, inputs.images.all.length, ranges);
  const { events, eventServerIds } = inputs;
  const context = { forEachRow, slowMs, faults, events, eventServerIds, run, spans: leaderSpans(events ?? [], all) };
  return judgeFaults(context).map(({ report, recovering }) => {
    return { report: withoutDoubtful(report, run, inputs.clockDoubts), recovering };
  });
}

function phasesOf(judged: readonly JudgedFault[] | null, { run, warmUntilMs }: Ground): Phases {
  const all = run === null ? [] : (judged ?? []);
  return {
    fault: all.map(({ report }) => ({ from: report.start, to: report.end ?? run!.to })),
    recovering: all.flatMap(({ recovering }) => recovering ?? []),
    warmUntilMs,
  };
}

/** Returns the parts that combine faults, events and rows. */
function judgedParts(
  inputs: Inputs,
  counted: Counted,
  { forEachRow, run }: Ground,
  judged: readonly JudgedFault[] | null,
) {
  const { events, faults, records } = inputs;
  const reports = judged && judged.map(({ report }) => report);
  const windows = (reports ?? []).map(({ start, end }) => ({ from: start, to: end ?? Infinity }));
  const totals = serverTotals(inputs, counted.byServer).map(([, count]) => count);
  const requests = records.reduce((sum, { columns }) => sum + columns.count, 0);
  const failed = [...counted.cells.values()].flat().reduce((sum, cell) => sum + cell.failed, 0);
  const corrupted = records.reduce((sum, { reasons }) => sum + (reasons.get(VERIFICATION_FAILED) ?? 0), 0);
  const kills = (reports ?? []).filter(({ kind }) => kind === 'kill');
  const excusable = kills.length === 0 ? 0 : lastAnswersOf(kills, inputs.servers.all, inputs.lastWords, forEachRow);
  const isInDoubt = run !== null && isLeadInDoubt(run, inputs.clockDoubts);
  const span = run ?? (events && { from: events[0]?.time ?? 0, to: events.at(-1)?.time ?? 0 });
  return {
    faults: reports,
    balance: balanceOf(forEachRow, inputs.servers.all.length, totals, run, windows),
    audit: auditOf(inputs, {
      requests,
      successes: requests - failed,
      hedged: counted.hedged,
      corrupted,
      kills,
      excusable,
      serverIds: inputs.servers.all.filter((_, index) => counted.byServer[index]! > 0),
    }),
    leaders:
      events && span && !isInDoubt
        ? leadersDuring(leaderSpans(events, faultWindows(faults ?? [])), events, span)
        : null,
  };
}

/** Applies the guide's scale. */
function verdictOf(rate: number, total: number): Report['verdict'] {
  const scale: Scale =
    total === 0 ? 'unknown' : rate < 1 ? 'excellent' : rate <= 5 ? 'acceptable under faults' : 'investigate';
  const texts: Record<Scale, string> = {
    excellent: 'Excellent fault tolerance: less than 1% of the requests failed.',
    'acceptable under faults': 'Acceptable with fault simulation: 1 to 5% of the requests failed.',
    investigate: 'Investigate the failure reasons: more than 5% of the requests failed.',
    unknown: 'No verdict: no request finished.',
  };
  return { failure_rate: rate, scale, text: texts[scale] };
}
