import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ServerEvent } from '../../src/core/metrics/record';
import { Cluster } from '../support/cluster';
import { printRow, quantile } from './table';

/** Measures elections of real processes on loopback: common starts, kills and pauses of the leader. */
export async function run(command: string[], counts = { starts: 20, kills: 20, pauses: 2 }): Promise<void> {
  await starts(command, counts.starts);
  await kills(command, counts.kills);
  await pauses(command, counts.pauses);
}

async function withCluster(command: string[], body: (cluster: Cluster) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-bench-'));
  const cluster = await Cluster.create({ command, folder, servers: 3 });
  try {
    await body(cluster);
  } finally {
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function starts(command: string[], count: number): Promise<void> {
  const afterListenMs: number[] = [];
  const afterSpawnMs: number[] = [];
  for (let round = 0; round < count; round++) {
    await withCluster(command, async (cluster) => {
      const spawnedMs = Date.now();
      cluster.startAll();
      const { term, leaderId } = await cluster.agreement();
      const events = cluster.allEvents();
      const listeningMs = Math.max(...events.filter((event) => event.event === 'started').map((event) => event.time));
      const agreedMs = lastFollowed(events, term, leaderId);
      afterListenMs.push(Math.max(0, agreedMs - listeningMs));
      afterSpawnMs.push(agreedMs - spawnedMs);
    });
  }
  printRow('three servers started together, leader after the last listens', afterListenMs, 'ms');
  printRow('the same, from spawn', afterSpawnMs, 'ms');
}

async function kills(command: string[], count: number): Promise<void> {
  const afterMs: number[] = [];
  await withCluster(command, async (cluster) => {
    cluster.startAll();
    await cluster.ready();
    for (let round = 0; round < count; round++) {
      const { leaderId } = await cluster.agreement();
      const killedMs = performance.timeOrigin + performance.now();
      await cluster.kill(leaderId);
      const survivors = cluster.ids.filter((id) => id !== leaderId);
      const next = await cluster.agreement(survivors);
      const events = cluster
        .allEvents()
        .filter((event) => event.time > killedMs && survivors.includes(event.server_id));
      afterMs.push(lastFollowed(events, next.term, next.leaderId) - killedMs);
      cluster.start(leaderId);
      await cluster.until('the killed one is back', () => cluster.agreed(cluster.ids) !== null);
    }
  });
  printRow('leader SIGKILLed, every survivor follows a new one', afterMs, 'ms');
  console.log(`  p99 ${quantile(afterMs, 0.99).toFixed(1)} ms of ${afterMs.length} kills`);
}

async function pauses(command: string[], count: number): Promise<void> {
  const newLeaderMs: number[] = [];
  const agreedMs: number[] = [];
  await withCluster(command, async (cluster) => {
    cluster.startAll();
    await cluster.ready();
    for (let round = 0; round < count; round++) {
      const { leaderId } = await cluster.agreement();
      const stoppedMs = performance.timeOrigin + performance.now();
      cluster.signal(leaderId, 'SIGSTOP');
      const survivors = cluster.ids.filter((id) => id !== leaderId);
      const next = await cluster.agreement(survivors);
      const events = cluster.allEvents().filter((event) => event.time > stoppedMs);
      newLeaderMs.push(lastFollowed(events, next.term, next.leaderId) - stoppedMs);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, 7000 - (Date.now() - stoppedMs))));
      const resumedMs = performance.timeOrigin + performance.now();
      cluster.signal(leaderId, 'SIGCONT');
      await cluster.until('all follow one leader', () => cluster.agreed(cluster.ids) !== null);
      const later = cluster.allEvents().filter((event) => event.time > resumedMs && event.event === 'leader');
      agreedMs.push(Math.max(...later.map((event) => event.time)) - resumedMs);
    }
  });
  printRow('leader SIGSTOPped for 7 s, survivors follow a new one', newLeaderMs, 'ms');
  printRow('SIGCONT, all follow one leader', agreedMs, 'ms');
}

/** The time at which the last server began to follow this leadership. */
function lastFollowed(events: ServerEvent[], term: number, leaderId: number): number {
  const followed = events.filter(
    (each) => each.event === 'leader' && each.term === term && each.leader_id === leaderId,
  );
  return Math.max(...followed.map((event) => event.time));
}
