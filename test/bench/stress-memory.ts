import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { GeneratorSample } from '../../src/core/metrics/record';
import type { StressReport } from '../../src/stress/options';
import { Cluster } from '../support/cluster';
import { MB, MemoryWatch } from '../support/memory';

const IMAGE_BYTES = 10_000;
const RATE = 200;
/** Requests per client, on average: one to find the leader, and some more to know all servers. */
const REQUESTS_EACH = 3;

/** Measures memory and CPU of one `stress` process with many clients, including sockets, at 200 requests/s in all. */
export async function run(command: string[], clientCounts: readonly number[]): Promise<void> {
  for (const clients of clientCounts) await measure(command, clients);
}

async function measure(command: string[], clients: number): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-bench-'));
  const cluster = await Cluster.create({ command, folder, servers: 3 });
  try {
    cluster.startAll();
    await cluster.ready();
    await cluster.agreement();
    mkdirSync(path.join(folder, 'images'));
    writeFileSync(path.join(folder, 'images', 'small.png'), randomBytes(IMAGE_BYTES));
    const seconds = Math.max(20, Math.ceil((REQUESTS_EACH * clients) / RATE));
    const flags = ['--clients', String(clients), '--rate', String(RATE), '--duration', String(seconds), '--json'];
    const servers = cluster.addresses.flatMap((address) => ['--server', address]);
    print(clients, seconds, await stress(command, [...flags, '--image-dir', 'images', ...servers], folder), folder);
  } finally {
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Outcome {
  report: StressReport;
  peakMb: number;
}

/** Runs the program to its end and polls its memory meanwhile. */
function stress([program, ...first]: string[], flags: string[], cwd: string): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(program!, [...first, 'stress', ...flags], { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
    child.on('error', reject);
    const watch = new MemoryWatch([child.pid!], 200);
    let stdout = '';
    let peakMb = 0;
    const timer = setInterval(() => (peakMb = Math.max(peakMb, ...watch.peakMb)), 500);
    child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
    child.on('close', () => {
      clearInterval(timer);
      watch.stop();
      resolve({ report: JSON.parse(stdout) as StressReport, peakMb });
    });
  });
}

function print(clients: number, seconds: number, { report, peakMb }: Outcome, folder: string): void {
  const { aggregated_stats: stats, generator } = report;
  const lines = readFileSync(path.join(folder, 'metrics', 'machine_1_generator.ndjson'), 'utf8')
    .trimEnd()
    .split('\n');
  const samples = lines.map((line) => JSON.parse(line) as GeneratorSample).filter((line) => !('event' in line));
  const cpu = samples.reduce((sum, { cpu_percent }) => sum + cpu_percent, 0) / samples.length;
  const last = Math.round(samples.at(-1)!.memory_bytes / MB);
  const { latency_p50_ms: p50, latency_p99_ms: p99, failed_requests: failed } = stats;
  console.log(`stress, ${clients} clients, ${IMAGE_BYTES} bytes, ${RATE} requests/s, ${seconds} s`);
  console.log(`  memory at most ${peakMb} MB, at the end of the load ${last} MB; CPU ${cpu.toFixed(0)} % of a core`);
  console.log(`  ${stats.total_requests} requests, ${failed} failed, p50 ${p50?.toFixed(1)} p99 ${p99?.toFixed(1)} ms`);
  console.log(`  generator saturated: ${generator.why ?? 'no'}`);
}
