/** The timetable of a fault plan, as `--dry-run` shows it. */
import type { FaultServer } from '../config/faults-config';
import { shellWord } from '../core/shell-word';
import type { Fault } from './driver';
import { type Step, timetable } from './plan';
import { showSecs } from './banner';
import { FAULT_LABELS } from './fault-labels';

type Place = Pick<FaultServer, 'id' | 'host' | 'config' | 'workDir' | 'binary'>;

interface Row {
  ms: number;
  cycle: number;
  what: string;
  who: string;
  command: string;
}

/** Returns the lines below the banner: time, action, target, and the command on that host. */
export function timetableLines(plan: readonly Step[], servers: readonly Place[]): string[] {
  const rows = timetable(plan).flatMap((step) => rowsOf(step, servers));
  const endMs = timetable(plan).at(-1)!.healedMs;
  const cycles = plan.at(-1)!.cycle;
  const widthOf = (texts: string[]): number => texts.reduce((most, { length }) => Math.max(most, length), 0);
  const timeWidth = widthOf(rows.map(({ ms }) => `+${showSecs(ms)}`));
  const whatWidth = widthOf(rows.map(({ what }) => what));
  const whoWidth = widthOf(rows.map(({ who }) => who));
  const unknown = plan.some(({ afterAgreement }) => afterAgreement) ? ', and the servers to agree on a leader' : '';
  return [
    ...rows.map(({ ms, cycle, what, who, command }) => {
      const time = `+${showSecs(ms)}`.padStart(timeWidth);
      return `${time}  cycle ${cycle}/${cycles}  ${what.padEnd(whatWidth)}  ${who.padEnd(whoWidth)}  ${command}`;
    }),
    '',
    `Dry run: no fault was injected. The plan takes ${showSecs(endMs)} plus the time of the restarts themselves${unknown}.`,
  ];
}

function rowsOf(step: ReturnType<typeof timetable>[number], servers: readonly Place[]): Row[] {
  const { toInject, toHeal } = FAULT_LABELS[step.fault.kind];
  const whom = whomOf(step, servers);
  const rows = (ms: number, what: string, isHeal: boolean): Row[] =>
    whom.map(({ who, server }) => {
      const [injected, healed] = commandsOf(step.fault, server);
      const about = isHeal ? '' : parametersOf(step);
      return { ms, cycle: step.cycle, what, who: `${who}${about}`, command: isHeal ? healed : injected };
    });
  return [...rows(step.atMs, toInject, false), ...rows(step.healedMs, toHeal, true)];
}

/** A target that is chosen by its role at that moment has no host yet. */
function whomOf({ role, candidates, count }: Step, servers: readonly Place[]): { who: string; server: Place | null }[] {
  if (role === 'leader') return [{ who: 'the leader at that moment', server: null }];
  if (role === 'follower') return [{ who: count === 1 ? 'a follower' : `${count} followers`, server: null }];
  return candidates.map((id) => {
    const server = servers.find((each) => each.id === id)!;
    return { who: `Server ${id} on ${server.host}`, server };
  });
}

function parametersOf({ fault }: Step): string {
  if (fault.kind === 'partition') return fault.from === 'both' ? ' from peers and clients' : ` from ${fault.from}`;
  if (fault.kind === 'delay') return ` by ${fault.delayMs} ms ± ${fault.jitterMs} ms`;
  return fault.kind === 'loss' ? ` (${fault.lossPercent} %)` : '';
}

/**
 * Returns the commands that inject and heal a fault, as an operator would type them. The agent uses no shell, and checks
 * the pid.
 */
function commandsOf(fault: Fault, server: Place | null): [string, string] {
  const name = server?.id ?? 'ID';
  const start =
    server === null
      ? 'BINARY server --config CONFIG'
      : `cd ${shellWord(server.workDir)} && ${shellWord(server.binary)} server --config ${shellWord(server.config)}`;
  switch (fault.kind) {
    case 'kill':
      return ['kill -KILL PID', start];
    case 'terminate':
    case 'restart':
      return ['kill -TERM PID', start];
    case 'pause':
      return ['kill -STOP PID', 'kill -CONT PID'];
    case 'delay':
      return [
        `tc qdisc add dev DEVICE root ... netem delay ${fault.delayMs}ms ${fault.jitterMs}ms`,
        'tc qdisc del dev DEVICE root',
      ];
    default:
      return [`nft add table inet cloudp2p_faults_${name} ...`, `nft delete table inet cloudp2p_faults_${name}`];
  }
}
