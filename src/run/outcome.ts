import type { RunConfig } from '../config/run-config';
import { EXIT } from '../core/errors';
import { oneLine } from '../core/printable';
import { planRing, timetable } from '../faults/plan';
import type { RunResult } from './run';

/**
 * The exit code of a run that was not interrupted: the verdict, the thresholds and the checks before what is missing.
 * Where the disk was full, the checks miss what is in no file, and blame nobody.
 */
export function exitCodeOfRun(result: Pick<RunResult, 'report' | 'problems' | 'files_complete'>): number {
  const { report, problems, files_complete: filesComplete } = result;
  if (report === null) return EXIT.incomplete;
  const isViolated = report.audit.adds_up === false || (report.rules ?? []).some(({ verdict }) => verdict === false);
  const isBad =
    report.verdict.scale === 'investigate' ||
    report.thresholds.some(({ passed }) => !passed) ||
    (filesComplete && isViolated);
  if (isBad) return EXIT.checkFailed;
  const isIncomplete = !filesComplete || problems.length > 0 || report.inputs.missing.length > 0;
  return isIncomplete ? EXIT.incomplete : EXIT.ok;
}

/** What a run would do, and when, line by line. */
export function planText(config: RunConfig, folder: string): string {
  const { servers, port, stress, faults, thresholds } = config;
  const { pacing, totalRequests } = stress.requests;
  const many = totalRequests === undefined ? 'as many requests as fit' : counted(totalRequests, 'request');
  const where = port === undefined ? 'free ports' : `${counted(servers, 'port')} from ${port} on`;
  const think = pacing.mode === 'closed_loop' ? `${pacing.minDelayMs} to ${pacing.maxDelayMs} ms think time` : '';
  const ids = Array.from({ length: servers }, (_, index) => index + 1);
  const steps = timetable(planRing(ids, faults)).map(({ atMs, action, serverId }) => {
    return `      ${String((faults.firstMs + atMs) / 1000).padStart(8)} s  ${action} server ${serverId}`;
  });
  return [
    `1. Start ${counted(servers, 'server')} on 127.0.0.1, ${where}; files in ${oneLine(folder)}`,
    `2. Start ${counted(stress.numClients, 'client')}, each: ${many}, ${think}`,
    `3. Faults, in time after the start of the clients:`,
    ...(steps.length === 0 ? ['      none'] : steps),
    `4. Wait ${faults.intervalMs / 1000} s more, then for what is in flight`,
    `5. Report${thresholds.length === 0 ? '' : `, thresholds ${thresholds.join(', ')}`}; stop the servers`,
  ].join('\n');
}

function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}
