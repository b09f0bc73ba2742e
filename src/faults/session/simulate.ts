/** A fault simulation from its banner to its outcome, for the commands `faults` and `run`. */
import type { FaultsConfig } from '../../config/faults-config';
import { pause } from '../../core/system/pause';
import { oneLine } from '../../core/printable';
import { type Display, FaultLog } from './fault-log';
import { openFaultSession, type SessionOptions } from './fault-session';
import { type Step, planFaults } from '../plan';
import type { ClusterViewModel } from '../cluster-view-model';
import { type FaultsOutcome, runFaults } from '../runner';
import { bannerLines } from '../banner';
import { timetableLines } from '../timetable-text';

export interface SimulateOptions extends SessionOptions {
  display?: Display;
}

export type FaultsReport = FaultsOutcome & {
  /** The abort condition that was met, with the measured value. */
  condition: string | null;
  log_file: string;
  /** Null if the log is not a regular file. */
  events_file: string | null;
  /** False if a file is incomplete, for instance because the disk was full. */
  is_logged: boolean;
};

/** Injects and heals faults as configured, and logs to the display and both files. */
export async function simulateFaults(options: SimulateOptions): Promise<FaultsReport> {
  const { config, clock, display } = options;
  const log = new FaultLog(config, clock, display);
  let cluster: ClusterViewModel | undefined;
  // A second Ctrl-C ends the process without any further output.
  const onExit = (): void => tellActiveFaults(log, cluster);
  process.once('exit', onExit);
  try {
    log.plain(bannerLines(config));
    const outcome = await perform(options, log, (latest) => log.show((cluster = latest)));
    return { ...outcome, log_file: config.logFile, events_file: config.eventsFile, is_logged: !log.isIncomplete };
  } finally {
    process.off('exit', onExit);
    log.close();
  }
}

async function perform(
  options: SimulateOptions,
  log: FaultLog,
  show: (cluster: ClusterViewModel) => void,
): Promise<FaultsOutcome & Pick<FaultsReport, 'condition'>> {
  const { config, clock, signal } = options;
  const session = await openFaultSession(options).catch((error: unknown) => {
    log.notBegun(error);
    throw error;
  });
  const { driver, abort, condition, warnings } = session;
  try {
    for (const warning of warnings) log.line(`WARN: ${warning}`);
    const outcome = await runFaults({
      driver,
      clock,
      signal,
      abort,
      plan: planOf(config),
      servers: config.servers,
      show,
      wait: pause,
      pattern: config.spec.pattern,
      allowTotalOutage: config.allowTotalOutage,
      log: (line) => log.line(line),
      record: (event) => log.record(event),
    });
    return { ...outcome, condition: condition?.aborted ? String(condition.reason) : null };
  } finally {
    await session.end();
  }
}

/** Returns the plan for `--dry-run`, and shows it on the display. */
export function dryRun(config: FaultsConfig, display?: Display): { plan: Step[] } {
  const plan = planOf(config);
  display?.write(`${[...bannerLines(config), ...timetableLines(plan, config.servers)].map(oneLine).join('\n')}\n`);
  return { plan };
}

function planOf({ servers, spec }: Pick<FaultsConfig, 'servers' | 'spec'>): Step[] {
  return planFaults(
    servers.map(({ id }) => id),
    spec,
  );
}

function tellActiveFaults(log: FaultLog, cluster: ClusterViewModel | undefined): void {
  const active = (cluster?.servers ?? []).flatMap(({ id, state, fault }) => {
    if (fault === null) return [];
    return [`Server ${id} (${state === 'up' || state === 'unknown' ? fault : state.toUpperCase()})`];
  });
  const rest = active.length === 0 ? 'no fault is active' : `left to the fault agents to heal: ${active.join(', ')}`;
  log.line(`Ended at once; ${rest}`);
}
