/**
 * Hostile connections to real server processes, with and without TLS, and a hostile peer, which a client of this
 * process uses as well. The same seed sends the same bytes; how they interleave differs from run to run.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import path from 'node:path';
import { TLSSocket } from 'node:tls';
import { VirtualClient } from '../../src/client/client';
import { Hedging } from '../../src/client/attempt/hedging';
import { seededRandom } from '../../src/core/random';
import { systemClock } from '../../src/core/system/system-clock';
import { dial, FrameWatch } from '../../src/core/transport/network';
import { Secure } from '../../src/core/transport/tls';
import { Cluster, freePorts } from '../support/cluster';
import { connectionsTo, type Descriptors, descriptorsOf } from '../support/descriptors';
import { HAS_OPENSSL, LabCa } from '../support/lab-ca';
import { MB, rssBytes } from '../support/memory';
import { cpuMs, waitedForCpuMs } from '../support/process-cpu';
import { PROGRAM } from '../support/program';
import { attack, clientHello, exhausted, reset, type Target, wireOver } from './attack';
import { Dice, saying } from './sayings';

export interface FuzzOptions {
  seed: number;
  secs: number;
  folder: string;
  /** The number of the first attack; default 0. */
  from?: number;
  onProgress?(text: string): void;
  /** If aborted, ends the servers and skips the final checks. */
  signal?: AbortSignal;
}

export interface FuzzResult {
  attackCount: number;
  /** Violations, one line each. */
  findings: string[];
  /** Without the time in which the server or this process waited for a CPU. */
  slowestAnswerMs: number;
  /** From SIGTERM to the exit. */
  slowestEndMs: number;
  peakMb: number;
  /** The memory of each server in the end, and how much of it is live objects and buffers. */
  restMb: string[];
}

/** Attacks in flight at once. */
const LANES = 64;
const PROBE_MS = 500;
/** All attempts together, without the time in which the server or this process waited for a CPU. */
const ANSWER_MS = 5_000;
/** The allocator keeps fragments of a peak: half of it after an hour. */
const MAX_GROWTH_BYTES = 512 * MB;
/** Live objects and buffers once everything is over; measured: 25 to 45. */
const MAX_REST_MB = 120;
/** More than V8 waits before it collects the garbage of a process with nothing to do. */
const COLLECT_MS = 40_000;
/** Longer than the server waits for clients that read no answers or have only ended their stream. */
const SETTLE_MS = 20_000;
/** Links to the hostile peer, which may exist or not. */
const MORE_SOCKETS = 2;
/** Descriptors of worker threads that the server has started since. */
const MORE_OTHERS = 12;
/** From SIGTERM to the exit of an idle server. */
const END_MS = 5_000;
const HOSTILE_ID = 9;
const LIMITS = '[processing]\nworkers = 2\n[limits]\nmax_connections = 200\nframe_timeout_secs = 5\n';

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** One cluster of real servers, and the first measurements of its processes. */
interface Rig {
  name: string;
  cluster: Cluster;
  secure?: Secure;
  metricsPorts: number[];
  targets: Target[];
  baseBytes: Map<number, number>;
  baseDescriptors: Map<number, Descriptors>;
}

/** Attacks for `secs`, then checks what is left. */
export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  const { seed, secs, folder } = options;
  const hello = await clientHello(listenOnce);
  const lab = HAS_OPENSSL ? labIn(folder) : undefined;
  const hostile = await hostilePeer(seed, hello, lab);
  const rigs = [await rigOf('clear', folder, hostile.port)];
  if (lab !== undefined) rigs.push(await rigOf('tls', folder, hostile.port, lab));
  const run = new FuzzRun(options, rigs, hello);
  const client = victim(hostile.port, (what) => run.result.findings.push(`a client: ${what} [seed ${seed}]`));
  try {
    await run.start();
    await run.attackUntil(performance.now() + secs * 1000);
    await client.stop();
    hostile.close();
    await run.settle();
    return run.result;
  } finally {
    hostile.close();
    await Promise.all(rigs.map(({ cluster }) => cluster.stop()));
  }
}

class FuzzRun {
  readonly result: FuzzResult = {
    attackCount: 0,
    findings: [],
    slowestAnswerMs: 0,
    slowestEndMs: 0,
    peakMb: 0,
    restMb: [],
  };
  private nextIndex: number;

  constructor(
    private readonly options: FuzzOptions,
    private readonly rigs: readonly Rig[],
    private readonly hello: Buffer,
  ) {
    this.nextIndex = options.from ?? 0;
  }

