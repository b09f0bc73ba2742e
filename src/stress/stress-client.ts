/** One of many clients of a run: its connections and the outcomes of its requests. */
import { type ClientImage, VirtualClient, type VirtualClientOptions } from '../client/client';
import { type ClientMetrics, clientMetrics } from '../client/metrics-file';
import type { MissReason } from '../client/open-loop';
import { summaryText } from '../client/summary-text.pure';
import { Tally } from '../client/tally';
import { neverSent } from '../core/metrics/failure-reasons';
import type { RequestRecord } from '../core/metrics/record';
import { seededRandom } from '../core/random';
import { toMicros } from '../core/to-micros';

/** The first random stream of the clients' own choices, far from those of the loads. */
const OWN_STREAMS = 2 ** 48;

export interface StressClientOptions {
  machineId: number;
  /** The seed of the run. */
  seed: number;
  client: Omit<VirtualClientOptions, 'random'>;
  onRecord(record: RequestRecord, client: VirtualClient): void;
}

export class StressClient {
  readonly client: VirtualClient;
  readonly tally: Tally;
  /** The due time (monotonic) of the request in flight; null if there is none. */
  dueMs: number | null = null;
  private lastId = 0;
  private startedAt: number;
  private endedAt = 0;
  private isCut = false;
  private closing: Promise<void> = Promise.resolve();

  constructor(private readonly options: StressClientOptions) {
    const { seed, client } = options;
    const { clientId, clock, log } = client;
    // A separate stream from the images: how often the client itself draws depends on timing.
    this.client = new VirtualClient({ ...client, random: seededRandom(OWN_STREAMS + seed + clientId) });
    this.tally = new Tally(log);
    this.startedAt = toMicros(clock.unixMs());
  }

  /** The client starts: its files state this time as its start. */
  begin(): void {
    const { clock, log, clientName, runId } = this.options.client;
    this.startedAt = toMicros(clock.unixMs());
    log?.('info', `${clientName} begins run ${runId}, seed ${this.options.seed}`);
  }

  /** Sends one request at a time, its latency counting from `intendedStartMs` (monotonic); resolves when it has ended. */
  async send(image: ClientImage, intendedStartMs: number): Promise<RequestRecord> {
    this.dueMs = intendedStartMs;
    const record = await this.client.request(image, ++this.lastId, { intendedStartMs });
    this.dueMs = null;
    this.count(record);
    return record;
  }

  /** Counts a request that was due but not sent: as a failure after waiting too long, else as undecided. */
  miss(image: ClientImage, intendedStartMs: number, why: MissReason): void {
    // It waits for as long as it may take once it is sent (choose-loop.ts).
    const reason = why === 'waited too long' ? neverSent(this.options.client.requestTimeoutMs) : null;
    this.count(this.client.unsent(image, ++this.lastId, { intendedStartMs }, reason));
  }

  /** It has sent all of its requests; its connections close. */
  end(): void {
    if (this.endedAt !== 0) return;
    this.endedAt = this.options.client.clock.unixMs();
    this.closing = this.client.close();
  }

  /** It ends before it has sent all of its requests. */
  cut(): void {
    this.isCut ||= this.endedAt === 0;
  }

  /** Resolves when its connections are gone. */
  get closed(): Promise<void> {
    return this.closing;
  }

  /** Returns the content of its file; its log gets the summary. */
  metrics(): ClientMetrics {
    const { machineId, client } = this.options;
    const { clientId, clientName, runId, log } = client;
    const durationSecs = Math.round(this.endedAt - this.startedAt) / 1000;
    const head = { client_name: clientName, machine_id: machineId, client_id: clientId, run_id: runId };
    const time = { started_at: this.startedAt, test_duration_secs: durationSecs, interrupted: this.isCut };
    const metrics = clientMetrics({ ...head, ...time }, this.tally.summary);
    const { interruptedCount, stoodStillCount, unsentCount } = this.tally;
    const text = summaryText(metrics.aggregated_stats, {
      durationSecs,
      interruptedCount,
      stoodStillCount,
      unsentCount,
      unreached: [],
    });
    for (const line of text.split('\n')) log?.('info', line);
    return metrics;
  }

  private count(record: RequestRecord): void {
    this.tally.add(record);
    this.options.onRecord(record, this.client);
  }
}
