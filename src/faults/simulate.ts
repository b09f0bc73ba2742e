import type { FaultsConfig } from '../config/faults-config';
import type { Clock } from '../core/environment';
import { pause } from '../core/pause';
import type { Driver } from './driver';
import { type Display, FaultLog } from './fault-log';
import { withHangUp } from './hang-up';
import { type PlannedAction, planRing } from './plan';
import type { RingView } from './ring-view';
import { type FaultsOutcome, runFaults } from './runner';
import { oneLine } from '../core/printable';
import { bannerLines, timetableLines } from './text';

export interface SimulateOptions {
  config: FaultsConfig;
  driver: Driver;
  clock: Clock;
  /** Aborted by Ctrl-C: breaks nothing more, and mends what is broken. */
  signal: AbortSignal;
  display?: Display;
}

export type FaultsReport = FaultsOutcome & {
  log_file: string;
  events_file: string;
  /** False: a file is not whole, for instance because the disk was full. */
  is_logged: boolean;
};

/** The `faults` command: breaks and mends as configured, and tells of it on the display and in both files. */
export async function simulateFaults(options: SimulateOptions): Promise<FaultsReport> {
  const { config, driver, clock, display } = options;
  const log = new FaultLog(config, clock, display);
  let ring: RingView | undefined;
  // A second Ctrl-C ends the process without another word of ours.
  const onExit = (): void => tellWhatIsDown(log, ring);
  process.once('exit', onExit);
  try {
    log.plain(bannerLines(config));
    const outcome = await withHangUp(options.signal, (signal) =>
      runFaults({
        ...{ driver, clock, signal, plan: planOf(config), servers: config.servers },
        log: (line) => log.line(line),
        record: (event) => log.record(event),
        show: (latest) => log.show((ring = latest)),
        wait: pause,
      }),
    );
    return {
      ...outcome,
      log_file: config.logFile,
      events_file: config.eventsFile,
      is_logged: !log.isIncomplete,
    };
  } finally {
    process.off('exit', onExit);
    log.close();
  }
}

/** What `--dry-run` returns, and shows on the display: what would be done, and when. */
export function dryRun(config: FaultsConfig, display?: Display): { plan: PlannedAction[] } {
  const plan = planOf(config);
  display?.write(`${[...bannerLines(config), ...timetableLines(plan)].map(oneLine).join('\n')}\n`);
  return { plan };
}

function planOf(config: FaultsConfig): PlannedAction[] {
  return planRing(
    config.servers.map(({ id }) => id),
    config,
  );
}

function tellWhatIsDown(log: FaultLog, ring: RingView | undefined): void {
  const down = (ring?.servers ?? []).flatMap(({ id, state }) => (state === 'down' ? [`Server ${id}`] : []));
  log.line(`Ended at once; ${down.length === 0 ? 'no server is DOWN' : `still DOWN: ${down.join(', ')}`}`);
}
