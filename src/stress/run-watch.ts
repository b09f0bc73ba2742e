/** Watches a run in progress: samples this process, and serves Prometheus metrics if they are configured. */
import type { Clock } from '../core/environment';
import type { ClockLine, GeneratorSample, RequestRecord } from '../core/metrics/record';
import type { GeneratorSummary } from '../core/metrics/saturation';
import type { StressMetrics, WatchedRun } from '../metrics/stress-metrics';
import { GeneratorWatch } from './generator-watch';
import type { StressClient } from './stress-client';
import type { UndecidedRequests } from './undecided-requests';

export interface RunWatchOptions {
  runId: string;
  machineId: number;
  /** null in a closed loop. */
  targetPerSecond: number | null;
  /** The longest that a success can take. */
  longestMs: number;
  /** The clients so far; more may follow. */
  clients: readonly StressClient[];
  undecided: UndecidedRequests;
  clock: Clock;
  onSample(sample: GeneratorSample): void;
  onClock(line: ClockLine): void;
}

export class RunWatch implements WatchedRun {
  readonly runId: string;
  readonly machineId: number;
  readonly targetPerSecond: number | null;
  readonly longestMs: number;
  private readonly clients: readonly StressClient[];
  private readonly undecided: UndecidedRequests;
  private readonly generator: GeneratorWatch;
  private metrics: StressMetrics | undefined;

  constructor({ runId, machineId, targetPerSecond, longestMs, clients, undecided, ...rest }: RunWatchOptions) {
    this.runId = runId;
    this.machineId = machineId;
    this.targetPerSecond = targetPerSecond;
    this.longestMs = longestMs;
    this.clients = clients;
    this.undecided = undecided;
    this.generator = new GeneratorWatch({ runId, look: () => this, ...rest });
  }

  /** Serves Prometheus metrics at the address until `close`. @throws ClusterError `address_in_use` | `bad_config` */
  async expose(address: string): Promise<void> {
    // Loaded on demand, so that the program starts sooner without it.
    const { exposeStress } = await import('../metrics/stress-metrics');
    this.metrics = await exposeStress(address, this);
  }

  /** The load begins. */
  start(): void {
    this.generator.start();
  }

  /** A request was sent; see GeneratorWatch. */
  sent(lateMs: number): void {
    this.generator.sent(lateMs);
  }

  ended(record: RequestRecord): void {
    this.generator.ended(record);
    this.metrics?.add(record);
  }

  /** The load is over. */
  stop(): void {
    this.generator.stop();
  }

  summary(): GeneratorSummary {
    return this.generator.summary();
  }

  async close(): Promise<void> {
    await this.metrics?.close();
  }

  get clientCount(): number {
    return this.clients.length;
  }

  get inFlightCount(): number {
    return this.sum(({ client }) => client.inFlightCount);
  }

  get waitingCount(): number {
    return this.undecided.waitingCount;
  }

  get oldestAgeMs(): number {
    return this.undecided.oldestAgeMs;
  }

  get connectionCount(): number {
    return this.sum(({ client }) => client.connectionCount);
  }

  get receivingCount(): number {
    return this.sum(({ client }) => client.receivingCount);
  }

  get sentCount(): number {
    return this.generator.sentCount;
  }

  get lateCount(): number {
    return this.generator.lateCount;
  }

  get sample(): GeneratorSample | null {
    return this.generator.latest;
  }

  private sum(count: (client: StressClient) => number): number {
    return this.clients.reduce((sum, client) => sum + count(client), 0);
  }
}
