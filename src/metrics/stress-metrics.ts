/** The Prometheus metrics of a stress run: its state on each scrape, and counts and latencies of its requests. */
import { Counter, Histogram } from 'prom-client';
import { type GeneratorSample, OUTCOMES, type RequestRecord } from '../core/metrics/record';
import { wrongCarriersOf } from '../core/metrics/wrong-carriers';
import { expose, type Exposition } from './exposition';
import { addGauge, addInfo, addTotal, newRegistry } from './instruments';
import { reasonLabel, ServerLabels } from './labels.pure';

/** A run whose state is read on each scrape. */
export interface WatchedRun {
  readonly runId: string;
  readonly machineId: number;
  /** The target rate of an open loop; null in a closed loop. */
  readonly targetPerSecond: number | null;
  /** The longest that a success can take. */
  readonly longestMs: number;
  readonly clientCount: number;
  readonly inFlightCount: number;
  /** Requests that are due and wait for a free client. */
  readonly waitingCount: number;
  /** The age of the oldest request in flight or waiting; 0 if there is none. */
  readonly oldestAgeMs: number;
  readonly connectionCount: number;
  readonly receivingCount: number;
  readonly sentCount: number;
  readonly lateCount: number;
  /** The latest; null in the first second. */
  readonly sample: Pick<GeneratorSample, 'event_loop_delay_ms' | 'event_loop_utilization_percent'> | null;
}

export interface StressMetrics extends Exposition {
  add(record: RequestRecord): void;
}

const BUCKETS_SECS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30];
const PREFIX = 'cloudp2p_stress';

/**
 * Serves a stress run's metrics (docs/metrics.md) at `address` (host:port).
 * @throws ClusterError `address_in_use` | `bad_config` for the address
 */
export async function exposeStress(address: string, run: WatchedRun): Promise<StressMetrics> {
  const registry = newRegistry();
  addInfo(registry, `${PREFIX}_info`, 'Information about the run', { run_id: run.runId, machine_id: run.machineId });
  addLooks(registry, run);
  const requests = new RequestInstruments(registry, run.longestMs);
  const { close } = await expose(address, registry);
  return { add: (record) => requests.add(record), close };
}

type AnyRegistry = ReturnType<typeof newRegistry>;

function addLooks(registry: AnyRegistry, run: WatchedRun): void {
  const gauge = (name: string, help: string, value: () => number | null): void =>
    addGauge(registry, `${PREFIX}_${name}`, help, value);
  gauge('virtual_clients', 'Virtual clients in this process', () => run.clientCount);
  gauge('in_flight_requests', 'Requests in flight', () => run.inFlightCount);
  gauge('waiting_requests', 'Requests that are due and wait for a free client', () => run.waitingCount);
  gauge(
    'oldest_request_age_seconds',
    'Age of the oldest request in flight or waiting; 0 if none',
    () => run.oldestAgeMs / 1000,
  );
  gauge('connections', 'Connections to servers, including those being closed', () => run.connectionCount);
  gauge(
    'verification_backlog_carriers',
    'Carriers that have begun to arrive and are not fully verified',
    () => run.receivingCount,
  );
  gauge(
    'target_requests_per_second',
    'Target rate of an open loop; no value in a closed loop',
    () => run.targetPerSecond,
  );
  gauge('event_loop_delay_seconds', 'Longest delay of the event loop in the last second', () =>
    inSecs(run.sample?.event_loop_delay_ms),
  );
  gauge('event_loop_utilization_ratio', 'Share of the last second in which the event loop was busy', () => {
    const { sample } = run;
    return sample && sample.event_loop_utilization_percent / 100;
  });
  addTotal(registry, `${PREFIX}_sends_total`, 'Requests sent', () => run.sentCount);
  addTotal(
    registry,
    `${PREFIX}_late_sends_total`,
    'Requests sent more than 10 ms late because this process was busy',
    () => run.lateCount,
  );
}

/** Metrics counted request by request. */
class RequestInstruments {
  private readonly servers = new ServerLabels();
  private readonly requests;
  private readonly failures;
  private readonly byServer;
  private readonly wrong;
  private readonly retries;
  private readonly hedged;
  private readonly sentBytes;
  private readonly receivedBytes;
  private readonly latency;
  private readonly service;

  constructor(
    registry: AnyRegistry,
    private readonly longestMs: number,
  ) {
    const counter = <L extends string>(name: string, help: string, labelNames: L[] = []): Counter<L> =>
      new Counter({ name: `${PREFIX}_${name}`, help, labelNames, registers: [registry] });
    const histogram = (name: string, help: string): Histogram<'outcome'> =>
      new Histogram({
        name: `${PREFIX}_${name}`,
        help,
        labelNames: ['outcome'],
        buckets: BUCKETS_SECS,
        registers: [registry],
      });
    this.requests = counter('requests_total', 'Requests that ended, by outcome', ['outcome']);
    // A counter that first appears at its first count hides that one from rate().
    for (const outcome of OUTCOMES) this.requests.inc({ outcome }, 0);
    this.failures = counter('failures_total', 'Requests that failed, by reason', ['reason']);
    this.byServer = counter('server_requests_total', 'Requests by the server that responded or failed last', [
      'server_id',
      'outcome',
    ]);
    this.wrong = counter('wrong_carriers_total', 'Wrong carriers, by the server that sent them', ['server_id']);
    this.retries = counter('retries_total', 'Retries of requests that ended');
    this.hedged = counter('hedged_requests_total', 'Requests that were also sent to a second server (hedged)');
    this.sentBytes = counter('sent_bytes_total', 'Bytes sent for requests that ended');
    this.receivedBytes = counter('received_bytes_total', 'Bytes received for requests that ended');
    this.latency = histogram(
      'request_duration_seconds',
      'Latency from when it was due; failures as the longest success',
    );
    this.service = histogram('service_duration_seconds', 'Latency from the actual send to the verified carrier');
  }

  add(record: RequestRecord): void {
    const { outcome, assigned_server_id: serverId } = record;
    this.requests.inc({ outcome });
    if (serverId !== null) this.byServer.inc({ server_id: this.servers.of(serverId), outcome });
    for (const id of wrongCarriersOf(record))
      this.wrong.inc({ server_id: id === null ? 'unknown' : this.servers.of(id) });
    if (record.retry_count > 0) this.retries.inc(record.retry_count);
    if (record.hedged) this.hedged.inc();
    this.sentBytes.inc(record.bytes_sent);
    this.receivedBytes.inc(record.bytes_received);
    if (outcome === 'failure') this.failures.inc({ reason: reasonLabel(record.failure_reason) });
    if (outcome !== 'success' && outcome !== 'failure') return;
    const countedMs = record.success ? record.latency_ms : Math.max(record.latency_ms, this.longestMs);
    this.latency.observe({ outcome }, countedMs / 1000);
    this.service.observe({ outcome }, record.service_ms / 1000);
  }
}

function inSecs(ms: number | undefined): number | null {
  return ms === undefined ? null : ms / 1000;
}
