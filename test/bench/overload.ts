import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { RequestRecord } from '../../src/core/metrics/record';
import { Cluster } from '../support/cluster';

const SERVERS = 3;

/**
 * Measures what a cluster of real processes gives to more clients than it can serve: each build with its own servers and
 * its own `stress`, large.png, a closed loop without think time. `load`: clients, or requests/s.
 */
export async function run(builds: readonly [string, string][], words: readonly string[]): Promise<void> {
  const [seconds = 25, ...loads] = words.map(Number);
  for (const clients of loads.length > 0 ? loads : [10, 30, 300]) {
    for (const [name, program] of builds) await runOne(name, program, clients, seconds);
  }
}

async function runOne(name: string, program: string, clients: number, seconds: number): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-overload-'));
  const command = program.endsWith('.cjs') ? [process.execPath, program] : [program];
  const cluster = await Cluster.create({ command, folder, servers: SERVERS });
  try {
    cluster.startAll();
    await cluster.ready();
    await cluster.agreement();
    const records = await stress(command, folder, cluster.addresses, clients, seconds);
    print(`${name}: ${clients} clients, ${seconds} s`, records, clients, seconds);
  } finally {
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function stress(
  command: readonly string[],
  folder: string,
  addresses: readonly string[],
  clients: number,
  seconds: number,
): Promise<RequestRecord[]> {
  const images = path.join(folder, 'images');
  mkdirSync(images);
  copyFileSync(path.join('test_images', 'large.png'), path.join(images, 'large.png'));
  const metrics = path.join(folder, 'metrics');
  const load = ['--clients', clients, '--min-delay-ms', 0, '--max-delay-ms', 0, '--duration', seconds];
  const files = ['--image-dir', images, '--metrics-dir', metrics, '--graceful-stop', 12];
  const servers = addresses.flatMap((address) => ['--server', address]);
  const [program, ...args] = [...command, 'stress', ...load, ...files, ...servers].map(String);
  const options = { cwd: folder, timeout: (seconds + 60) * 1000, maxBuffer: 64 * 1024 * 1024 };
  await promisify(execFile)(program!, args, options).catch((error: { code?: unknown; stderr?: string }) => {
    if (typeof error.code !== 'number') throw new Error(`stress did not run: ${error.stderr}`);
  });
  const names = readdirSync(metrics, { recursive: true, encoding: 'utf8' });
  return names.filter((each) => /requests\.ndjson$/.test(each)).flatMap((each) => read(path.join(metrics, each)));
}

function read(file: string): RequestRecord[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.flatMap((line) => {
    const record = line === '' ? {} : (JSON.parse(line) as Partial<RequestRecord>);
    return record.request_id === undefined ? [] : [record as RequestRecord];
  });
}

function print(what: string, records: readonly RequestRecord[], clients: number, seconds: number): void {
  const ended = records.filter(({ outcome }) => outcome !== 'unsent');
  const ok = ended.filter(({ success }) => success);
  const firstMs = Math.min(...ended.map(({ start_time: time }) => time));
  const inTime = ok.filter(({ start_time: time, latency_ms: ms }) => time + ms - firstMs <= seconds * 1000);
  const counts = Array.from(
    { length: clients },
    (_, index) => ok.filter((each) => each.client_id === index + 1).length,
  );
  const failed = ended.filter(({ success }) => !success);
  const bytes = (list: readonly RequestRecord[]): number => list.reduce((sum, each) => sum + each.bytes_received, 0);
  const sent = failed.reduce((sum, each) => sum + each.bytes_sent, 0);
  const reasons = new Map<string, number>();
  for (const { failure_reason: reason } of failed) reasons.set(String(reason), (reasons.get(String(reason)) ?? 0) + 1);
  console.log(
    `${what}: ${(inTime.length / seconds).toFixed(2)}/s, ${failed.length} failed of ${ended.length}, ` +
      `${counts.filter((count) => count === 0).length} clients got nothing, Jain ${jain(counts).toFixed(2)} ` +
      `(at best ${bestJain(ok.length, clients).toFixed(2)}), ` +
      `${((100 * bytes(failed)) / bytes(ended)).toFixed(1)} % of received bytes and ${(sent / 2 ** 20).toFixed(0)} MiB sent for failed requests`,
  );
  console.log(`  ${[...reasons].map(([reason, count]) => `${count} ${reason}`).join(', ')}`);
}

/** Jain's index of fairness: 1 if all have the same, 1/n if one has it all. */
function jain(counts: readonly number[]): number {
  const sum = counts.reduce((a, b) => a + b, 0);
  return sum === 0 ? 0 : sum ** 2 / (counts.length * counts.reduce((a, b) => a + b * b, 0));
}

/** The index if so many successes are spread as evenly as whole numbers allow. */
function bestJain(total: number, clients: number): number {
  const least = Math.floor(total / clients);
  return jain(Array.from({ length: clients }, (_, index) => least + (index < total % clients ? 1 : 0)));
}
