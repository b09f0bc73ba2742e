/** Records a run: its folder, its output, its problems and its report. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Clock, ClockLook } from '../core/environment';
import { ClusterError } from '../core/errors';
import { SAME_CLOCK_MS } from '../core/metrics/clock-watch';
import { oneLine } from '../core/printable';
import type { FaultsReport } from '../faults/session/simulate';
import { causeOf } from '../files/cause';
import { deadLink, makeFolder, makeNewFolder } from '../files/folders';
import { writeWhole } from '../files/write-whole';
import { renderText } from '../report/render/text';
import type { Report, RunMetadata } from '../report/report';
import { runReport, type RunReportOptions } from '../report/run-report';
import type { StressReport } from '../stress/options';
import type { Screen } from '../stress/screen';
import { tooManyFailed } from './exit-code.pure';

export interface RunResult {
  folder: string;
  interrupted: boolean;
  /** Null if there is nothing to report. */
  report: Report | null;
  /** Problems, one line each. */
  problems: string[];
  /** The abort condition that ended the faults, with the measured value. */
  aborted_by: string | null;
  /** False if a file is incomplete (a full disk), so that events may be missing from the files. */
  files_complete: boolean;
}

export interface RecorderOptions {
  /** The folder of this run on this machine. */
  folder: string;
  metadata: RunMetadata;
  /** host:port */
  servers: readonly string[];
  /** The number of steps of a run. */
  steps: number;
  clock: Clock;
  /** The display, if there is one. */
  screen?: Screen;
}

export class RunRecorder {
  readonly problems: string[] = [];
  faults: FaultsReport | null = null;
  /** The files of the fault simulation. */
  readonly faultFiles;
  /** False if a file could not be written completely. */
  isWritten = true;

  private readonly begun: ClockLook | undefined;

  constructor(private readonly options: RecorderOptions) {
    this.begun = options.clock.look?.();
    const at = (name: string): string => path.join(options.folder, name);
    this.faultFiles = {
      logFile: at('fault_events.log'),
      eventsFile: at('fault_events.ndjson'),
      probeFile: at('fault_probe.ndjson'),
      logSource: '--out',
    };
  }

  say(...lines: string[]): void {
    this.options.screen?.print(lines.join('\n'));
  }

  step(number: number, name: string, ...lines: string[]): void {
    this.say('', `===== STEP ${number}/${this.options.steps}: ${name} =====`, '', ...lines);
  }

  /** @throws ClusterError `bad_usage` if the folder exists or cannot be created, or a file cannot be written */
  async begin(): Promise<void> {
    makeRunFolder(this.options.folder);
    await this.writeMetadata(this.options.metadata);
  }

  /** Writes the report; null if there is nothing to report. */
  async report(
    options: Omit<RunReportOptions, 'outFiles' | 'run' | 'say' | 'faults' | 'here'>,
  ): Promise<Report | null> {
    const { folder, clock, screen } = this.options;
    const here = clock.look?.();
    const whole: RunReportOptions = {
      ...options,
      faults: { path: this.faultFiles.eventsFile, required: false },
      outFiles: ['json', 'txt', 'html'].map((extension) => path.join(folder, `final_report.${extension}`)),
      run: this.alignedMetadata(here),
      here,
      say: (line) => this.say(line),
    };
    // On a full disk it is still shown.
    const report =
      (await this.attempt(() => runReport(whole))) ??
      (await this.attempt(() => runReport({ ...whole, outFiles: [], say: () => undefined })));
    if (report !== null) screen?.print(`\n${renderText(report).trimEnd()}`);
    return report;
  }

  /** Completes run.json, and prints the summary. */
  async result(report: Report | null, interrupted: boolean): Promise<RunResult> {
    const { folder, metadata, clock } = this.options;
    if (this.faults !== null) this.problems.push(...problemsOf(this.faults));
    await this.attempt(() => this.writeMetadata({ ...metadata, ended_at: clock.unixMs() }));
    const incomplete = this.problems.map((text) => `Incomplete: ${oneLine(text)}`);
    const filesComplete = this.isWritten && this.faults?.is_logged !== false;
    const failed = report && tooManyFailed(report, filesComplete);
    this.say('', ...(failed === null ? [] : [failed]), `All files of this run: ${oneLine(folder)}`, ...incomplete);
    return {
      folder,
      interrupted,
      report,
      problems: this.problems,
      aborted_by: this.faults?.condition ?? null,
      files_complete: filesComplete,
    };
  }

  /** Returns the metadata with times as the report counts them, even if this machine's clock was set meanwhile. */
  private alignedMetadata(now: ClockLook | undefined): RunMetadata {
    const { metadata, clock } = this.options;
    const startOf = (look: ClockLook) => look.wallMs - look.machineMs - look.suspendedMs;
    const setMs = now && this.begun ? startOf(now) - startOf(this.begun) : 0;
    if (Math.abs(setMs) < SAME_CLOCK_MS) return { ...metadata, ended_at: clock.unixMs() };
    return { ...metadata, started_at: metadata.started_at + setMs, ended_at: clock.wallMs() };
  }

  private writeMetadata(metadata: RunMetadata): Promise<void> {
    const { folder, servers } = this.options;
    return writeWhole(path.join(folder, 'run.json'), `${JSON.stringify({ ...metadata, servers }, null, 2)}\n`);
  }

  /** Returns null if a write failed: the run is then incomplete, but continues. */
  private async attempt<T>(act: () => T | Promise<T>): Promise<T | null> {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      this.isWritten = false;
      if (!this.problems.includes(error.message)) this.problems.push(error.message);
      return null;
    }
  }
}

/** True if a load has results to report. */
export function hasRequests(stress: StressReport | null): boolean {
  return stress !== null && stress.aggregated_stats.total_requests + stress.interrupted_requests > 0;
}

function problemsOf({ down, is_logged, failed, ended_early, condition }: FaultsReport): string[] {
  const isLost = down.length === 0 && ended_early !== null && condition === null;
  return [
    ...down.map((id) => `server ${id} did not come back`),
    ...(isLost ? [`the faults ended early: ${ended_early}`] : []),
    ...(is_logged ? [] : ['the log of the faults is incomplete']),
    ...(failed > 0 ? [`${failed} faults could not be injected`] : []),
  ];
}

function makeRunFolder(folder: string): void {
  try {
    makeFolder(path.dirname(folder));
    // Existing files are never mixed with those of a run.
    if (existsSync(folder)) throw new Error('it already exists, and a run needs a new folder');
    const link = deadLink(folder);
    if (link !== undefined) throw new Error(link);
    makeNewFolder(folder);
  } catch (error) {
    throw new ClusterError('bad_usage', `cannot make the folder ${oneLine(folder)}: ${causeOf(error)}`, {
      cause: error,
    });
  }
}
