/** Renders the timeline of a report as a CSV table (RFC 4180). */
import { printable } from '../../core/printable';
import type { FaultReport, LeaderSpan, Report } from '../report';
import { isoTime } from '../../core/system/iso-time';

const NAME_CHARS = 200;
const HEAD = ['time', 'unix_ms', 'requests', 'failed', 'undecided', 'p50_ms', 'p95_ms', 'p99_ms', 'max_ms'];

/**
 * Renders a row for each window, with a column for each server and each failure reason, the active faults, and the
 * leaders. Without a timeline, only the header.
 */
export function renderCsv({ timeline, faults, leaders }: Report): string {
  const servers = timeline?.by_server ?? [];
  const reasons = timeline?.by_reason ?? [];
  const head = [
    ...HEAD,
    ...servers.map(({ server_id }) => `server_${server_id}`),
    ...reasons.map(({ reason }) => `failed: ${reason}`),
    ...['faults', 'leader'],
  ];
  const rows = (timeline?.requests ?? []).map((requests, at) => {
    const { from: first, window_ms: windowMs, failed, undecided, p50_ms, p95_ms, p99_ms, max_ms } = timeline!;
    const from = first + at * windowMs;
    return [
      ...[isoTime(from), from, requests, failed[at]!, undecided[at]!],
      ...[p50_ms, p95_ms, p99_ms, max_ms].map((each) => each[at]!),
      ...[...servers, ...reasons].map((each) => each.requests[at]!),
      ...[faultsIn(faults ?? [], from, from + windowMs), leadersIn(leaders?.timeline ?? [], from, from + windowMs)],
    ];
  });
  return [head, ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}

function faultsIn(faults: readonly FaultReport[], from: number, to: number): string {
  return faults
    .filter(({ start, end }) => start < to && (end ?? Infinity) >= from)
    .map(({ kind, server_id }) => `${kind} server ${server_id}`)
    .join('; ');
}

/** Returns the ids of the leaders, in the order in which they led. */
function leadersIn(spans: readonly LeaderSpan[], from: number, to: number): string {
  const ids = spans.filter((span) => span.from < to && span.to >= from).map(({ server_id }) => server_id);
  return [...new Set(ids)].join('; ');
}

/** Quotes a cell. No cell begins with foreign text, which a spreadsheet might take for a formula. */
function cell(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const text = printable(value, NAME_CHARS);
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
