import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Cluster } from '../support/cluster';
import { longestGapMs, startLoad, type LoadRecord } from '../support/client-load';
import { cpuMs } from '../support/process-cpu';
import { quantile } from './table';

export interface RequestsOptions {
  secretBytes: number;
  clients: number;
  seconds: number;
  /** Kills the leader midway and restarts it after two seconds. */
  kill?: boolean;
  coverFile?: string;
  file?: string;
}

/**
 * Measures throughput, latency, CPU, bytes and balance of a real cluster of three in a closed loop without think time.
 */
export async function run(command: string[], options: RequestsOptions): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-bench-'));
  const cluster = await Cluster.create({ command, folder, servers: 3, coverFile: options.coverFile });
  try {
    cluster.startAll();
    await cluster.ready();
    await cluster.agreement();
    const bytes = options.file ? readFileSync(options.file) : randomBytes(options.secretBytes);
    await measure(cluster, { ...options, secretBytes: bytes.length }, bytes);
  } finally {
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(cluster: Cluster, options: RequestsOptions, bytes: Uint8Array): Promise<void> {
  const { clients, seconds } = options;
  const image = { name: 'bench', bytes };
  const warmUp = startLoad({ addresses: cluster.addresses, clients, image, runId: 'warm' });
  await new Promise((resolve) => setTimeout(resolve, 2000));
  await warmUp.stop();
  const cpuBefore = cpuMs(pidsOf(cluster));
  const ownBefore = process.cpuUsage();
  const startMs = performance.now();
  const load = startLoad({ addresses: cluster.addresses, clients, image });
  await new Promise((resolve) => setTimeout(resolve, (seconds * 1000) / 2));
  if (options.kill) await killLeader(cluster);
  await new Promise((resolve) => setTimeout(resolve, (seconds * 1000) / 2));
  await load.stop();
  const elapsedMs = performance.now() - startMs;
  const own = process.cpuUsage(ownBefore);
  const serverMs = options.kill ? NaN : cpuMs(pidsOf(cluster)) - cpuBefore;
  print(options, load.records, elapsedMs, serverMs, (own.user + own.system) / 1000);
}

async function killLeader(cluster: Cluster): Promise<void> {
  const { leaderId } = await cluster.agreement();
  await cluster.kill(leaderId);
  setTimeout(() => cluster.start(leaderId), 2000);
}

function print(
  options: RequestsOptions,
  records: LoadRecord[],
  elapsedMs: number,
  serverMs: number,
  clientMs: number,
): void {
  const ok = records.filter((record) => record.success);
  const latencies = ok.map((record) => record.latency_ms);
  const shares = [1, 2, 3].map((id) => ok.filter((record) => record.assigned_server_id === id).length);
  const wire = ok.reduce((sum, record) => sum + record.bytes_sent + record.bytes_received, 0) / ok.length;
  const n = records.length;
  const reasons = [...new Set(records.filter((each) => !each.success).map((each) => each.failure_reason))];
  const what = `${options.clients} client(s), ${options.secretBytes} bytes${options.kill ? ', leader killed in the middle' : ''}`;
  console.log(`${what}`);
  console.log(
    `  ${((1000 * ok.length) / elapsedMs).toFixed(0)} requests/s, ${n - ok.length} failed of ${n} ${reasons.join(', ')}`,
  );
  console.log(
    `  latency p50 ${quantile(latencies, 0.5).toFixed(2)} p95 ${quantile(latencies, 0.95).toFixed(2)} p99 ${quantile(latencies, 0.99).toFixed(2)} max ${quantile(latencies, 1).toFixed(1)} ms, longest gap ${longestGapMs(records).toFixed(0)} ms`,
  );
  console.log(
    `  CPU per request: servers ${(serverMs / n).toFixed(3)}, clients ${(clientMs / n).toFixed(3)}, together ${((serverMs + clientMs) / n).toFixed(3)} ms`,
  );
  console.log(
    `  wire ${wire.toFixed(0)} bytes per request; shares ${shares.map((share) => ((100 * share) / ok.length).toFixed(2)).join(' / ')} %; hedged ${ok.filter((each) => each.hedged).length}, retried ${ok.filter((each) => each.retry_count > 0).length}`,
  );
  console.log(`  1 s windows with ≥ 100 tasks and max/mean ≤ 1.10: ${evenWindows(ok)}`);
}

/** Counts the one-second windows with at least 100 tasks that spread them evenly, as `even of all`. */
function evenWindows(records: LoadRecord[]): string {
  const windows = new Map<number, number[]>();
  for (const { start_time, assigned_server_id } of records) {
    const window = Math.floor(start_time / 1000);
    const counts = windows.get(window) ?? [0, 0, 0];
    counts[assigned_server_id! - 1]! += 1;
    windows.set(window, counts);
  }
  const full = [...windows.values()].filter((counts) => counts.reduce((a, b) => a + b) >= 100);
  const even = full.filter((counts) => Math.max(...counts) / (counts.reduce((a, b) => a + b) / 3) <= 1.1);
  return `${even.length} of ${full.length}`;
}

function pidsOf(cluster: Cluster): number[] {
  return [...cluster.processes.values()].map(({ pid }) => pid!);
}
