/** Converts the report to the data of its page's charts. */
import { dueText } from '../../../core/metrics/loop';
import { printable } from '../../../core/printable';
import type { CurvePoint, FaultReport, Interval, Report, ServerSeries, Timeline } from '../../report';
import type { ChartData, FaultShade, Layer, Line, SampleRow, Values } from './chart-types';
import { type Colour, GENERATOR, OTHER, PERCENTILES, reasonColour, serverColour, UNDECIDED } from './palette';

const MAX_NAME_CHARS = 200;
/** The number of reasons with a colour of their own. */
const MAX_REASONS = 7;
/** A gap of more than this many sampling intervals is shown as missing data. */
const GAP_SPANS = 3;
const BYTES_PER_MIB = 1024 * 1024;

/** Returns the ids of all servers in the report, ascending; the position determines the colour. */
export function serverIdsOf({ server_distribution, timeline, leaders, servers, faults }: Report): number[] {
  const ids = [
    ...Object.keys(server_distribution).map(Number),
    ...(timeline?.by_server ?? []).map(({ server_id: id }) => id),
    ...(leaders?.timeline ?? []).map(({ server_id: id }) => id),
    ...servers.map(({ server_id: id }) => id),
    ...(faults ?? []).map(({ server_id: id }) => id),
  ];
  return [...new Set(ids)].sort((a, b) => a - b);
}

/** Returns the time span that all charts share, in Unix milliseconds; null if the report has no times. */
export function axisOf({ timeline, leaders, servers, faults }: Report): Interval | null {
  if (timeline) return { from: timeline.from, to: timeline.from + timeline.window_ms * timeline.requests.length };
  const times = [
    ...(leaders?.timeline ?? []).flatMap(({ from, to }) => [from, to]),
    ...servers.flatMap(({ time }) => [time[0] ?? Infinity, time.at(-1) ?? -Infinity]),
    ...(faults ?? []).map(({ start }) => start),
  ].filter(Number.isFinite);
  if (times.length === 0) return null;
  const from = times.reduce((first, time) => Math.min(first, time));
  return { from, to: times.reduce((last, time) => Math.max(last, time)) };
}

/** Returns null if there is nothing to draw. */
export function chartDataOf(report: Report): ChartData | null {
  const axis = axisOf(report);
  const curve = curveOf(report);
  if (axis === null && curve === null) return null;
  const { from, to } = axis ?? { from: 0, to: 0 };
  const secs = (time: number): number => rounded((time - from) / 1000);
  const ids = serverIdsOf(report);
  const rows = new Map(ids.map((id, row) => [id, row]));
  const colourOf = (id: number): Colour => serverColour(rows.get(id)!);
  const clip = (spans: readonly Interval[]) => spans.map((span) => ({ from: secs(span.from), to: secs(span.to) }));
  const { leaders, timeline } = report;
  return {
    endSecs: secs(to),
    faults: (report.faults ?? []).map((fault) => shadeOf(fault, to, secs)),
    latency: timeline && latencyOf(timeline),
    windows: timeline && windowsOf(timeline, colourOf),
    leadership: leaders && {
      rows: ids.map((server) => ({ server, name: `server ${server}`, colour: colourOf(server) })),
      spans: leaders.timeline.map((span) => ({
        row: rows.get(span.server_id)!,
        term: span.term,
        ...clip([span])[0]!,
      })),
      none: clip(leaders.none ?? []),
      several: clip(leaders.several ?? []),
    },
    servers: report.servers.map((series) => ({
      name: `Server ${series.server_id}`,
      colour: colourOf(series.server_id),
      ...samples(serverSeries(series), series.time, { from, to }),
    })),
    generators: report.generators.map(({ machine_id, time, ...series }) => ({
      name: `Machine ${machine_id}`,
      colour: GENERATOR,
      ...samples(
        {
          delay: series.event_loop_delay_ms,
          cpu: series.cpu_percent,
          flight: series.in_flight,
          backlog: series.verification_backlog,
        },
        time,
        { from, to },
      ),
    })),
    curve,
  };
}

function shadeOf(fault: FaultReport, endMs: number, secs: (time: number) => number): FaultShade {
  const to = fault.end ?? endMs;
  return {
    server: fault.server_id,
    from: secs(fault.start),
    to: secs(to),
    felt: secs(Math.max(to, fault.recovered ?? to)),
    labels: [`${fault.kind} server ${fault.server_id}`, `${fault.kind} ${fault.server_id}`, `${fault.server_id}`],
  };
}

function latencyOf({ window_ms, p50_ms, p95_ms, p99_ms, max_ms }: Timeline): ChartData['latency'] {
  const secs = window_ms / 1000;
  const line = (name: string, at: 0 | 1 | 2 | 3, values: Values, widthPx: number): Line & { secs: number } => {
    return {
      name,
      colour: PERCENTILES[at],
      look: at === 3 ? 'dashes' : 'line',
      widthPx,
      secs,
      values: shortened(values),
    };
  };
  return {
    lines: [
      line('p50', 0, p50_ms, 1.5),
      line('p95', 1, p95_ms, 1.5),
      line('p99', 2, p99_ms, 2),
      line('max', 3, max_ms, 1.25),
    ],
    fan: [2, 0],
  };
}

