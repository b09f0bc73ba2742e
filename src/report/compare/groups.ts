/** Compares the figures of two reports that windows do not provide, and the exact ones of the whole run. */
import { exactQuantile } from '../../core/metrics/digest';
import type { PhaseName } from '../report';
import type { Compared, Row, Unit } from './comparison';
import { rowOf } from './row';

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
    { group: 'Service time of successes, from the send', rows: serviceRows(row) },
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

type MakeRow = (name: string, unit: Unit, tell: Tell) => Row;

function wholeRows(row: MakeRow): Row[] {
  return [
    row('goodput', '/s', (report) => report.goodput_per_s),
    row('failure rate', '%', (report) => report.failure_rate_max),
    row('requests', '', (report) => report.total_requests),
    row('duration', 's', (report) => report.duration_secs),
    row('min', 'ms', ({ all_stats: stats }) => stats.min_ms),
    row('avg', 'ms', ({ all_stats: stats }) => stats.avg_ms),
    row('p50', 'ms', ({ all_stats: stats }) => stats.median_ms),
    row('p95', 'ms', ({ all_stats: stats }) => stats.p95_ms),
    row('p99', 'ms', ({ all_stats: stats }) => stats.p99_ms),
    row('p99.9', 'ms', ({ all_stats: stats }) => stats.p99_9_ms),
    row('max', 'ms', ({ all_stats: stats }) => stats.max_ms),
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
      of(({ failed, undecided, requests }) =>
        requests === 0 || failed === null ? null : ((failed + undecided) / requests) * 100,
      ),
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
  // Unknown is the worst, except where the server did not lead.
  const quantile = (measure: Measure, q: number): Tell => {
    return ({ faults }) => {
      const known = Float64Array.from((faults ?? []).flatMap((fault) => fault[measure] ?? [])).sort();
      const count = measure === 'leader_all_ms' ? known.length : (faults ?? []).length;
      return Math.ceil(Math.min(count - 1, q * count - 0.5)) < known.length ? exactQuantile(known, q, count) : null;
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
