import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { inRun } from '../run/in-run';
import { reportOf } from '../../src/status/report.pure';
import { look } from '../../src/status/status';
import type { FaultEvent, RequestRecord } from '../../src/core/metrics/record';
import { Cluster } from '../support/cluster';
import { faultIn } from '../support/fault-events';
import { inCluster } from '../support/in-cluster';
import { HAS_OPENSSL, LabCa } from '../support/lab-ca';
import { startLoad } from '../support/client-load';
import { inFolder, PROGRAM, runProgram, type Running, startProgram } from '../support/program';

const SMALL = { name: 'small.png', bytes: readFileSync(path.join(__dirname, '../../test_images/small.png')) };

const FAST = ['--cycles', '1', '--interval', '0.2', '--restart-delay', '0.5'];
const LOG_LINE = /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] \S/;

/** Runs `body` with three servers and a faults.toml for them; ends whatever the controller has started, too. */
function inRing(body: (cluster: Cluster, folder: string) => Promise<void>): Promise<void> {
  return inCluster({ servers: 3 }, async (cluster, folder) => {
    writeFileSync(path.join(folder, 'faults.toml'), serversToml(cluster));
    try {
      await body(cluster, folder);
    } finally {
      await stopStarted(cluster, folder);
    }
  });
}

function serversToml(cluster: Cluster): string {
  return cluster.ids.map((id) => `[[servers]]\nid = ${id}\nconfig = "server.toml"\nwork_dir = "s${id}"\n`).join('');
}

const faults = (...flags: string[]): string[] => ['faults', '--config', 'faults.toml', ...flags];

function linesOf(folder: string, name: string): string[] {
  const text = readFileSync(path.join(folder, name), 'utf8');
  expect(text).toMatch(/\n$/);
  return text.slice(0, -1).split('\n');
}

const eventsOf = (folder: string): FaultEvent[] => linesOf(folder, 'fault_events.ndjson').flatMap(faultIn);

/** Stops the servers that outlived the controller: exactly those that this ring's pid files name. */
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
  const { answers, agreement } = await look(cluster.addresses, new AbortController().signal);
  return reportOf(answers, agreement).agreed;
}

async function untilAgreed(cluster: Cluster): Promise<void> {
  const endMs = performance.now() + 15_000;
  while (!(await agreed(cluster))) if (performance.now() > endMs) throw new Error('the servers do not agree');
}

test('a ring over three servers: each is killed, comes back, and outlives the controller', async () => {
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
        /Faults: 1, healed: 1, failed: 0; servers UP: 1, 2, 3$/,
      );
      await untilAgreed(cluster);
    });
  },
  90_000,
);

