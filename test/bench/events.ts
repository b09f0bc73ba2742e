/**
 * The cost of an event of a server in its file: buffered for 100 ms, as before, beside written at once; and of both in
 * two clusters that stand side by side and are loaded in turns.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { RecordFile } from '../../src/files/record-file';
import { EventsFile } from '../../src/server/events-file';
import { startLoad } from '../support/client-load';
import { Cluster } from '../support/cluster';
import { cpuMs } from '../support/process-cpu';
import { printRow } from './table';

const ROUNDS = 30;
const EVENTS = 2000;
const TURNS = 20;
const TURN_MS = 2000;
const CLIENTS = 10;
const SECRET_BYTES = 10_000;

/** Alternates between both, so that other work on the machine affects them alike; the files lie below `folder`. */
export function run(folder: string): void {
  const at = mkdtempSync(path.join(folder, 'cloudp2p-events-'));
  const files = [100, 0].map((flushMs) => {
    const file = path.join(at, `${flushMs}.ndjson`);
    const onError = (error: Error): never => {
      throw error;
    };
    return { flushMs, lines: new RecordFile(file, { flushMs, what: '', onError }), micros: [] as number[] };
  });
  try {
    for (let round = 0; round < ROUNDS; round++) {
      for (const { lines, micros } of files) {
        const events = new EventsFile(lines);
        const startMs = performance.now();
        for (let index = 0; index < EVENTS; index++) events.append(executed(round * 1e6 + index, index));
        lines.flush();
        micros.push(((performance.now() - startMs) * 1000) / EVENTS);
      }
    }
    for (const { flushMs, micros } of files) {
      printRow(`an event, ${flushMs === 0 ? 'written at once' : `buffered for ${flushMs} ms`}`, micros, 'µs');
    }
  } finally {
    for (const { lines } of files) lines.close();
    rmSync(at, { recursive: true });
  }
}

function executed(time: number, request_id: number) {
  const name = { run_id: '2fd0ac28-6b57-4b07-8d33-0a5a7a3f51aa', client_name: 'Machine_1_Client_1', request_id };
  const head = { time: 1_796_064_630_000 + time, server_id: 1, event: 'executed' as const };
  return { ...head, ...name, outcome: 'answered', incarnation: '0123456789abcdef' };
}

/** Loads a cluster of each program for 2 s at a time, in turns; small images, so that events count as much as they can. */
export async function sideBySide(programs: readonly string[], folder: string): Promise<void> {
  const at = mkdtempSync(path.join(folder, 'cloudp2p-events-'));
  const clusters: Cluster[] = [];
  try {
    for (const [index, program] of programs.entries()) {
      const own = path.join(at, String(index));
      mkdirSync(own);
      const cluster = await Cluster.create({ command: [program], folder: own, servers: 3 });
      clusters.push(cluster);
      cluster.startAll();
      await cluster.ready();
      await cluster.agreement();
    }
    await takeTurns(programs, clusters);
  } finally {
    for (const cluster of clusters) await cluster.stop();
    rmSync(at, { recursive: true, force: true });
  }
}

async function takeTurns(programs: readonly string[], clusters: readonly Cluster[]): Promise<void> {
  const image = { name: 'bench', bytes: randomBytes(SECRET_BYTES) };
  const rates = programs.map((): number[] => []);
  const cpus = programs.map((): number[] => []);
  // The first turn of each warms it up.
  for (let turn = -1; turn < TURNS; turn++) {
    for (const [index, cluster] of clusters.entries()) {
      const pids = [...cluster.processes.values()].map(({ pid }) => pid!);
      const cpuBefore = cpuMs(pids);
      const startMs = performance.now();
      const runId = `turn ${turn}`;
      const load = startLoad({ addresses: cluster.addresses, clients: CLIENTS, image, runId });
      await new Promise((resolve) => setTimeout(resolve, TURN_MS));
      await load.stop();
      if (turn < 0) continue;
      const count = load.records.filter(({ success }) => success).length;
      rates[index]!.push((count * 1000) / (performance.now() - startMs));
      cpus[index]!.push(((cpuMs(pids) - cpuBefore) * 1000) / count);
    }
  }
  for (const [index, program] of programs.entries()) {
    const what = `${CLIENTS} clients, ${SECRET_BYTES} bytes, ${index === programs.length - 1 ? 'new' : program}`;
    printRow(what, rates[index]!, 'requests/s');
    printRow(`${what}, CPU of the servers`, cpus[index]!, 'µs a request');
  }
}
