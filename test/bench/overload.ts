import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { RequestRecord } from '../../src/core/metrics/record';
import { Cluster } from '../support/cluster';

const SERVERS = 3;
/** As many rounds as it takes to tell fair from unfair: 300 clients at 5/s need a minute for one each. */
const LOADS = ['10', '30', '8/s', '16/s', '32/s', '100', '300x200', '5000:10000'];

/** Clients in a closed loop without think time, or an open loop; the bytes of a random image, or large.png (5 MB). */
interface Load {
  text: string;
  count: number;
  isOpen: boolean;
  seconds: number;
  imageBytes: number | null;
}

/**
 * Measures what a cluster of real processes gives to more clients than it can serve, each build with its own servers and
 * its own `stress`: loads like `300` (clients), `8/s`, `300x200` (for 200 s), `5000:10000` (images of 10,000 bytes).
 */
export async function run(builds: readonly [string, string][], words: readonly string[]): Promise<void> {
  for (const load of (words.length > 0 ? words : LOADS).map(loadOf)) {
    for (const [name, program] of builds) await runOne(name, program, load);
  }
}

function loadOf(text: string): Load {
  const [, count, open, seconds = '25', bytes] = /^(\d+)(\/s)?(?:x(\d+))?(?::(\d+))?$/.exec(text) ?? [];
  if (count === undefined) throw new Error(`${text}: expected a load like 300, 8/s, 300x200 or 5000:10000`);
  const imageBytes = bytes === undefined ? null : Number(bytes);
  return { text, count: Number(count), isOpen: open !== undefined, seconds: Number(seconds), imageBytes };
}

async function runOne(name: string, program: string, load: Load): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-overload-'));
  const command = program.endsWith('.cjs') ? [process.execPath, program] : [program];
  const cluster = await Cluster.create({ command, folder, servers: SERVERS });
  try {
    cluster.startAll();
    await cluster.ready();
    await cluster.agreement();
    writeImage(folder, load);
    const records = await stress(command, folder, cluster.addresses, load);
    const afterMs = await light(command, folder, cluster.addresses);
    print(`${name}: ${load.text}, ${load.seconds} s`, records, load);
    console.log(`  then one client alone: ${afterMs.map((ms) => ms.toFixed(0)).join(', ')} ms`);
  } finally {
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function writeImage(folder: string, { imageBytes }: Load): void {
  const images = path.join(folder, 'images');
  mkdirSync(images);
  if (imageBytes === null) copyFileSync(path.join('test_images', 'large.png'), path.join(images, 'large.png'));
  else writeFileSync(path.join(images, 'small.png'), randomBytes(imageBytes));
}

async function stress(
  command: readonly string[],
  folder: string,
  addresses: readonly string[],
  { count, isOpen, seconds }: Load,
): Promise<RequestRecord[]> {
  const metrics = path.join(folder, 'metrics');
  const pace = isOpen
    ? ['--clients', 100, '--rate', count]
    : ['--clients', count, '--min-delay-ms', 0, '--max-delay-ms', 0];
  const files = ['--image-dir', path.join(folder, 'images'), '--metrics-dir', metrics];
  const ends = ['--duration', seconds, '--graceful-stop', 0];
  await program(command, ['stress', ...pace, ...ends, ...files], addresses, folder, seconds + 60);
  const names = readdirSync(metrics, { recursive: true, encoding: 'utf8' });
  return names.filter((each) => /requests\.ndjson$/.test(each)).flatMap((each) => read(path.join(metrics, each)));
}

/** Returns the latencies of one client's requests right after the load: how soon the cluster is as before. */
async function light(command: readonly string[], folder: string, addresses: readonly string[]): Promise<number[]> {
  const metrics = path.join(folder, 'light');
  const args = ['stress', '--clients', 1, '--requests', 5, '--min-delay-ms', 0, '--max-delay-ms', 0];
  const files = ['--image-dir', path.join(folder, 'images'), '--metrics-dir', metrics];
  await program(command, [...args, ...files], addresses, folder, 70);
  return read(path.join(metrics, 'machine_1_requests.ndjson')).map(({ latency_ms: ms }) => ms);
}

async function program(
  command: readonly string[],
  args: readonly (string | number)[],
  addresses: readonly string[],
  cwd: string,
  seconds: number,
): Promise<void> {
  const servers = addresses.flatMap((address) => ['--server', address]);
  const [file, ...all] = [...command, ...args, ...servers].map(String);
  const options = { cwd, timeout: seconds * 1000, maxBuffer: 64 * 1024 * 1024 };
  await promisify(execFile)(file!, all, options).catch((error: { code?: unknown; stderr?: string }) => {
    if (typeof error.code !== 'number') throw new Error(`${args[0]} did not run: ${error.stderr}`);
  });
}

function read(file: string): RequestRecord[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.flatMap((line) => {
    const record = line === '' ? {} : (JSON.parse(line) as Partial<RequestRecord>);
    return record.request_id === undefined ? [] : [record as RequestRecord];
  });
}

function print(what: string, records: readonly RequestRecord[], { count, isOpen, seconds }: Load): void {
  const clients = isOpen ? 100 : count;
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
