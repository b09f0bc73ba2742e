/** Sums over the records of one client: its own file has them too, so that damage of either is seen. */
import { CappedCounts } from '../../core/metrics/capped-counts';
import type { RequestRecord } from '../../core/metrics/record';
import { MAX_SERVERS, OTHER_SERVERS } from '../../core/metrics/servers';
import type { ClientFile } from './client-file';

/** Sums of fractions may differ in their last digits. */
const ROUNDING = 1e-6;

type Summed = Pick<RequestRecord, 'outcome' | 'latency_ms' | 'assigned_server_id' | 'retry_count'>;

export class ClientSums {
  successCount = 0;
  failedCount = 0;
  private retries = 0;
  private latencyMs = 0;
  private minMs = Infinity;
  private maxMs = -Infinity;
  private readonly byServer = new CappedCounts(MAX_SERVERS, OTHER_SERVERS);

  /** Adds a record as the client did (core/metrics/summary.ts). */
  add({ outcome, latency_ms: latencyMs, assigned_server_id: serverId, retry_count: retries }: Summed): void {
    if (outcome === 'success') {
      this.successCount += 1;
      this.latencyMs += latencyMs;
      if (latencyMs < this.minMs) this.minMs = latencyMs;
      if (latencyMs > this.maxMs) this.maxMs = latencyMs;
    } else if (outcome === 'failure') this.failedCount += 1;
    else return;
    this.retries += retries;
    if (serverId !== null) this.byServer.add(serverId);
  }

  /** Returns what the client's own file says and what the records have, for people; null if both agree. */
  differenceFrom(file: ClientFile): { said: string; recorded: string } | null {
    const { successful, failed, minMs, avgMs, maxMs, servers, extras } = file;
    if (successful !== this.successCount || failed !== this.failedCount) {
      return {
        said: `${successful} successful and ${failed} failed requests`,
        recorded: `${this.successCount} and ${this.failedCount}`,
      };
    }
    const meanMs = this.latencyMs / this.successCount;
    const isClose = Math.abs((avgMs ?? 0) - meanMs) <= ROUNDING * meanMs;
    if (successful > 0 && !(isClose && minMs === this.minMs && maxMs === this.maxMs)) {
      return { said: latencyText(minMs, avgMs, maxMs), recorded: latencyText(this.minMs, meanMs, this.maxMs) };
    }
    if (serversText(servers) !== serversText(this.byServer.all)) {
      return { said: serversText(servers), recorded: serversText(this.byServer.all) };
    }
    if (extras === null || extras.retries === this.retries) return null;
    return { said: `${extras.retries} retries`, recorded: `${this.retries}` };
  }
}

function latencyText(...figures: readonly (number | null)[]): string {
  const [least, mean, most] = figures.map((ms) => (ms === null ? '-' : ms.toFixed(3)));
  return `latencies from ${least} to ${most} ms, ${mean} on average`;
}

function serversText(counts: ReadonlyMap<number, number>): string {
  const all = [...counts].filter(([, count]) => count > 0).sort(([a], [b]) => a - b);
  const texts = all.slice(0, 5).map(([id, count]) => `${count} of server ${id}`);
  return all.length === 0 ? 'no request of any server' : `${texts.join(', ')}${all.length > 5 ? ', …' : ''}`;
}
