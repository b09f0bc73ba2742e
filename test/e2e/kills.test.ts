/** SIGKILL at any moment: no file is half written, no process is left behind, and a report can be made. */
import { randomInt } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { seededRandom } from '../../src/core/random';
import { reportOf } from '../../src/status/report.pure';
import { look } from '../../src/status/status';
import { until } from '../faults/until';
import { lines } from '../report/lab';
import { GONE_MS, inRun, prepareImages } from '../run/in-run';
import { expectWhole, processesIn, untilNobodyIn } from '../run/leftovers';
import type { Cluster } from '../support/cluster';
import { inCluster } from '../support/in-cluster';
import { type Load, startLoad } from '../support/client-load';
import { runProgram, startProgram } from '../support/program';

/** Kills per program. */
const KILLS = Number(process.env.KILLS ?? 2);
const SEED = Number(process.env.KILLS_SEED ?? randomInt(2 ** 31));
const LIMIT_MS = 30_000 + KILLS * 20_000;
const random = seededRandom(SEED);

/** Kills `KILLS` times, each after a random part of `spanMs`; a failure says how to repeat it. */
async function rounds(spanMs: number, round: (afterMs: number, index: number) => Promise<void>): Promise<void> {
  for (let index = 0; index < KILLS; index++) {
    const afterMs = Math.round(random() * spanMs);
    await round(afterMs, index).catch((error: Error) => {
      const cause = { cause: error };
      throw new Error(`KILLS_SEED=${SEED}, kill ${index + 1} after ${afterMs} ms: ${error.message}`, cause);
    });
  }
}

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Starts the program and kills it after `afterMs` unless it has ended. */
async function killed(args: readonly string[], cwd: string, afterMs: number): Promise<void> {
  const running = startProgram(args, { cwd });
  await Promise.race([running.ended, later(afterMs)]);
  running.child.kill('SIGKILL');
  const { code, signal, stdout, stderr } = await running.ended;
  const how = signal === 'SIGKILL' ? 'killed' : code === 0 ? 'done' : `exit ${code}: ${stdout.slice(-1500)}`;
  expect({ isKilledOrDone: /^(killed|done)$/.test(how) || how, stderr }).toEqual({ isKilledOrDone: true, stderr: '' });
}

async function expectReport(cwd: string, ...places: string[]): Promise<void> {
  const { code, stdout, stderr } = await runProgram(['report', ...places, '--out', 'r.json'], {
    cwd,
    timeoutMs: 30_000,
  });
  expect([0, 3, 4]).toContain(code);
  if (existsSync(path.join(cwd, 'r.json'))) expect({ stderr, stdout }).toMatchObject({ stderr: '' });
  else expect(stderr).toMatch(/^Error: there is nothing to report: [^\n]+\n$/);
}

async function agreed({ addresses }: Cluster): Promise<boolean> {
  const { answers, agreement } = await look(addresses, new AbortController().signal);
  return reportOf(answers, agreement).agreed;
}

/** Writes the records of a load in this process so far, as clients do. */
function writeRecords(cwd: string, load: Load): void {
  mkdirSync(path.join(cwd, 'metrics'), { recursive: true });
  const records = load.records.map(({ client_name: _name, ...record }) => record);
  writeFileSync(path.join(cwd, 'metrics', 'machine_1_requests.ndjson'), lines(records));
}

/** Expects every carrier that a client verified in the file of the server that sent it, however that server ended. */
function expectAnswersRecorded(cluster: Cluster, load: Load): void {
  const answered = cluster.allEvents().flatMap((event) => {
    const isAnswer = event.event === 'executed' && event.outcome === 'answered';
    return isAnswer ? [`${event.server_id}: ${event.client_name}/${event.request_id}`] : [];
  });
  const verified = load.records.filter(({ success }) => success);
  const names = verified.map((each) => `${each.assigned_server_id}: ${each.client_name}/${each.request_id}`);
  expect(names.length).toBeGreaterThan(0);
  expect(names.filter((name) => !answered.includes(name))).toEqual([]);
}