const stateOf = (folder: string, id: number): string | undefined =>
  /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pidOf(folder, id)}/status`, 'utf8'))?.[1];

const pidOf = (folder: string, id: number): number =>
  (JSON.parse(readFileSync(path.join(folder, `s${id}`, `server_${id}.pid`), 'utf8')) as { pid: number }).pid;

const lockOf = (folder: string, id: number): string => path.join(folder, `s${id}`, `server_${id}.pid.faults.lock`);

/** True once the agent has ended: it has released its locks. */
const isLeft = (cluster: Cluster, folder: string): boolean => !cluster.ids.some((id) => existsSync(lockOf(folder, id)));

describe('faults that the controller can no longer heal are healed by the agents', () => {
  const HOLD = ['--restart-delay', '600', '--interval', '0'];
  const kill = async (run: Running): Promise<void> => {
    run.child.kill('SIGKILL');
    await run.ended;
  };
  const interruptTwice = async (run: Running, folder: string): Promise<void> => {
    // Were the agent awake, the first Ctrl-C would heal everything before the second one.
    const { pid } = JSON.parse(readFileSync(lockOf(folder, 1), 'utf8')) as { pid: number };
    process.kill(pid, 'SIGSTOP');
    run.child.kill('SIGINT');
    await run.says(/Attempting to re/);
    run.child.kill('SIGINT');
    expect((await run.ended).code).toBe(130);
    expect(linesOf(folder, 'fault_events.log').at(-1)).toMatch(
      /Ended at once; left to the fault agents to heal: Server 1 \((DOWN|PAUSED)\)$/,
    );
    process.kill(pid, 'SIGCONT');
  };
  const kinds = [
    ['kill', 'DOWN'],
    ['terminate', 'DOWN'],
    ['pause', 'PAUSED'],
  ] as const;

  const cases = kinds.flatMap(([kind, state]) => [
    [kind, 'SIGKILL', state, kill] as const,
    [kind, 'a second Ctrl-C', state, interruptTwice] as const,
  ]);

  test.each(cases)(
    '%s, and %s',
    async (kind, _, state, end) => {
      await inRing(async (cluster, folder) => {
        const run = startProgram(faults(...HOLD, '--kind', kind), { cwd: folder });
        await run.says(new RegExp(`Server 1 is now ${state}\n.*Waiting 600s`));
        await end(run, folder);
        await cluster.until('the agent has healed it and is gone', () => isLeft(cluster, folder), 20_000);
        expect(stateOf(folder, 1)).toMatch(/[SRD]/);
        await untilAgreed(cluster);
        if (end === interruptTwice) return;
        const log = readFileSync(path.join(folder, 's1', 'server_1.log'), 'utf8');
        expect(log).toMatch(new RegExp(`WARN fault agent: the fault "${kind}" was healed .*: the controller is gone`));
      });
    },
    90_000,
  );
});

test('SIGKILL of the controller leaves whole lines in both files; the next one appends to them', async () => {
  await inRing(async (cluster, folder) => {
    const run = startProgram(faults('--cycles', '100', '--interval', '0', '--restart-delay', '0'), { cwd: folder });
    await run.says(/Server 2 is now UP/);
    run.child.kill('SIGKILL');
    expect((await run.ended).signal).toBe('SIGKILL');
    const log = linesOf(folder, 'fault_events.log');
    const from = log.findIndex((line) => line.includes('CYCLE 1/100'));
    expect(log.slice(from).filter((line) => !LOG_LINE.test(line))).toEqual([]);
    expect(eventsOf(folder).length).toBeGreaterThan(4);
    await cluster.until('the agent has healed everything and is gone', () => isLeft(cluster, folder), 20_000);
    const { code } = await runProgram(faults(...FAST), { cwd: folder, timeoutMs: 60_000 });
    expect(code).toBe(0);
    expect(linesOf(folder, 'fault_events.log').slice(0, log.length)).toEqual(log);
  });
}, 90_000);

test('a second controller is told who is running, and touches nothing', async () => {
  await inRing(async (cluster, folder) => {
    const run = startProgram(faults('--restart-delay', '600', '--kind', 'pause'), { cwd: folder });
    await run.says(/Waiting 600s/);
    const second = await runProgram(faults('--log', 'second.log'), { cwd: folder, timeoutMs: 60_000 });
    expect(second.code).toBe(4);
    expect(second.stderr).toMatch(
      /^Error: Server 1 on localhost: process \d+ already injects faults into it \(.*lock\)\n/,
    );
    expect(cluster.ids.map((id) => stateOf(folder, id))).toEqual(['T', expect.any(String), expect.any(String)]);
    run.child.kill('SIGINT');
    expect((await run.ended).code).toBe(130);
  });
}, 90_000);

test('agent killed: the plan exits with 4, and another agent heals the faults it left', async () => {
  await inRing(async (cluster, folder) => {
    const run = startProgram(faults('--restart-delay', '600', '--kind', 'pause'), { cwd: folder });
    await run.says(/Waiting 600s/);
    process.kill((JSON.parse(readFileSync(lockOf(folder, 1), 'utf8')) as { pid: number }).pid, 'SIGKILL');
    const { code, stdout } = await run.ended;
    expect(code).toBe(4);
    expect(stdout).toMatch(/ABORTED: the fault agent on localhost is gone: it was ended by SIGKILL; healing/);
    expect(stdout).toMatch(/SUCCESS: Resumed Server 1 on localhost/);
    expect(stdout).toMatch(/Faults: 1, healed: 1, failed: 0; servers UP: 1, 2, 3\n$/);
    expect(stateOf(folder, 1)).not.toBe('T');
    expect(isLeft(cluster, folder)).toBe(true);
    await untilAgreed(cluster);
  });
}, 90_000);

test('a server that does not come back ends the plan with exit 4', async () => {
  await inRing(async (cluster, folder) => {
    const run = startProgram(faults(...FAST), { cwd: folder });
    await run.says(/Server 2 is now DOWN/);
    writeFileSync(path.join(cluster.folder(2), 'server.toml'), 'nonsense = 1\n');
    const { code, stdout } = await run.ended;
    expect(code).toBe(4);
    expect(stdout).toMatch(/ERROR: Server 2 did not come back on localhost: it ended with exit code 2: Error: /);
    expect(stdout).toMatch(/ABORTED: Server 2 did not come back; healing the active faults\n/);
    expect(stdout).toMatch(/servers UP: 1, 3, DOWN: 2\n$/);
  });
}, 90_000);

test('a graceful rolling restart under load: no request fails', async () => {
  await inRing(async (cluster, folder) => {
    const load = startLoad({ addresses: cluster.addresses, clients: 4, image: SMALL, thinkMs: 50 });
    const flags = ['--pattern', 'rolling', '--kind', 'restart', '--cycles', '1'];
    const { code, stderr } = await runProgram(faults(...flags), { cwd: folder, timeoutMs: 60_000 });
    await load.stop();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(load.records.length).toBeGreaterThan(10);
    expect(load.records.filter(({ success }) => !success)).toEqual([]);
    const done = eventsOf(folder).filter(({ outcome }) => outcome === 'done');
    expect(done.map(({ server_id, action }) => `${server_id} ${action}`)).toEqual(
      cluster.ids.flatMap((id) => [`${id} terminate`, `${id} restart`]),
    );
  });
}, 90_000);

test('pauses the leader of the moment, twice; one leader remains', async () => {
  await inRing(async (cluster, folder) => {
    const flags = ['--target', 'leader', '--kind', 'pause', '--cycles', '2', '--interval', '3', '--restart-delay', '5'];
    const { code, stdout } = await runProgram(faults(...flags), { cwd: folder, timeoutMs: 60_000 });
    expect(code).toBe(0);
    const leaders = [...stdout.matchAll(/Server (\d) leads\n.*\n.*Attempting to pause Server (\d)/g)];
    expect(leaders).toHaveLength(2);
    for (const [, leader, paused] of leaders) expect(paused).toBe(leader);
    expect(leaders[0]![1]).not.toBe(leaders[1]![1]);
    await untilAgreed(cluster);
  });
}, 90_000);

test('an abort condition met while a server is paused: healed, exit 3; probes are recorded separately', async () => {
  await inRing(async (cluster, folder) => {
    const flags = ['--kind', 'pause', '--restart-delay', '600', '--abort-when', 'p50>0.01ms'];
    const { code, stdout } = await runProgram(faults(...flags), { cwd: folder, timeoutMs: 60_000 });
    expect(code).toBe(3);
    expect(stdout).toMatch(/ABORTED: p50>0.01ms \([\d.]+ ms over the last \d+ probes\); healing the active faults/);
    expect(cluster.ids.map((id) => stateOf(folder, id)).includes('T')).toBe(false);
    const probes = linesOf(folder, 'fault_probe.ndjson').map((line) => JSON.parse(line) as RequestRecord);
    expect(probes.length).toBeGreaterThan(9);
    expect(probes.filter(({ success, outcome }) => !success && outcome !== 'interrupted')).toEqual([]);
    await untilAgreed(cluster);
  });
}, 90_000);

test('SIGKILL of `run` while one of its servers is paused leaves no process behind', async () => {
  await inRun(async ({ cwd, args }) => {
    const run = startProgram([...args, '--kind', 'pause'], { cwd });
    await run.says(/Server 1 is now PAUSED/);
    run.child.kill('SIGKILL');
    await run.ended;
  });
}, 90_000);

const withOpenssl = HAS_OPENSSL ? test : test.skip;

withOpenssl(
  'servers with TLS: the leader query uses their certificate, the probe needs its own',
  async () => {
    await inFolder(async (folder) => {
      const lab = new LabCa(folder);
      const extraToml = (id: number): string => lab.toml(`server-${id}`);
      const cluster = await Cluster.create({ command: [PROGRAM], folder, servers: 3, extraToml });
      const run = (tls: string) => {
        writeFileSync(path.join(folder, 'faults.toml'), tls + serversToml(cluster));
        const kind = ['--kind', 'pause', '--target', 'leader', '--cycles', '1', '--restart-delay', '4'];
        return runProgram(faults(...kind, '--abort-when', 'failure_rate>50%'), { cwd: folder, timeoutMs: 60_000 });
      };
      try {
        cluster.startAll();
        await cluster.ready();
        await cluster.agreement();
        const blind = await run('');
        expect(blind.code).toBe(2);
        expect(blind.stderr).toMatch(/the servers speak TLS: the probe of --abort-when needs \[tls\] in faults.toml/);
        const { code, stdout, stderr } = await run(lab.toml('client'));
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
        expect(stdout).toMatch(/Server \d leads\n[^]*Faults: 1, healed: 1, failed: 0; servers UP: 1, 2, 3\n$/);
        const probes = linesOf(folder, 'fault_probe.ndjson').map((line) => JSON.parse(line) as RequestRecord);
        expect(probes.filter(({ success }) => success).length).toBeGreaterThan(10);
      } finally {
        await cluster.stop();
      }
    });
  },
  90_000,
);

test('`| head` closes the pipe while a server is down: the plan still runs to its end', async () => {
  await inRing(async (cluster, folder) => {
    const run = startProgram(faults('--cycles', '1', '--interval', '0', '--restart-delay', '1'), { cwd: folder });
    await run.says(/Waiting 1s before restarting Server 1/);
    run.child.stdout!.destroy();
    expect(await run.ended).toMatchObject({ code: 0, stderr: '' });
    const done = eventsOf(folder).filter(({ outcome }) => outcome === 'done');
    expect(done.map(({ server_id, action }) => `${server_id} ${action}`)).toEqual(
      cluster.ids.flatMap((id) => [`${id} kill`, `${id} restart`]),
    );
    await untilAgreed(cluster);
  });
}, 90_000);