  async start(): Promise<void> {
    for (const rig of this.rigs) {
      rig.cluster.startAll();
      await rig.cluster.ready();
      for (const id of rig.cluster.ids) {
        rig.baseBytes.set(id, rssBytes(pidOf(rig, id)));
        rig.baseDescriptors.set(id, descriptorsOf(pidOf(rig, id)));
      }
    }
  }

  /** Stops early at the first finding: the latest attacks are the suspects. */
  async attackUntil(endMs: number): Promise<void> {
    const targets = this.rigs.flatMap((rig) => rig.targets);
    const goesOn = (): boolean => performance.now() < endMs && !this.isOver;
    const lanes = Array.from({ length: LANES }, async () => {
      while (goesOn()) {
        const index = this.nextIndex++;
        const dice = new Dice(seededRandom(this.options.seed * 1_000_003 + index));
        await attack(dice.pick(targets), dice, this.hello);
        this.result.attackCount += 1;
      }
    });
    while (goesOn()) {
      await this.probe();
      await later(PROBE_MS);
    }
    await Promise.all(lanes);
  }

  /** Checks what must hold at any time. */
  async probe(): Promise<void> {
    if (exhausted.size > 0) return this.findOwn(`has run out of something: ${[...exhausted].join(', ')}`);
    for (const rig of this.rigs) {
      for (const id of rig.cluster.ids) {
        await this.answers(rig, id);
        const bytes = rssBytes(pidOf(rig, id));
        this.result.peakMb = Math.max(this.result.peakMb, Math.round(bytes / MB));
        if (bytes > rig.baseBytes.get(id)! + MAX_GROWTH_BYTES) this.find(rig, id, `holds ${Math.round(bytes / MB)} MB`);
        const output = rig.cluster.output.get(id) ?? '';
        const line = output.split('\n').find((each) => /unexpected|this is a bug|Listening socket|^ +at /.test(each));
        if (line !== undefined) this.find(rig, id, line);
      }
    }
    const { attackCount, slowestAnswerMs, peakMb } = this.result;
    this.options.onProgress?.(`${attackCount} attacks, slowest answer ${slowestAnswerMs.toFixed(0)} ms, ${peakMb} MB`);
  }

  /** Checks what must hold when all attackers are gone. */
  async settle(): Promise<void> {
    if (this.isOver) return;
    await this.probe();
    for (const rig of this.rigs) {
      for (const id of rig.cluster.ids) {
        await this.closesAll(rig, id);
        await this.comesToRest(rig, id);
        await this.countsNoBugs(rig, id);
        await this.freesMemory(rig, id);
      }
    }
    if (this.isOver) return;
    await Promise.all(this.rigs.flatMap((rig) => rig.cluster.ids.map((id) => this.endsOnSigterm(rig, id))));
  }

  private get isOver(): boolean {
    return this.result.findings.length > 0 || this.options.signal?.aborted === true;
  }

  private async answers(rig: Rig, id: number): Promise<void> {
    const startMs = performance.now();
    const { exitCode, signalCode } = rig.cluster.processes.get(id)!;
    if (exitCode !== null || signalCode !== null) {
      const output = (rig.cluster.output.get(id) ?? '').slice(-3000);
      return this.find(rig, id, `has ended with ${exitCode ?? signalCode}:\n${output}`);
    }
    const [pid, waitedBeforeMs] = [pidOf(rig, id), cpuWaitMs(pidOf(rig, id))];
    const waitedMs = (): number => cpuWaitMs(pid) - waitedBeforeMs;
    const leftMs = (): number => ANSWER_MS + waitedMs() - (performance.now() - startMs);
    const usedBeforeMs = cpuMs([pid]);
    let tries = 0;
    let isAnswered = false;
    // On a busy machine even a good handshake may be late once.
    while (!isAnswered && leftMs() > 0) {
      tries += 1;
      isAnswered = await answersLeaderQuery(rig.cluster.address(id), leftMs(), rig.secure);
    }
    const tookMs = performance.now() - startMs;
    this.result.slowestAnswerMs = Math.max(this.result.slowestAnswerMs, tookMs - waitedMs());
    if (isAnswered) return;
    const used = `it used ${cpuMs([pid]) - usedBeforeMs} ms of CPU, and waited ${waitedMs().toFixed(0)} ms for one`;
    this.find(rig, id, `has not answered a LeaderQuery after ${tookMs.toFixed(0)} ms, ${tries} tries (${used})`);
  }