function windowsOf(timeline: Timeline, colourOf: (id: number) => Colour): NonNullable<ChartData['windows']> {
  const secs = timeline.window_ms / 1000;
  const perSecond = (counts: readonly number[]): number[] => counts.map((count) => short(count / secs));
  const servers: Layer[] = [...timeline.by_server]
    .sort((a, b) => a.server_id - b.server_id)
    .map(({ server_id: id, requests }) => ({
      name: `server ${id}`,
      colour: colourOf(id),
      values: perSecond(requests),
    }));
  const left = timeline.requests.map((count, at) =>
    timeline.by_server.reduce((rest, { requests }) => rest - requests[at]!, count - timeline.undecided[at]!),
  );
  if (left.some((count) => count > 0)) {
    servers.push({ name: 'no server', colour: OTHER, values: perSecond(left.map((count) => Math.max(0, count))) });
  }
  if (timeline.undecided.some((count) => count > 0)) {
    servers.push({ name: 'undecided at the end', colour: UNDECIDED, values: perSecond(timeline.undecided) });
  }
  return { secs, count: timeline.requests.length, servers, reasons: reasonLayers(timeline) };
}

/** Returns the most frequent reasons, and one layer for the rest. */
function reasonLayers({ by_reason: reasons, requests }: Timeline): Layer[] {
  const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);
  const sorted = reasons
    .map(({ reason, requests: counts }) => ({ reason, counts, total: total(counts) }))
    .filter((each) => each.total > 0)
    .sort((a, b) => b.total - a.total || (a.reason < b.reason ? -1 : 1));
  const isAll = sorted.length <= MAX_REASONS + 1;
  const layers = sorted.slice(0, isAll ? sorted.length : MAX_REASONS).map(({ reason, counts }, at) => ({
    name: printable(reason, MAX_NAME_CHARS),
    colour: reasonColour(at),
    values: counts,
  }));
  if (isAll) return layers;
  const rest = sorted.slice(MAX_REASONS);
  const values = requests.map((_, at) => rest.reduce((sum, { counts }) => sum + counts[at]!, 0));
  return [...layers, { name: `${rest.length} other reasons`, colour: OTHER, values }];
}

function serverSeries(series: ServerSeries): Record<string, number[]> {
  return {
    cpu: series.cpu_percent,
    active: series.active,
    queued: series.queued,
    delay: series.event_loop_delay_ms,
    memory: series.memory_bytes.map((bytes) => bytes / BYTES_PER_MIB),
  };
}

/** Selects the samples within the axis; null marks gaps, so that no line spans the time of a dead server. */
function samples(
  series: Record<string, readonly number[]>,
  time: readonly number[],
  { from, to }: Interval,
): Pick<SampleRow, 'time' | 'series'> {
  const kept = time.flatMap((at, index) => (at >= from && at <= to ? [index] : []));
  const steps = kept.slice(1).map((index, at) => time[index]! - time[kept[at]!]!);
  const usual = steps.toSorted((a, b) => a - b)[Math.floor(steps.length / 2)] ?? 0;
  const places = kept.flatMap((index, at) => (at > 0 && steps[at - 1]! > GAP_SPANS * usual ? [null, index] : [index]));
  const timeOf = (index: number | null, at: number): number =>
    index === null ? (time[places[at - 1]!]! + time[places[at + 1]!]!) / 2 : time[index]!;
  return {
    time: places.map((index, at) => Math.round((timeOf(index, at) - from) / 10) / 100),
    series: Object.fromEntries(
      Object.entries(series).map(([key, values]) => [
        key,
        places.map((index) => (index === null ? null : short(values[index]!))),
      ]),
    ),
  };
}

function curveOf(report: Report): ChartData['curve'] {
  const points = curvePoints(report);
  if (points === null) return null;
  const percentiles = points.map(({ percentile }) => percentile);
  const [service, , latency] = PERCENTILES;
  return [
    {
      name: `latency of all requests, from ${dueText(report.loop)}`,
      colour: latency,
      look: 'line',
      widthPx: 2,
      percentiles,
      values: shortened(points.map(({ latency_ms: ms }) => ms)),
    },
    {
      name: 'service time of successes, from the actual send',
      colour: service,
      look: 'dashes',
      widthPx: 2,
      percentiles,
      values: shortened(points.map(({ service_ms: ms }) => ms)),
    },
  ];
}

type CurveFigures = Pick<Report, 'percentile_curve' | 'total_requests'>;

/** Returns the points that a curve can show; null if there are too few. */
export function curvePoints({ percentile_curve: curve, total_requests: total }: CurveFigures): CurvePoint[] | null {
  // No request lies between the slowest one and the one before it.
  const highest = 100 * (1 - 1 / Math.max(1, total));
  const points = curve.filter(
    ({ percentile, latency_ms: ms }) => ms !== null && (percentile <= highest || percentile === 100),
  );
  return points.length < 2 ? null : points;
}

/** Rounds each value, see `short`. */
export function shortened(values: Values): Values {
  return values.map((value) => (value === null ? null : short(value)));
}

/** Rounds to four digits, more than a chart can show. */
function short(value: number): number {
  return Number(value.toPrecision(4));
}

/** Rounds to the millisecond. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
