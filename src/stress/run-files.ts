import { LogFiles } from '../client/log-files';
import { type ClientMetrics, writeClientMetrics } from '../client/metrics-file';
import type { Clock, Logger, LogLevel } from '../core/environment';
import { ClusterError } from '../core/errors';
import type { RequestRecord } from '../core/metrics/record';
import { RecordFile } from '../files/record-file';
import { fileOf } from './metrics-folder';

/** What a killed process may lose of its records. */
const FLUSH_MS = 1000;

export interface RunFilesOptions {
  folder: string;
  machineId: number;
  clock: Clock;
  logLevel: LogLevel;
  /** The first thing that could not be written (a full disk); told once. */
  onProblem(problem: string): void;
}

/** The files that a run leaves in its metrics folder. */
export class RunFiles {
  /** Why something is missing in them, or null. */
  problem: string | null = null;
  readonly requestsFile: string;
  readonly #options: RunFilesOptions;
  readonly #records: RecordFile;
  readonly #logs: LogFiles;

  /** @throws ClusterError `bad_config` when the records cannot be written at all */
  constructor(options: RunFilesOptions) {
    this.#options = options;
    const { folder, machineId, clock, logLevel: level } = options;
    this.requestsFile = fileOf(folder, machineId, 'requests.ndjson');
    this.#records = new RecordFile(this.requestsFile, {
      ...{ flushMs: FLUSH_MS, what: 'stress.metrics_output_dir' },
      onError: (error) => this.#fail(`cannot write ${this.requestsFile}: ${error.message}`),
    });
    this.#logs = new LogFiles({ clock, level, onError: (error) => this.#fail(error.message) });
  }

  record(record: RequestRecord): void {
    this.#records.append(JSON.stringify(record));
  }

  /** The log of a client, or undefined where it cannot be written. */
  log(clientId: number): Promise<Logger | undefined> {
    return this.#attempt(this.#logs.begin(this.#clientFile(clientId, 'log')));
  }

  /** The numbers of a client, whole or not at all. */
  async numbers(metrics: ClientMetrics): Promise<void> {
    await this.#attempt(writeClientMetrics(this.#clientFile(metrics.client_id, 'json'), metrics));
  }

  closeRecords(): void {
    this.#records.close();
  }

  flushLogs(): Promise<void> {
    return this.#logs.flush();
  }

  #clientFile(clientId: number, extension: 'json' | 'log'): string {
    return fileOf(this.#options.folder, this.#options.machineId, `client_${clientId}.${extension}`);
  }

  async #attempt<T>(writing: Promise<T>): Promise<T | undefined> {
    try {
      return await writing;
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      this.#fail(error.message);
      return undefined;
    }
  }

  #fail(problem: string): void {
    if (this.problem !== null) return;
    this.problem = problem;
    this.#options.onProblem(problem);
  }
}
