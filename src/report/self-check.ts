import type { Inputs } from './inputs';
import type { Report } from './report';

/** Requests that leave this much later than intended at their 95th percentile speak of a busy generator. */
const LATE_MS = 10;

/** What a reader must know before trusting the numbers, in plain sentences. */
export function selfCheck(report: Omit<Report, 'self_check'>, inputs: Inputs, facts: { retried: number }): string[] {
  return [...generator(report), ...retries(report, facts.retried), ...gaps(report, inputs), ...clocks(report, inputs)];
}

function generator({ latency_stats: latency, service_stats: service }: Omit<Report, 'self_check'>): string[] {
  if (service.p95_ms === null || latency.p95_ms === null) {
    return ['Without records of single requests, nothing tells whether the load generator was saturated.'];
  }
  const lateMs = latency.p95_ms - service.p95_ms;
  if (lateMs <= LATE_MS) return ['The load generator kept up: requests left when they were meant to.'];
  return [
    `The load generator may have been saturated: p95 is ${lateMs.toFixed(1)} ms longer from the intended start than from the send.`,
  ];
}

function retries({ successful_requests: successful }: Omit<Report, 'self_check'>, retried: number): string[] {
  if (retried === 0) return [];
  const share = successful === 0 ? '' : ` (${((retried / successful) * 100).toFixed(2)}% of the successes)`;
  return [`${retried} successes${share} needed a retry or a second server: the failure rate alone hides them.`];
}

function gaps(report: Omit<Report, 'self_check'>, inputs: Inputs): string[] {
  const damaged = inputs.files.filter(({ badLines }) => badLines > 0);
  const badLines = damaged.reduce((sum, file) => sum + file.badLines, 0);
  const { interrupted_requests: interrupted, unsent_requests: unsent, clients_without_percentiles: mute } = report;
  const cut = interrupted + unsent;
  return [
    ...(inputs.missing.length > 0
      ? [`${inputs.missing.length} places could not be read: the report is incomplete.`]
      : []),
    ...(damaged.length > 0 ? [`${badLines} lines in ${damaged.length} files are damaged and do not count.`] : []),
    ...(cut > 0 ? [`${interrupted} requests were interrupted and ${unsent} not sent; they are in no total.`] : []),
    ...(mute > 0
      ? [`${mute} clients have no percentiles: their latencies are in minimum, maximum and average only.`]
      : []),
    ...(inputs.faults === null ? ['There is no file of faults: whether there were any is unknown.'] : []),
    ...(inputs.events === null ? ['There are no event files of the servers: leaders and audit are unknown.'] : []),
  ];
}

function clocks({ faults }: Omit<Report, 'self_check'>, { events }: Inputs): string[] {
  if (events === null && (faults === null || faults.length === 0)) return [];
  return ['Clocks were not compared: times of clients, servers and faults agree as well as their machines do.'];
}
