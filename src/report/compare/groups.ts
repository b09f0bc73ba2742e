/** Compares the figures of two reports that windows do not provide, and the exact ones of the whole run. */
import { exactQuantile } from '../../core/metrics/digest';
import type { PhaseName } from '../report';
import type { Compared, Row, Unit } from './comparison';

type Told = number | null | undefined;
type Tell = (report: Compared) => Told;

export function groupsOf(a: Compared, b: Compared): { group: string; rows: Row[] }[] {
  const row = (name: string, unit: Unit, tell: Tell): Row => rowOf(name, unit, tell(a), tell(b));
  const phases = (['steady', 'fault', 'recovering'] as const).map((phase) => ({
    group: `Phase ${phase}`,
    rows: phaseRows(phase, row),
  }));
  const all = [
    { group: 'Whole run', rows: wholeRows(row) },
    { group: 'Service time, from the actual send', rows: serviceRows(row) },
    ...phases,
    { group: 'Faults', rows: faultRows(row) },
    { group: 'Balance', rows: balanceRows([a, b], row) },
    { group: 'Work', rows: workRows(row) },
  ];
  // Rows without a value and groups without rows are omitted.
  return all
    .map(({ group, rows }) => ({ group, rows: rows.filter((each) => each.a !== null || each.b !== null) }))
    .filter(({ rows }) => rows.length > 0);
}

/** Computes the change in percent of A, or in percentage points for percentages; null if unknown. */
export function rowOf(name: string, unit: Unit, valueA: Told, valueB: Told): Row {
  const [a, b] = [valueA ?? null, valueB ?? null];
  return { name, unit, a, b, change: a === null || b === null ? null : changeOf(unit, a, b) };
}

function changeOf(unit: Unit, a: number, b: number): number | null {
  if (unit === '%') return b - a;
  if (a === b) return 0;
  return a > 0 ? (b / a - 1) * 100 : null;
}

type MakeRow = (name: string, unit: Unit, tell: Tell) => Row;

function wholeRows(row: MakeRow): Row[] {
  return [
    row('requests', '', (report) => report.total_requests),
    row('duration', 's', (report) => report.duration_secs),
    row('throughput', '/s', (report) => report.throughput_per_s),
    row('failure rate', '%', (report) => report.failure_rate),
    row('min', 'ms', ({ latency_stats: stats }) => stats.min_ms),
    row('avg', 'ms', ({ latency_stats: stats }) => stats.avg_ms),
    row('p50', 'ms', ({ latency_stats: stats }) => stats.median_ms),
    row('p95', 'ms', ({ latency_stats: stats }) => stats.p95_ms),
    row('p99', 'ms', ({ latency_stats: stats }) => stats.p99_ms),
    row('p99.9', 'ms', (report) => report.p99_9_ms),
    row('max', 'ms', ({ latency_stats: stats }) => stats.max_ms),
  ];
}

function serviceRows(row: MakeRow): Row[] {
  return [
    row('avg', 'ms', ({ service_stats: stats }) => stats.avg_ms),
    row('p50', 'ms', ({ service_stats: stats }) => stats.median_ms),
    row('p95', 'ms', ({ service_stats: stats }) => stats.p95_ms),
    row('p99', 'ms', ({ service_stats: stats }) => stats.p99_ms),
    row('max', 'ms', ({ service_stats: stats }) => stats.max_ms),
  ];
}

function phaseRows(phase: PhaseName, row: MakeRow): Row[] {
  type Phase = Compared['phases'][number];
  const of = (tell: (share: Phase) => number | null) => (report: Compared) => {
    const share = report.phases.find((each) => each.phase === phase);
    return share && tell(share);
  };
  return [
    row(
      'requests',
      '',
      of(({ requests }) => requests),
    ),
    row(
      'failure rate',
      '%',
      of(({ failed, undecided, requests }) => {
        const decided = requests - undecided;
        return decided === 0 || failed === null ? null : (failed / decided) * 100;
      }),
    ),
    row(
      'p50',
      'ms',
      of(({ p50_ms }) => p50_ms),
    ),
    row(
      'p95',
      'ms',
      of(({ p95_ms }) => p95_ms),
    ),
    row(
      'p99',
      'ms',
      of(({ p99_ms }) => p99_ms),
    ),
    row(
      'p99.9',
      'ms',
      of(({ p99_9_ms }) => p99_9_ms),
    ),
    row(
      'max',
      'ms',
      of(({ max_ms }) => max_ms),
    ),
  ];
}

function faultRows(row: MakeRow): Row[] {
  type Measure = 'felt_ms' | 'recovered_ms' | 'detected_first_ms' | 'leader_all_ms';
  const quantile = (measure: Measure, q: number): Tell => {
    return ({ faults }) => {
      const known = (faults ?? []).flatMap((fault) => fault[measure] ?? []);
      return exactQuantile(Float64Array.from(known).sort(), q);
    };
  };
  const both = (name: string, measure: Measure): Row[] => [
    row(`${name}, median`, 'ms', quantile(measure, 0.5)),
    row(`${name}, worst`, 'ms', quantile(measure, 1)),
  ];
  const none = (faults: Compared['faults']): boolean => faults === null || faults.length === 0;
  return [
    row('faults', '', ({ faults }) => (none(faults) ? null : faults!.length)),
    ...both('felt for', 'felt_ms'),
    ...both('recovered after', 'recovered_ms'),
    ...both('detected after', 'detected_first_ms'),
    ...both('all followed the new leader after', 'leader_all_ms'),
    row('recovery unknown', '', ({ faults }) =>
      none(faults) ? null : faults!.filter((fault) => fault.recovered_ms === null).length,
    ),
  ];
}

function balanceRows(both: readonly Compared[], row: MakeRow): Row[] {
  const ids = [...new Set(both.flatMap(({ server_distribution: servers }) => Object.keys(servers)))];
  const share =
    (id: string) =>
    ({ server_distribution: servers }: Compared) => {
      const all = Object.values(servers).reduce((sum, count) => sum + count, 0);
      return all === 0 ? null : ((Object.hasOwn(servers, id) ? servers[id]! : 0) / all) * 100;
    };
  return [
    row('largest / mean, whole run', '', ({ balance }) => balance.total_max_over_mean),
    row('largest / mean, median window', '', ({ balance }) => balance.max_over_mean.median),
    row('largest / mean, worst window', '', ({ balance }) => balance.max_over_mean.worst),
    ...ids.sort((a, b) => Number(a) - Number(b)).map((id) => row(`share of server ${id}`, '%', share(id))),
  ];
}

function workRows(row: MakeRow): Row[] {
  const each = (tell: (report: Compared) => number): Tell => {
    return (report) => (report.total_requests === 0 ? null : tell(report) / report.total_requests);
  };
  return [
    row('retries', '', (report) => report.retry_count),
    row('sent to a second server', '', ({ audit }) => audit.hedged),
    row(
      'sent per request',
      'bytes',
      each((report) => report.bytes_sent),
    ),
    row(
      'received per request',
      'bytes',
      each((report) => report.bytes_received),
    ),
  ];
}
