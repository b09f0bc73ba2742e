/** The plan of a run on this machine, as text. */
import { counted } from '../core/counted';
import type { RunConfig } from '../config/run-config';
import { ANY_OTHER, ENOUGH_SUCCESSES, fixedLimitMs } from '../core/metrics/slow-limit';
import { oneLine } from '../core/printable';
import { planFaults, type Step, timetable } from '../faults/plan';
import { FAULT_LABELS } from '../faults/fault-labels';
import { offeredPerSecond } from '../client/pacer.pure';
import { latestFirstMs } from './baseline-count.pure';

/** Returns the plan of a run, line by line. */
export function planText(config: RunConfig, folder: string): string {
  const { servers, port, stress, faults, thresholds } = config;
  const { durationMs } = stress.requests;
  const where = port === undefined ? 'free ports' : `${counted(servers, 'port')} from ${port} on`;
  const ids = Array.from({ length: servers }, (_, index) => index + 1);
  return [
    `1. Start ${counted(servers, 'server')} on 127.0.0.1, ${where}; files in ${oneLine(folder)}`,
    `2. Start ${counted(stress.numClients, 'client')}, ${loadText(stress)}`,
    `3. Faults; times from the start of the clients:`,
    ...faultLines(config, ids),
    ...waitLines(config),
    `4. Wait ${durationMs === undefined ? `${faults.spec.intervalMs / 1000} s more` : 'for the end of the load'}, then for requests in flight`,
    `5. Report${thresholds.length === 0 ? '' : `, thresholds ${thresholds.join(', ')}`}; stop the servers`,
  ].join('\n');
}

/** Says that the faults may begin later; nothing if they cannot, or for no reason. */
function waitLines(config: RunConfig): string[] {
  const mostSecs = Math.floor((latestFirstMs(config) - config.faults.firstMs) / 1000);
  const isFixed = fixedLimitMs(config.slowLimitMs, ANY_OTHER) !== null;
  if (config.faults.spec.cycles === 0 || isFixed || mostSecs === 0) return [];
  return [`      up to ${mostSecs} s later, until every image has ${ENOUGH_SUCCESSES} successes`];
}

/** Returns the timetable of the faults, with times from the start of the clients. */
export function faultLines({ faults }: Pick<RunConfig, 'faults'>, serverIds: readonly number[]): string[] {
  const steps = timetable(planFaults(serverIds, faults.spec)).flatMap((step) => {
    const { toInject, toHeal } = FAULT_LABELS[step.fault.kind];
    const line = (ms: number, what: string): string =>
      `      ${String((faults.firstMs + ms) / 1000).padStart(8)} s  ${what} ${whoOf(step)}`;
    return [line(step.atMs, toInject), line(step.healedMs, toHeal)];
  });
  return steps.length === 0 ? ['      none'] : steps;
}

function whoOf({ role, candidates, count }: Step): string {
  if (role === 'leader') return 'the leader at that moment';
  if (role === 'follower') return count === 1 ? 'a follower' : `${count} followers`;
  return `server ${candidates.slice(0, count).join(', ')}`;
}

/** Describes the load of one machine's clients, and their total rate. */
export function loadText({ requests, numClients }: RunConfig['stress']): string {
  const { pacing, totalRequests, durationMs } = requests;
  const many = totalRequests === undefined ? 'as many requests as fit' : counted(totalRequests, 'request');
  const secs = durationMs === undefined ? '' : `, for ${durationMs / 1000} s`;
  if (pacing.mode === 'closed_loop') {
    const perSecond = offeredPerSecond(pacing, numClients);
    const offered = Number.isFinite(perSecond) ? `; together ~${perSecond.toFixed(1)} requests/s` : '';
    return `each: ${many}, ${pacing.minDelayMs} to ${pacing.maxDelayMs} ms think time${secs}${offered}`;
  }
  const limit = totalRequests === undefined ? '' : `, each at most ${counted(totalRequests, 'request')} on average`;
  return `together ${pacing.ratePerSecond} requests/s (${pacing.arrivals})${limit}${secs}`;
}
