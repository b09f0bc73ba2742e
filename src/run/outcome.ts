import type { RunConfig } from '../config/run-config';
import { EXIT } from '../core/errors';
import { planRing, timetable } from '../faults/plan';
import type { RunResult } from './run';

/** The exit code of a run that was not interrupted: the verdict, the thresholds and the checks before what is missing. */
export function exitCodeOfRun({ report, problems }: Pick<RunResult, 'report' | 'problems'>): number {
  if (report === null) return EXIT.incomplete;
  const isBad =
    report.verdict.scale === 'investigate' ||
    report.audit.adds_up === false ||
    report.thresholds.some(({ passed }) => !passed) ||
    (report.rules ?? []).some(({ verdict }) => verdict === false);
  if (isBad) return EXIT.checkFailed;
  return problems.length > 0 || report.inputs.missing.length > 0 ? EXIT.incomplete : EXIT.ok;
}

/** What a run would do, and when, line by line. */
export function planText(config: RunConfig, folder: string): string {
  const { servers, port, stress, faults, thresholds } = config;
  const { pacing, totalRequests = 'as many requests as fit' } = stress.requests;
  const think = pacing.mode === 'closed_loop' ? `${pacing.minDelayMs} to ${pacing.maxDelayMs} ms think time` : '';
  const ids = Array.from({ length: servers }, (_, index) => index + 1);
  const steps = timetable(planRing(ids, faults)).map(({ atMs, action, serverId }) => {
    return `      ${String((faults.firstMs + atMs) / 1000).padStart(8)} s  ${action} server ${serverId}`;
  });
  return [
    `1. Start ${servers} servers on 127.0.0.1, ${port === undefined ? 'free ports' : `ports from ${port} on`}; files in ${folder}`,
    `2. Start ${stress.numClients} clients, each: ${totalRequests}, ${think}`,
    `3. Faults, in time after the start of the clients:`,
    ...(steps.length === 0 ? ['      none'] : steps),
    `4. Wait ${faults.intervalMs / 1000} s more, then for what is in flight`,
    `5. Report${thresholds.length === 0 ? '' : `, thresholds ${thresholds.join(', ')}`}; stop the servers`,
  ].join('\n');
}
