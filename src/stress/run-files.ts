/** Writes the files of a run to its metrics folder: requests, generator samples, metadata and results of clients. */
import path from 'node:path';
import { LogFiles } from '../client/log-files';
import { type ClientMetrics, writeClientMetrics } from '../client/metrics-file';
import type { Clock, Logger, LogLevel } from '../core/environment';
import { ClusterError } from '../core/errors';
import type { ClockLine, GeneratorSample, RequestRecord, StressRunFile } from '../core/metrics/record';
import { clientFileName, generatorFileName, requestsFileName, runFileName } from '../core/metrics/run-file-names';
import { RecordFile } from '../files/record-file';
import { writeWhole } from '../files/write-whole';

/** A process that is killed may lose the records of this time. */
const FLUSH_MS = 1000;

export interface RunFilesOptions {
  folder: string;
  machineId: number;
  clock: Clock;
  logLevel: LogLevel;
  /** Reports the first write that failed (a full disk); called once. */
  onProblem(problem: string): void;
}

export class RunFiles {
  /** The reason that some of them are incomplete, or null. */
  problem: string | null = null;
  readonly requestsFile: string;
  private readonly records: RecordFile;
  private readonly samples: RecordFile;
  private readonly logs: LogFiles;

  /** @throws ClusterError `bad_config` if the records cannot be written at all */
  constructor(private readonly options: RunFilesOptions) {
    const { folder, machineId, clock, logLevel: level } = options;
    this.requestsFile = path.join(folder, requestsFileName(machineId));
    this.records = this.recordFile(this.requestsFile);
    this.samples = this.recordFile(path.join(folder, generatorFileName(machineId)));
    this.logs = new LogFiles({ clock, level, onError: (error) => this.fail(error.message) });
  }

  record(record: RequestRecord): void {
    this.records.append(JSON.stringify(record));
  }

  /** Writes a sample of the generator or of its clocks. */
  sample(line: GeneratorSample | ClockLine): void {
    this.samples.append(JSON.stringify(line));
  }

  /** Opens the log of a client; undefined if it cannot be written. */
  log(clientId: number): Promise<Logger | undefined> {
    return this.attempt(this.logs.begin(this.clientFile(clientId, 'log')));
  }

  /** Writes the metrics of a client, atomically. */
  async numbers(metrics: ClientMetrics): Promise<void> {
    await this.attempt(writeClientMetrics(this.clientFile(metrics.client_id, 'json'), metrics));
  }

  /** Writes everything needed to repeat the load, atomically. */
  async run(metadata: StressRunFile): Promise<void> {
    const file = path.join(this.options.folder, runFileName(this.options.machineId));
    await this.attempt(writeWhole(file, `${JSON.stringify(metadata, null, 2)}\n`));
  }

  closeRecords(): void {
    this.records.close();
    this.samples.close();
  }

  flushLogs(): Promise<void> {
    return this.logs.flush();
  }

  private recordFile(file: string): RecordFile {
    return new RecordFile(file, {
      flushMs: FLUSH_MS,
      what: 'stress.metrics_output_dir',
      onError: (error) => this.fail(`cannot write ${file}: ${error.message}`),
    });
  }

  private clientFile(clientId: number, extension: 'json' | 'log'): string {
    return path.join(this.options.folder, clientFileName(this.options.machineId, clientId, extension));
  }

  private async attempt<T>(writing: Promise<T>): Promise<T | undefined> {
    try {
      return await writing;
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      this.fail(error.message);
      return undefined;
    }
  }

  private fail(problem: string): void {
    if (this.problem !== null) return;
    this.problem = problem;
    this.options.onProblem(problem);
  }
}