async function underLoad(cluster: Cluster, folder: string, body: (load: Load) => Promise<void>): Promise<void> {
  const image = { name: 'small.png', bytes: prepareImages(folder) };
  const load = startLoad({ addresses: cluster.addresses, clients: 4, image, thinkMs: 20 });
  try {
    await body(load);
  } finally {
    await load.stop();
  }
}

test(
  'run',
  async () => {
    await rounds(6500, (afterMs) =>
      inRun(async ({ cwd, fastArgs }) => {
        await killed(fastArgs, cwd, afterMs);
        await untilNobodyIn(cwd, GONE_MS);
        await expectReport(cwd, '--metrics', 'out/metrics', '--faults', 'out/fault_events.ndjson', '--events', 'out');
      }),
    );
  },
  LIMIT_MS,
);

test(
  'stress',
  async () => {
    await inCluster({ servers: 1 }, async (cluster, folder) => {
      prepareImages(folder);
      const load = ['--clients', '8', '--requests', '30', '--min-delay-ms', '0', '--max-delay-ms', '40'];
      const args = ['stress', ...load, '--image-dir', '../images', '--server', cluster.address(1)];
      await rounds(2000, async (afterMs, index) => {
        const cwd = path.join(folder, `stress${index}`);
        mkdirSync(cwd);
        await killed(args, cwd, afterMs);
        expect(processesIn(cwd)).toEqual([]);
        expectWhole(cwd);
        await expectReport(cwd, '--metrics', 'metrics', '--events', '../s1');
      });
    });
  },
  LIMIT_MS,
);

test(
  'faults',
  async () => {
    await inCluster({ servers: 3 }, async (cluster, folder) => {
      const serversOf = (id: number): string[] => processesIn(cluster.folder(id));
      const entry = (id: number) => `[[servers]]\nid = ${id}\nconfig = "server.toml"\nwork_dir = "../s${id}"\n`;
      const args = [
        'faults',
        '--config',
        'faults.toml',
        '--cycles',
        '1',
        '--interval',
        '0.1',
        '--restart-delay',
        '0.1',
      ];
      await underLoad(cluster, folder, async (load) => {
        await rounds(2000, async (afterMs, index) => {
          const cwd = path.join(folder, `faults${index}`);
          mkdirSync(cwd);
          writeFileSync(path.join(cwd, 'faults.toml'), cluster.ids.map(entry).join(''));
          await killed(args, cwd, afterMs);
          // Its agent restarts the servers that are down, and exits.
          await untilNobodyIn(cwd, 2 * GONE_MS);
          expectWhole(cwd);
          expect(cluster.ids.filter((id) => serversOf(id).length !== 1)).toEqual([]);
          writeRecords(cwd, load);
          await expectReport(cwd, '--metrics', 'metrics', '--faults', 'fault_events.ndjson', '--events', '..');
          await until('all servers agree', () => agreed(cluster), 15_000);
        });
      }).finally(() => {
        // The servers that the controller started; the cluster stops its own.
        const own = new Set([...cluster.processes.values()].map(({ pid }) => pid));
        const pids = cluster.ids.flatMap(serversOf).map((text) => Number.parseInt(text, 10));
        for (const pid of pids) if (!own.has(pid)) process.kill(pid, 'SIGKILL');
      });
    });
  },
  LIMIT_MS,
);

test(
  'a server',
  async () => {
    await inCluster({ servers: 3 }, async (cluster, folder) => {
      await underLoad(cluster, folder, async (load) => {
        await rounds(1000, async (afterMs) => {
          const id = 1 + Math.floor(random() * 3);
          await later(afterMs);
          await cluster.kill(id);
          expect(processesIn(cluster.folder(id))).toEqual([]);
          expectWhole(cluster.folder(id));
          cluster.restart(id);
        });
        await load.stop();
        writeRecords(folder, load);
        writeFileSync(path.join(folder, 'fault_events.ndjson'), lines(cluster.faults));
        await expectReport(folder, '--metrics', 'metrics', '--faults', 'fault_events.ndjson', '--events', '.');
        expect(existsSync(path.join(folder, 'r.json'))).toBe(true);
        expectAnswersRecorded(cluster, load);
      });
    });
  },
  LIMIT_MS,
);
