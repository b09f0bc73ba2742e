import type { FaultsConfig } from '../config/faults-config';
import type { FaultSpec } from '../config/faults-spec';
import { type Step, timetable } from './plan';
import { TITLES, WORDS } from './words';

const RULE = '='.repeat(41);
const LABEL_WIDTH = 21;

/** `10s`, `0.5s` */
export function showSecs(ms: number): string {
  return `${ms / 1000}s`;
}

type Shown = Pick<FaultsConfig, 'servers' | 'spec' | 'logFile' | 'abortWhen'>;

/** What a run begins with, line by line: the guide's, and what differs from its ring of kills. */
export function bannerLines({ servers, spec, logFile, abortWhen }: Shown): string[] {
  const row = (label: string, value: string): string => `${`${label}:`.padEnd(LABEL_WIDTH)}${value}`;
  const conditions = abortWhen.map(({ expression }) => expression).join(', ');
  return [
    RULE,
    `CloudP2P Fault Simulation - ${TITLES[spec.pattern]}`,
    RULE,
    row('Number of Servers', String(servers.length)),
    row('Fault Interval', spec.pattern === 'rolling' ? 'until the servers agree' : showSecs(spec.intervalMs)),
    row('Restart Delay', showSecs(spec.restartDelayMs)),
    row('Number of Cycles', String(spec.cycles)),
    ...differences(spec).map(([label, value]) => row(label, value)),
    ...(conditions === '' ? [] : [row('Abort When', conditions)]),
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

function differences({ kinds, target, pattern, count, seed }: FaultSpec): [string, string][] {
  const weights = kinds.map(({ kind, weight }) => (kinds.length === 1 ? kind : `${kind} (weight ${weight})`));
  const isGuide = kinds.length === 1 && kinds[0]!.kind === 'kill';
  const isDrawn = kinds.length > 1 || pattern === 'random';
  return [
    ...(isGuide ? [] : [['Fault Kind', weights.join(', ')] satisfies [string, string]]),
    ...(target === 'all' ? [] : [['Targets', String(target)] satisfies [string, string]]),
    ...(count === 1 ? [] : [['Servers at Once', String(count)] satisfies [string, string]]),
    ...(isDrawn ? [['Seed', String(seed)] satisfies [string, string]] : []),
  ];
}

/** What `--dry-run` shows below the banner, line by line. `hostOf` gives the host of a server. */
export function timetableLines(plan: readonly Step[], hostOf: (serverId: number) => string): string[] {
  const rows = timetable(plan).flatMap((step) => {
    const { toBreak, toMend } = WORDS[step.fault.kind];
    const who = whoOf(step, hostOf);
    const about = parametersOf(step);
    return [
      { ms: step.atMs, cycle: step.cycle, what: toBreak, who: `${who}${about}` },
      { ms: step.mendedMs, cycle: step.cycle, what: toMend, who },
    ];
  });
  const last = rows.at(-1)!;
  const widthOf = (texts: string[]): number => texts.reduce((most, { length }) => Math.max(most, length), 0);
  const timeWidth = widthOf(rows.map(({ ms }) => `+${showSecs(ms)}`));
  const whatWidth = widthOf(rows.map(({ what }) => what));
  const unknown = plan.some(({ afterAgreement }) => afterAgreement) ? ', and that the servers need to agree' : '';
  return [
    ...rows.map(({ ms, cycle, what, who }) => {
      return `${`+${showSecs(ms)}`.padStart(timeWidth)}  cycle ${cycle}/${last.cycle}  ${what.padEnd(whatWidth)}  ${who}`;
    }),
    '',
    `Nothing was done. It takes ${showSecs(last.ms)} and the time that the restarts themselves need${unknown}.`,
  ];
}

function whoOf({ role, candidates, count }: Step, hostOf: (serverId: number) => string): string {
  if (role === 'leader') return 'the leader at that moment';
  if (role === 'follower') return count === 1 ? 'a follower' : `${count} followers`;
  return candidates.map((id) => `Server ${id} on ${hostOf(id)}`).join(', ');
}

function parametersOf({ fault }: Step): string {
  if (fault.kind === 'partition') return fault.from === 'both' ? ' from peers and clients' : ` from ${fault.from}`;
  if (fault.kind === 'delay') return ` by ${fault.delayMs} ms ± ${fault.jitterMs} ms`;
  return fault.kind === 'loss' ? ` (${fault.lossPercent} %)` : '';
}
