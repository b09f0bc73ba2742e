import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Cluster } from '../../support/cluster';
import { MemoryWatch } from '../../support/memory';
import { cpuMs } from '../../support/process-cpu';
import { envelopeHead, RawConnection, taskRequest } from '../../support/raw';
import { quantile } from '../table';
import { ATTACKS, type Attack, type Target } from './attacks';
import { attackClients } from './clients';

const ATTACK_MS = 4000;
/** The time in which the cluster must have a leader again after the attack. */
const AFTER_MS = 5000;
const MB = 1024 * 1024;
const SECRET = Buffer.alloc(2048, 7);
/** Longer than any attack here: a client that has waited this long was not served. */
const GIVE_UP_MS = 15_000;

interface Result {
  worstWaitMs: number;
  medianWaitMs: number;
  grownMb: number;
  cpuMs: number;
  sentBytes: number;
  after: string;
}

/**
 * Attacks a cluster in each way that issue 12 names, and prints how long a well-behaved client of the attacked server
 * waits for a task of 2 KB, how much the server grows, and the CPU time that it spends per megabyte sent by the
 * attacker.
 * @param builds the executables to compare, each with its name
 * @param wanted numbers of points; if empty, all
 */
export async function run(builds: readonly [string, string][], wanted: readonly string[]): Promise<void> {
  console.log(`${'point, attack'.padEnd(60)} ${'build'.padEnd(5)} median wait   worst wait   memory   CPU/MB   after`);
  for (const attack of ATTACKS.filter(({ point }) => wanted.length === 0 || wanted.includes(String(point)))) {
    for (const [name, program] of builds) print(attack, name, await measured(program, attack));
  }
  if (wanted.length === 0 || wanted.includes('8')) {
    console.log('\nof a client: time, peak memory, exit code');
    await attackClients(builds);
  }
}

function print({ point, name }: Attack, build: string, result: Result): void {
  const { worstWaitMs, medianWaitMs, grownMb, sentBytes, after } = result;
  const cpu = sentBytes < MB ? '-' : (result.cpuMs / (sentBytes / MB)).toFixed(1);
  const cells = [`${medianWaitMs.toFixed(1)} ms`, `${worstWaitMs.toFixed(0)} ms`, `+${grownMb} MB`, `${cpu} ms`];
  const [median, worst, memory, perMb] = cells as [string, string, string, string];
  console.log(
    `${`${point} ${name}`.padEnd(60)} ${build.padEnd(5)} ${median.padStart(11)} ${worst.padStart(12)} ` +
      `${memory.padStart(8)} ${perMb.padStart(8)}   ${after}`,
  );
}

async function measured(program: string, attack: Attack): Promise<Result> {
  const folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-hostile-'));
  const { openFiles, servers, fakePeer } = attack;
  const command = openFiles ? ['prlimit', `--nofile=${openFiles}:${openFiles}`, program] : [program];
  const cluster = await Cluster.create({ command, folder, servers });
  const running = cluster.ids.filter((id) => !(fakePeer && id === servers));
  try {
    for (const id of running) cluster.start(id);
    await cluster.ready(running);
    const { leaderId } = servers === 1 ? { leaderId: 1 } : await cluster.agreement(running);
    return await attacked(cluster, attack, leaderId, running);
  } finally {
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function attacked(cluster: Cluster, attack: Attack, id: number, running: readonly number[]): Promise<Result> {
  const pid = cluster.processes.get(id)!.pid!;
  const others = cluster.ids.filter((each) => each !== id);
  const peers = others.map((each) => ({ id: each, address: cluster.address(each) }));
  const [fakeId] = cluster.ids.filter((each) => !running.includes(each));
  const fake = fakeId === undefined ? undefined : { id: fakeId, port: cluster.ports[fakeId - 1]! };
  await waits(cluster.address(id), after(500));
  const memory = new MemoryWatch([pid]);
  const cpuBefore = cpuMs([pid]);
  const attacker = attackFromOutside(attack, { address: cluster.address(id), id, peers, fake });
  const waitsMs = await waits(cluster.address(id), attacker.ended);
  const sentBytes = await attacker.ended;
  const spentMs = cpuMs([pid]) - cpuBefore;
  memory.stop();
  return {
    worstWaitMs: quantile(waitsMs, 1),
    medianWaitMs: quantile(waitsMs, 0.5),
    grownMb: memory.grownMb[0]!,
    cpuMs: spentMs,
    sentBytes,
    after: await stateAfter(cluster, running),
  };
}

/** True if the servers still run and agree on a leader among them. */
async function stateAfter(cluster: Cluster, running: readonly number[]): Promise<string> {
  const dead = running.filter((id) => cluster.processes.get(id)!.exitCode !== null);
  if (dead.length > 0) return `server ${dead.join(', ')} died`;
  if (running.length === 1) return 'serves';
  const isLed = await cluster
    .until('', () => cluster.agreed(running) !== null, AFTER_MS)
    .then(
      () => true,
      () => false,
    );
  const downs = cluster.allEvents().filter(({ event }) => event === 'peer_down').length;
  return `${isLed ? 'led' : `no common leader within ${AFTER_MS / 1000} s`}, ${downs} peer_down`;
}

/** Runs the attack in its own process, so that its cost does not count as waiting. */
function attackFromOutside(attack: Attack, target: Omit<Target, 'over'>): { ended: Promise<number> } {
  const code = 'require(process.argv[1]).attack(JSON.parse(process.argv[2]))';
  const request = JSON.stringify({ index: ATTACKS.indexOf(attack), target });
  const child = spawn(process.execPath, ['-e', code, __filename, request], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (data: Buffer) => (output += data.toString()));
  return { ended: new Promise((resolve) => child.once('close', () => resolve(Number(output)))) };
}

/** Runs as the attacker's process; prints the bytes sent. */
export async function attack({ index, target }: { index: number; target: Omit<Target, 'over'> }): Promise<void> {
  const sentBytes = await ATTACKS[index]!.run({ ...target, over: after(ATTACK_MS) });
  process.stdout.write(String(sentBytes), () => process.exit(0));
}

/**
 * Measures how long each task of a well-behaved client takes, one after the other, until `over` and the end of the
 * last.
 */
async function waits(address: string, over: Promise<unknown>): Promise<number[]> {
  let isOver = false;
  void over.then(() => (isOver = true));
  const waitsMs: number[] = [];
  for (let n = 0; !isOver; n++) {
    const startMs = performance.now();
    await served(address, n, startMs + GIVE_UP_MS);
    waitsMs.push(performance.now() - startMs);
    await after(10);
  }
  kept?.destroy();
  kept = undefined;
  return waitsMs;
}

let kept: RawConnection | undefined;

/** Sends the task again, if necessary over a new connection, until it is done; gives up at `untilMs`. */
async function served(address: string, n: number, untilMs: number): Promise<void> {
  const head = envelopeHead(taskRequest('well-behaved', n), SECRET.length);
  while (performance.now() < untilMs) {
    try {
      kept ??= await RawConnection.open(address);
      const { message } = await kept.send(Buffer.concat([head, SECRET])).next(untilMs - performance.now());
      if ((message as { TaskResponse?: { success: boolean } }).TaskResponse?.success) return;
    } catch {
      kept?.destroy();
      kept = undefined;
    }
    await after(20);
  }
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
