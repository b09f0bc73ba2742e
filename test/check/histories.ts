import type { History } from '../../src/check/history';
import type {
  FaultAction,
  FaultEvent,
  RequestRecord,
  ServerEvent,
  ServerEventBody,
} from '../../src/core/metrics/record';
import type { RuleResult } from '../../src/core/rule-result';

export const TIMINGS = { heartbeatMs: 1000, failureTimeoutMs: 5000, electionTimeoutMs: 2000 };
/** `failure_timeout + election_timeout + 2 heartbeats`. */
export const SETTLE_MS = 9000;
export const ONE_WAY_MS = 10;
const END_MS = 100_000;
const IDS = [1, 2, 3];

export const at = (time: number, server_id: number, body: ServerEventBody): ServerEvent => ({
  time,
  server_id,
  ...body,
});

export const leads = (time: number, server_id: number, leader_id: number, term: number): ServerEvent =>
  at(time, server_id, { event: 'leader', term, leader_id, reason: '' });

export const noLeader = (time: number, server_id: number, term: number): ServerEvent =>
  at(time, server_id, { event: 'election', term, reason: '' });

export const down = (time: number, server_id: number, peer_id: number): ServerEvent =>
  at(time, server_id, { event: 'peer_down', peer_id, reason: 'refused' });

export const up = (time: number, server_id: number, peer_id: number): ServerEvent =>
  at(time, server_id, { event: 'peer_up', peer_id });

const NAME = { run_id: 'r', client_name: 'c' };

export const assigned = (time: number, server_id: number, term: number): ServerEvent =>
  at(time, server_id, { event: 'assigned', term, to: 2, ...NAME, request_id: 1 });

export const executed = (request_id: number, outcome = 'answered'): ServerEvent =>
  at(1000, 2, { event: 'executed', outcome, incarnation: 'a', ...NAME, request_id });

export const sample = (time: number, server_id: number, ledger: number, active = 0, queued = 0): ServerEvent => {
  const load = { cpu_percent: 1, memory_bytes: 1, event_loop_delay_ms: 0 };
  return at(time, server_id, { event: 'sample', ...load, active, queued, ledger });
};

export const fault = (
  time: number,
  action: FaultAction,
  server_id: number,
  outcome: FaultEvent['outcome'] = 'done',
): FaultEvent => ({
  time,
  server_id,
  action,
  outcome,
  cycle: 1,
  host: 'h',
  pid: null,
  detail: null,
});

export function request(
  request_id: number,
  more: Partial<RequestRecord> = {},
): RequestRecord & { client_name: string } {
  return {
    client_id: 1,
    request_id,
    start_time: 1000,
    latency_ms: 50,
    service_ms: 50,
    success: true,
    failure_reason: null,
    assigned_server_id: 2,
    retry_count: 0,
    hedged: false,
    bytes_sent: 1,
    bytes_received: 1,
    image: 'a',
    term: 1,
    outcome: 'success',
    ...NAME,
    ...more,
  };
}

export const failed = (request_id: number, failure_reason: string | null, more: Partial<RequestRecord> = {}) =>
  request(request_id, { success: false, outcome: 'failure', failure_reason, ...more });

/** Three servers that start at 0, hear each other from 100 on, and follow 1 in term 1 from 200 on. */
export const QUIET: ServerEvent[] = [
  ...IDS.map((id) => at(0, id, { event: 'started', incarnation: 'a', address: '' })),
  ...IDS.flatMap((id) => IDS.filter((other) => other !== id).map((other) => up(100, id, other))),
  ...IDS.map((id) => leads(200, id, 1, 1)),
];

/** A quiet run of 100 s, with additional events. */
export function history(
  servers: ServerEvent[] = [],
  faults: History['faults'] = [],
  requests: History['requests'] = [],
  more: Partial<History> = {},
): History {
  const events = [...QUIET, ...servers].sort((a, b) => a.time - b.time);
  const run = {
    serverIds: IDS,
    timings: TIMINGS,
    requestTimeoutMs: 10_000,
    oneWayMs: ONE_WAY_MS,
    startMs: 0,
    endMs: END_MS,
  };
  return { servers: events, requests, faults, ...run, ...more };
}

/** The problems of a violated rule, otherwise its verdict. */
export function judged({ rule, verdict, problems }: RuleResult): string {
  if (verdict === true) expect(problems).toEqual([]);
  return verdict === false ? `${rule}: ${problems.join(' | ')}` : `${rule} ${verdict === true ? 'holds' : verdict}`;
}
