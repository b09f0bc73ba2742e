import { VirtualClient, type VirtualClientOptions } from '../client/client';
import { Load, type LoadOptions } from '../client/load';
import { type ClientMetrics, clientMetrics } from '../client/metrics-file';
import { summaryText } from '../client/summary-text';
import { Tally } from '../client/tally';
import { toMicros } from '../client/task-run';
import type { RequestRecord } from '../core/metrics/record';
import { seededRandom } from '../core/random';

/** The streams of the clients' own choices begin here, far from those of the loads. */
const OWN_STREAMS = 2 ** 48;

export interface StressClientOptions {
  machineId: number;
  /** Of the run; with the client's id it gives the images and think times. */
  seed: number;
  client: Omit<VirtualClientOptions, 'random'>;
  load: Pick<LoadOptions, 'images' | 'pacing' | 'durationMs' | 'totalRequests'>;
  onRecord(record: RequestRecord, client: VirtualClient): void;
}

/** One of many clients of a run: its connections, its load, and what became of its requests. */
export class StressClient {
  readonly client: VirtualClient;
  readonly tally: Tally;
  readonly #options: StressClientOptions;
  readonly #load: Load;
  readonly #startedAt: number;
  #endedAt = 0;
  #isCut = false;
  #closed: Promise<void> = Promise.resolve();

  constructor(options: StressClientOptions) {
    const { seed, load, onRecord, client } = options;
    const { clientId, clock, log } = client;
    this.#options = options;
    // Another stream than that of the images: how often the client itself draws depends on timing.
    this.client = new VirtualClient({ ...client, random: seededRandom(OWN_STREAMS + seed + clientId) });
    this.tally = new Tally(log);
    this.#startedAt = toMicros(clock.unixMs());
    this.#load = new Load({
      ...load,
      clock,
      random: seededRandom(seed + clientId),
      // The first request comes after a think time too: all clients at once would be a herd that no real traffic is.
      thinksFirst: true,
      request: (image, id, more) => this.client.request(image, id, more),
      onRecord: (record) => {
        this.tally.add(record);
        onRecord(record, this.client);
      },
    });
  }

  /** Sends until its load ends; its connections close then. */
  async run(): Promise<void> {
    const { runId, log } = this.#options.client;
    log?.('info', `${this.#options.client.clientName} begins run ${runId}, seed ${this.#options.seed}`);
    await this.#load.run();
    this.#endedAt = this.#options.client.clock.unixMs();
    this.#closed = this.client.close();
  }

  /** It has done enough: starts no more, what is in flight goes on. */
  stop(): void {
    this.#load.stop();
  }

  /** The same, but it has not done what it was to do. */
  cut(): void {
    this.#isCut ||= this.#endedAt === 0;
    this.stop();
  }

  /** The same, and what is in flight ends as interrupted. */
  abandon(): void {
    this.cut();
    this.client.abandon();
  }

  /** Resolves when its connections are gone. */
  get closed(): Promise<void> {
    return this.#closed;
  }

  /** What its file says; its log gets the summary. */
  metrics(): ClientMetrics {
    const { machineId, client } = this.#options;
    const { clientId, clientName, runId, log } = client;
    const durationSecs = Math.round(this.#endedAt - this.#startedAt) / 1000;
    const head = { client_name: clientName, machine_id: machineId, client_id: clientId, run_id: runId };
    const time = { started_at: this.#startedAt, test_duration_secs: durationSecs, interrupted: this.#isCut };
    const metrics = clientMetrics({ ...head, ...time }, this.tally.summary);
    const { interruptedCount } = this.tally;
    const text = summaryText(metrics.aggregated_stats, { durationSecs, interruptedCount, unreached: [] });
    for (const line of text.split('\n')) log?.('info', line);
    return metrics;
  }
}
