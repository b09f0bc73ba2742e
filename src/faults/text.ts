import type { FaultsConfig } from '../config/faults-config';
import { type PlannedAction, timetable } from './plan';

const RULE = '='.repeat(41);
const LABEL_WIDTH = 21;

/** `10s`, `0.5s` */
export function showSecs(ms: number): string {
  return `${ms / 1000}s`;
}

/** What a run begins with, line by line. */
export function bannerLines({ servers, intervalMs, restartDelayMs, cycles, logFile }: FaultsConfig): string[] {
  const row = (label: string, value: string): string => `${`${label}:`.padEnd(LABEL_WIDTH)}${value}`;
  return [
    RULE,
    'CloudP2P Fault Simulation - Ring Algorithm',
    RULE,
    row('Number of Servers', String(servers.length)),
    row('Fault Interval', showSecs(intervalMs)),
    row('Restart Delay', showSecs(restartDelayMs)),
    row('Number of Cycles', String(cycles)),
    row('Log File', logFile),
    RULE,
    '',
    ...servers.flatMap(({ id, host, config, workDir, binary }) => [
      `Server ${id}: ${host}`,
      `  Config:   ${config}`,
      `  Work Dir: ${workDir}`,
      `  Binary:   ${binary}`,
    ]),
    '',
  ];
}

/** What `--dry-run` shows below the banner, line by line. */
export function timetableLines(plan: readonly PlannedAction[]): string[] {
  const rows = timetable(plan);
  const total = rows.at(-1)!;
  const width = rows.reduce((most, { atMs }) => Math.max(most, showSecs(atMs).length), 0) + 1;
  return [
    ...rows.map(({ atMs, cycle, action, serverId }) => {
      const at = `+${showSecs(atMs)}`.padStart(width);
      return `${at}  cycle ${cycle}/${total.cycle}  ${action.padEnd('restart'.length)}  Server ${serverId}`;
    }),
    '',
    `Nothing was done. It takes ${showSecs(total.atMs)} and the time that the restarts themselves need.`,
  ];
}
