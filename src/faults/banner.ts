/** The banner of a fault simulation, as in the guide. */
import type { FaultsConfig } from '../config/faults-config';
import type { FaultSpec } from '../config/faults-spec';
import { TITLES } from './fault-labels';

const RULE = '='.repeat(41);
const LABEL_WIDTH = 21;

/** Formats `10s`, `0.5s`. */
export function showSecs(ms: number): string {
  return `${ms / 1000}s`;
}

type Shown = Pick<FaultsConfig, 'servers' | 'spec' | 'logFile' | 'abortWhen'>;

/** Returns the lines of the banner: those of the guide, and settings that differ from its ring of kills. */
export function bannerLines({ servers, spec, logFile, abortWhen }: Shown): string[] {
  const row = (label: string, value: string): string => `${`${label}:`.padEnd(LABEL_WIDTH)}${value}`;
  const conditions = abortWhen.map(({ expression }) => expression).join(', ');
  return [
    RULE,
    `CloudP2P Fault Simulation - ${TITLES[spec.pattern]}`,
    RULE,
    row('Number of Servers', String(servers.length)),
    row(
      'Fault Interval',
      spec.pattern === 'rolling' ? 'until the servers agree on a leader' : showSecs(spec.intervalMs),
    ),
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
