import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { reportOf } from '../../src/status/report';
import { look } from '../../src/status/status';
import type { FaultEvent } from '../../src/core/metrics/record';
import type { Cluster } from '../support/cluster';
import { inCluster } from '../support/in-cluster';
import { runProgram, startProgram } from '../support/program';

const FAST = ['--cycles', '1', '--interval', '0.2', '--restart-delay', '0.5'];
const LOG_LINE = /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] \S/;

/** Three servers and a faults.toml for them; whatever the controller has started is ended, too. */
function inRing(body: (cluster: Cluster, folder: string) => Promise<void>): Promise<void> {
  return inCluster({ servers: 3 }, async (cluster, folder) => {
    const servers = cluster.ids.map((id) => `[[servers]]\nid = ${id}\nconfig = "server.toml"\nwork_dir = "s${id}"\n`);
    writeFileSync(path.join(folder, 'faults.toml'), servers.join(''));
    try {
      await body(cluster, folder);
    } finally {
      await stopStarted(cluster, folder);
    }
  });
}

const faults = (...flags: string[]): string[] => ['faults', '--config', 'faults.toml', ...flags];

function linesOf(folder: string, name: string): string[] {
  const text = readFileSync(path.join(folder, name), 'utf8');
  expect(text).toMatch(/\n$/);
  return text.slice(0, -1).split('\n');
}

const eventsOf = (folder: string): FaultEvent[] =>
  linesOf(folder, 'fault_events.ndjson').map((line) => JSON.parse(line) as FaultEvent);

/** Exactly what this ring's own pid files name: servers that outlived the controller. */
async function stopStarted(cluster: Cluster, folder: string): Promise<void> {
  await Promise.all(
    cluster.ids.map(async (id) => {
      const file = path.join(folder, `s${id}`, `server_${id}.pid`);
      const isGone = (): boolean => statSync(file, { throwIfNoEntry: false }) === undefined;
      if (isGone()) return;
      const { pid } = JSON.parse(readFileSync(file, 'utf8')) as { pid: number };
      if (cluster.processes.get(id)?.pid === pid || !isRunning(pid)) return;
      process.kill(pid, 'SIGTERM');
      await cluster.until(`server ${id} has ended`, () => !isRunning(pid));
    }),
  );
}

function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !/\) [ZX] /.test(stat) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('server.toml');
  } catch {
    return false;
  }
}

async function agreed(cluster: Cluster): Promise<boolean> {
  const { answers, verdict } = await look(cluster.addresses, new AbortController().signal);
  return reportOf(answers, verdict).agreed;
}

async function untilAgreed(cluster: Cluster): Promise<void> {
  const endMs = performance.now() + 15_000;
  while (!(await agreed(cluster))) if (performance.now() > endMs) throw new Error('the servers do not agree');
}

test('a ring over three servers: each is killed and comes back, and outlives the controller', async () => {
  await inRing(async (cluster, folder) => {
    const { code, stdout, stderr } = await runProgram(faults(...FAST), { cwd: folder, timeoutMs: 60_000 });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(linesOf(folder, 'fault_events.log').join('\n')).toBe(stdout.trimEnd());
    expect(stdout).not.toContain('\u001b');
    const done = eventsOf(folder).filter(({ outcome }) => outcome === 'done');
    expect(done.map(({ server_id, action }) => `${server_id} ${action}`)).toEqual(
      cluster.ids.flatMap((id) => [`${id} kill`, `${id} restart`]),
    );
    for (const id of cluster.ids) expect(done[2 * (id - 1)]!.pid).toBe(cluster.processes.get(id)!.pid);
    await untilAgreed(cluster);
  });
}, 90_000);

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  '%s while a server is down brings it back, exit 130',
  async (signal) => {
    await inRing(async (cluster, folder) => {
      const run = startProgram(faults('--restart-delay', '600'), { cwd: folder });
      await run.says(/Waiting 600s before restarting Server 1/);
      run.child.kill(signal);
      expect((await run.ended).code).toBe(130);
      expect(eventsOf(folder).at(-1)).toMatchObject({ server_id: 1, action: 'restart', outcome: 'done' });
      expect(linesOf(folder, 'fault_events.log').at(-1)).toMatch(
        /Kills: 1, restarts: 1, failed: 0; servers UP: 1, 2, 3$/,
      );
      await untilAgreed(cluster);
    });
  },
  90_000,
);

