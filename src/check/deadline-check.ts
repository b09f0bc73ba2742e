/** Rule S5: every task that a client began ends before its deadline plus a grace period, for one of the known reasons. */
import { isFixedReason, isNeverSent } from '../core/metrics/failure-reasons';
import { ruleResult, type RuleResult } from '../core/rule-result';
import { READ_FIRST_MS } from '../core/system/pause-watch';
import { GRACE_MS, taskOf, type History } from './history';

type Request = History['requests'][number];

/** Reasons with a number, or with text from a server. */
const VARYING_REASONS = /^(Request timeout after [\d.]+s|Server error: .*)$/s;

/** Checks S5: also, that every task that a client began has a record at all. */
export function checkDeadlines(history: History): RuleResult {
  const problems: string[] = [];
  for (const record of history.requests) {
    const name = `${record.client_name}/${record.request_id}`;
    if (record.outcome !== 'success' && record.outcome !== 'failure') continue;
    if (record.service_ms > history.requestTimeoutMs + GRACE_MS + excusedMs(record)) {
      problems.push(`${name} took ${record.service_ms} ms`);
    }
    const reason = record.failure_reason ?? '';
    if (!record.success && !isFixedReason(reason) && !isNeverSent(reason) && !VARYING_REASONS.test(reason)) {
      problems.push(`${name} failed for an unknown reason: ${record.failure_reason}`);
    }
  }
  const lost = withoutRecord(history);
  const damagedLines = (history.damaged ?? []).filter(({ kind }) => kind === 'records');
  const isExcused = lost.length <= damagedLines.reduce((sum, { lines }) => sum + lines, 0);
  if (problems.length === 0 && lost.length > 0 && isExcused) return { rule: 'S5', verdict: 'unknown', problems: lost };
  return ruleResult('S5', [...problems, ...lost]);
}

/** After a pause of its process a client first reads the answers that have arrived meanwhile. */
function excusedMs({ paused_ms: pausedMs = 0 }: Request): number {
  return pausedMs > 0 ? pausedMs + READ_FIRST_MS : 0;
}

/**
 * Finds tasks that a client of the run began and that have no record: servers assigned or executed them, or the client's
 * ids have a gap. The run must have recorded a request that ended after the task's deadline: otherwise the program may
 * itself have been killed.
 */
function withoutRecord(history: History): string[] {
  const recorded = new Set(history.requests.map(taskOf));
  const lastEndMs = new Map<string, number>();
  for (const record of history.requests) {
    const endMs = record.start_time + record.latency_ms;
    lastEndMs.set(record.run_id, Math.max(lastEndMs.get(record.run_id) ?? -Infinity, endMs));
  }
  const isOverdue = (runId: string, begunMs: number): boolean =>
    begunMs + history.requestTimeoutMs + GRACE_MS < (lastEndMs.get(runId) ?? -Infinity);
  const lost = new Map<string, string>();
  for (const event of history.servers) {
    if (event.event !== 'assigned' && event.event !== 'executed') continue;
    const task = taskOf(event);
    if (recorded.has(task) || lost.has(task) || !isOverdue(event.run_id ?? '', event.time)) continue;
    lost.set(task, `${task} was ${event.event} at ${event.time.toFixed(1)} and has no record`);
  }
  for (const { record, missing } of gaps(history.requests)) {
    const sentMs = record.start_time + record.latency_ms - record.service_ms;
    for (const request_id of missing) {
      const task = taskOf({ ...record, request_id });
      if (!lost.has(task) && isOverdue(record.run_id, sentMs)) {
        lost.set(task, `${task} was begun before request ${record.request_id} and has no record`);
      }
    }
  }
  return [...lost.values()];
}

/** Returns the ids that a client skipped, with its next record. */
function gaps(requests: readonly Request[]): { record: Request; missing: number[] }[] {
  const clients = new Map<string, Request[]>();
  for (const record of requests) {
    const name = `${record.run_id}/${record.client_name}`;
    const own = clients.get(name);
    if (own) own.push(record);
    else clients.set(name, [record]);
  }
  return [...clients.values()].flatMap((records) => {
    records.sort((a, b) => a.request_id - b.request_id);
    return records.flatMap((record, index) => {
      const length = record.request_id - (records[index - 1]?.request_id ?? 0) - 1;
      if (length <= 0) return [];
      return [{ record, missing: Array.from({ length }, (_, back) => record.request_id - length + back) }];
    });
  });
}