  private async closesAll(rig: Rig, id: number): Promise<void> {
    const endMs = performance.now() + SETTLE_MS;
    const base = rig.baseDescriptors.get(id)!;
    let now = descriptorsOf(pidOf(rig, id));
    const isSettled = (): boolean =>
      now.sockets <= base.sockets + MORE_SOCKETS && now.others <= base.others + MORE_OTHERS;
    while (!isSettled() && performance.now() < endMs) {
      await later(100);
      now = descriptorsOf(pidOf(rig, id));
    }
    if (isSettled()) return;
    const own = connectionsTo(rig.cluster.ports[id - 1]!, process.pid);
    if (own > 0) return this.findOwn(`still holds ${own} connections to server ${id} (${rig.name})`);
    this.find(rig, id, `has open ${JSON.stringify(now)}, before ${JSON.stringify(base)}`);
  }

  /** Checks that nothing left by attackers keeps a server from exiting. */
  private async endsOnSigterm(rig: Rig, id: number): Promise<void> {
    const startMs = performance.now();
    rig.cluster.signal(id, 'SIGTERM');
    const code = await Promise.race([rig.cluster.exited(id), later(END_MS).then(() => undefined)]);
    const tookMs = performance.now() - startMs;
    this.result.slowestEndMs = Math.max(this.result.slowestEndMs, tookMs);
    if (code === undefined) this.find(rig, id, `still runs ${END_MS / 1000} s after a SIGTERM`);
    else if (code !== 0) this.find(rig, id, `ended with ${code} on a SIGTERM`);
  }

  private async countsNoBugs(rig: Rig, id: number): Promise<void> {
    const valueOf = await metricsOf(rig, id);
    const count = valueOf('cloudp2p_server_unexpected_errors_total');
    if (count !== 0) this.find(rig, id, `counts ${count} unexpected errors`);
  }

  /** Garbage counts until it is collected, which an idle server does after some seconds. */
  private async freesMemory(rig: Rig, id: number): Promise<void> {
    const endMs = performance.now() + COLLECT_MS;
    let restMb: number[];
    do {
      const valueOf = await metricsOf(rig, id);
      restMb = ['heap_size_used', 'external_memory'].map((name) => valueOf(`nodejs_${name}_bytes`) / MB);
      if (sum(restMb) > MAX_REST_MB) await later(100);
    } while (sum(restMb) > MAX_REST_MB && performance.now() < endMs);
    const [rss, heap, external] = [rssBytes(pidOf(rig, id)) / MB, ...restMb].map((mb) => mb.toFixed(0));
    const text = `${rss} (heap ${heap}, buffers ${external})`;
    if (sum(restMb) > MAX_REST_MB) this.find(rig, id, `still holds ${text} MB`);
    this.result.restMb.push(`${rig.name} ${id}: ${text}`);
  }

  /** Checks that the server is idle: a deadline in the past would be an endless loop. */
  private async comesToRest(rig: Rig, id: number): Promise<void> {
    const before = cpuMs([pidOf(rig, id)]);
    await later(1000);
    const usedMs = cpuMs([pidOf(rig, id)]) - before;
    if (usedMs > 500) this.find(rig, id, `used ${usedMs} ms of CPU in a second with nothing to do`);
  }

  private findOwn(what: string): void {
    this.result.findings.push(`the fuzzer itself ${what}`);
  }

  private find({ name }: Rig, id: number, what: string): void {
    const upTo = this.nextIndex;
    this.result.findings.push(`server ${id} (${name}) ${what} [seed ${this.options.seed}, attacks up to ${upTo}]`);
  }
}

async function rigOf(name: string, folder: string, hostilePort: number, lab?: LabCa): Promise<Rig> {
  const servers = lab === undefined ? 2 : 1;
  const metricsPorts = await freePorts(servers);
  const extraToml = `${LIMITS}${lab?.toml('server-1') ?? ''}`;
  const cluster = await Cluster.create({ command: [PROGRAM], folder: path.join(folder, name), servers, extraToml });
  for (const id of cluster.ids) {
    const file = path.join(cluster.folder(id), 'server.toml');
    const hostile = `{ id = ${HOSTILE_ID}, address = "127.0.0.1:${hostilePort}" },`;
    const text = readFileSync(file, 'utf8')
      .replace('peers = [', `peers = [\n  ${hostile}`)
      .replace('[server]', `[server]\nmetrics_address = "127.0.0.1:${metricsPorts[id - 1]}"`);
    writeFileSync(file, text);
  }
  const tls = lab && { good: lab.pem('client'), foreign: lab.pem('foreign') };
  const targets = [
    ...cluster.ports.map((port) => ({ name, port, tls })),
    // The service more often than the metrics.
    ...cluster.ports.map((port) => ({ name, port, tls })),
    ...metricsPorts.map((port) => ({ name: `${name} metrics`, port })),
  ];
  const secure = lab && new Secure(lab.pem('client'));
  return { name, cluster, secure, metricsPorts, targets, baseBytes: new Map(), baseDescriptors: new Map() };
}

