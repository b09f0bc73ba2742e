/** The report of a run over SSH, from the files that its machines wrote. */
import path from 'node:path';
import { NEVER } from '../../core/environment';
import { machineOfFile } from '../../core/metrics/run-file-names';
import type { RuleResult } from '../../core/rule-result';
import type { Gathered } from '../../report/collect/gather';
import type { Report } from '../../report/report';
import type { RunRecorder } from '../recorder';
import { judgeRun, type RunFiles } from '../verdicts';
import { eventsFileOf, METRICS_FOLDER } from './files.pure';
import type { RemoteRunOptions } from './remote-run';
import { REQUEST_TIMEOUT_MS } from '../run-times.pure';
import type { RemoteLoad } from './remote-load';
import type { RemoteMachines } from './machines';

export interface RemoteReportOptions extends Pick<
  RemoteRunOptions,
  'config' | 'folder' | 'thresholds' | 'clock' | 'metadata' | 'output'
> {
  recorder: RunRecorder;
  /** The loads that started. */
  loads: readonly RemoteLoad[];
  machines: RemoteMachines;
}

/** Collects the files of the machines, checks them, and reports; null if there is nothing to report. */
export function remoteReport(options: RemoteReportOptions): Promise<Report | null> {
  const { config, folder, thresholds, clock, metadata, output, recorder, loads, machines } = options;
  const servers = machines.faultServers;
  return recorder.report({
    metrics: loads.map(({ machine, workDir }) => `${machine.host}:${path.posix.join(workDir, METRICS_FOLDER)}`),
    events: servers.map(({ id, host, workDir }) => {
      return { path: `${host}:${path.posix.join(workDir, eventsFileOf(id))}`, required: true };
    }),
    // Files of an earlier run, where this one did not write, are left out.
    runs: { take: 'id', runId: metadata.run_id },
    thresholds,
    slowLimitMs: config.slowLimitMs,
    rules: (gathered) =>
      rulesOf(gathered, {
        faults: recorder.faultFiles.eventsFile,
        serverIds: servers.map(({ id }) => id),
        timings: config.timings,
      }),
    remote: {
      into: path.join(folder, 'collected'),
      clock,
      output,
      // An interrupted run is collected, too; a second Ctrl-C ends the process.
      interruptible: (work) => work(NEVER),
    },
  });
}

function rulesOf(
  { collected, events, clocks, machines }: Gathered,
  run: Pick<RunFiles, 'faults' | 'serverIds' | 'timings'>,
): RuleResult[] {
  return judgeRun({
    requestFiles: collected.flatMap(({ recordFiles, offsetMs }) =>
      recordFiles.map((file) => ({ path: file, offsetMs, machineId: machineOfFile(file) })),
    ),
    eventFiles: events.map((place) => ({ path: place.path, offsetMs: place.offsetMs ?? 0 })),
    ...run,
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
    machines,
    // The errors of two machines may have opposite signs.
    clockErrorMs: 2 * Math.max(0, ...clocks.map(({ uncertainty_ms }) => uncertainty_ms)),
  });
}