test('a second Ctrl-C ends at once and names what is down', async () => {
  await inRing(async (cluster, folder) => {
    // What is started never listens, and ends by itself soon.
    writeFileSync(path.join(folder, 'slow'), '#!/bin/sh\nexec sleep 5\n', { mode: 0o755 });
    const entry = (id: number) =>
      `[[servers]]\nid = ${id}\nconfig = "server.toml"\nwork_dir = "s${id}"\nbinary = "../slow"\n`;
    writeFileSync(path.join(folder, 'faults.toml'), cluster.ids.map(entry).join(''));
    const run = startProgram(faults('--restart-delay', '600'), { cwd: folder });
    await run.says(/Waiting 600s before restarting Server 1/);
    run.child.kill('SIGINT');
    await run.says(/Attempting to restart Server 1/);
    run.child.kill('SIGINT');
    expect((await run.ended).code).toBe(130);
    expect(linesOf(folder, 'fault_events.log').at(-1)).toMatch(/Ended at once; still DOWN: Server 1$/);
  });
}, 90_000);

test('SIGKILL of the controller leaves whole lines in both files', async () => {
  await inRing(async (_cluster, folder) => {
    const run = startProgram(faults('--cycles', '100', '--interval', '0', '--restart-delay', '0'), { cwd: folder });
    await run.says(/Server 2 is now UP/);
    run.child.kill('SIGKILL');
    expect((await run.ended).signal).toBe('SIGKILL');
    const log = linesOf(folder, 'fault_events.log');
    const from = log.findIndex((line) => line.includes('CYCLE 1/100'));
    expect(log.slice(from).filter((line) => !LOG_LINE.test(line))).toEqual([]);
    expect(eventsOf(folder).length).toBeGreaterThan(4);
    // A new run of the controller finds them as they are, and appends.
    const { code } = await runProgram(faults(...FAST), { cwd: folder, timeoutMs: 60_000 });
    expect([0, 4]).toContain(code);
    expect(linesOf(folder, 'fault_events.log').slice(0, log.length)).toEqual(log);
  });
}, 90_000);

test('a server that does not come back: the others go on, exit 4', async () => {
  await inRing(async (cluster, folder) => {
    const run = startProgram(faults(...FAST), { cwd: folder });
    await run.says(/Server 2 is now DOWN/);
    writeFileSync(path.join(cluster.folder(2), 'server.toml'), 'nonsense = 1\n');
    const { code, stdout } = await run.ended;
    expect(code).toBe(4);
    expect(stdout).toMatch(/ERROR: Server 2 did not come back on localhost: it ended with exit code 2: Error: /);
    expect(stdout).toMatch(/SUCCESS: Restarted Server 3 on localhost/);
    expect(stdout).toMatch(/servers UP: 1, 3, DOWN: 2\n$/);
  });
}, 90_000);

test('`| head` closes the pipe while a server is down: it is brought back all the same', async () => {
  await inRing(async (cluster, folder) => {
    const run = startProgram(faults('--cycles', '1', '--interval', '0', '--restart-delay', '1'), { cwd: folder });
    await run.says(/Waiting 1s before restarting Server 1/);
    run.child.stdout!.destroy();
    await run.ended;
    expect(eventsOf(folder).at(-1)).toMatchObject({ server_id: 1, action: 'restart', outcome: 'done' });
    await untilAgreed(cluster);
  });
}, 90_000);