function labIn(folder: string): LabCa {
  const lab = new LabCa(folder);
  lab.makeForeign('foreign');
  return lab;
}

/** A peer that the servers dial: it sends anything, with and without TLS. */
async function hostilePeer(
  seed: number,
  hello: Buffer,
  lab: LabCa | undefined,
): Promise<{ port: number; close(): void }> {
  let index = 0;
  const pem = lab?.pem('server-2');
  return listenOnce((raw) => {
    const dice = new Dice(seededRandom(seed * 1_000_003 + 500_000_000 + index++));
    raw.on('error', () => undefined);
    // Its first bytes show whether this connection uses TLS.
    raw.once('readable', () => {
      const first = raw.read() as Buffer | null;
      if (first === null) return raw.destroy();
      raw.unshift(first);
      const isTls = first[0] === 0x16 && pem !== undefined && dice.chance(0.8);
      const wire = wireOver(raw, dice.chance(0.3) ? dice : null);
      const socket = isTls ? new TLSSocket(wire, { isServer: true, ...pem, requestCert: true }) : raw;
      socket.on('error', () => undefined).on('data', () => undefined);
      for (let count = 1 + dice.below(8); count > 0; count--) socket.write(saying(dice, hello));
      const end = dice.pick(['reset', 'end', 'destroy', 'stay'] as const);
      setTimeout(() => (end === 'reset' ? reset(raw) : socket.destroy()), dice.below(300));
      if (end === 'end') socket.end();
    });
  });
}

/** A client that knows only the hostile peer and sends it one request after another. */
function victim(port: number, onFinding: (what: string) => void): { stop(): Promise<void> } {
  const onUnexpected = (error: unknown): void => onFinding(String((error as Error).stack));
  const client = new VirtualClient({
    clientId: 1,
    clientName: 'Victim',
    runId: 'fuzz',
    addresses: [`127.0.0.1:${port}`],
    clock: systemClock,
    requestTimeoutMs: 1000,
    hedging: new Hedging(1),
    random: seededRandom(1),
    watch: new FrameWatch({ onUnexpected }),
  });
  const image = { name: 'secret', bytes: new Uint8Array(20_000) };
  let isStopped = false;
  const asking = (async () => {
    for (let id = 1; !isStopped; id++) await client.request(image, id, { onCarrier: () => undefined });
    await client.close();
  })();
  return {
    stop: () => {
      isStopped = true;
      return asking;
    },
  };
}

/** Listens for plain sockets. */
async function listenOnce(onSocket: (socket: Socket) => void): Promise<{ port: number; close(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port: (server.address() as { port: number }).port, close };
}

function answersLeaderQuery(address: string, withinMs: number, secure: Secure | undefined): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (isAnswered: boolean): void => {
      clearTimeout(timer);
      connection.destroy();
      resolve(isAnswered);
    };
    const nothing = (): void => undefined;
    const connection = dial(address, {
      connectTimeoutMs: withinMs,
      secure,
      handler: {
        onMessage: ({ kind }) => kind === 'LeaderResponse' && settle(true),
        onBody: nothing,
        onEnd: nothing,
        onClose: () => settle(false),
      },
    });
    const timer = setTimeout(() => settle(false), withinMs);
    connection.send({ kind: 'LeaderQuery' });
  });
}

/** Returns a reader of the values that a server exposes just now. */
async function metricsOf(rig: Rig, id: number): Promise<(name: string) => number> {
  const page = await fetch(`http://127.0.0.1:${rig.metricsPorts[id - 1]}/metrics`);
  const text = await page.text();
  return (name) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

const sum = ([a, b]: readonly number[]): number => a! + b!;

const pidOf = ({ cluster }: Rig, id: number): number => cluster.processes.get(id)!.pid!;

/** The time for which the server and this process were ready to work and had no CPU, in ms. */
const cpuWaitMs = (pid: number): number => waitedForCpuMs(pid) + waitedForCpuMs(process.pid);
