import { existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Report } from '../../src/report/report';
import { Cluster } from '../support/cluster';
import { describeWithFakeClock, FakeClock } from '../support/fake-clock';
import { inFolder, PROGRAM, runProgram, startProgram } from '../support/program';

const SMALL = readFileSync(path.join(__dirname, '../../test_images/small.png'));
const BEHIND_SECS = 7200;
const LOAD = ['--clients', '4', '--duration', '300', '--min-delay-ms', '0', '--max-delay-ms', '40'];
const FAULTS = ['--config', 'faults.toml', '--pattern', 'random', '--target', 'leader', '--cycles', '1'];
const WAITS = ['--interval', '1', '--restart-delay', '2'];

/** Runs `body` with three servers whose clock is two hours behind. */
async function inLateCluster(body: (at: { cluster: Cluster; clock: FakeClock; folder: string }) => Promise<void>) {
  await inFolder(async (folder) => {
    const clock = new FakeClock(folder, -BEHIND_SECS);
    const cluster = await Cluster.create({ command: clock.command(PROGRAM), folder, servers: 3 });
    const servers = cluster.ids.map((id) => `[[servers]]\nid = ${id}\nconfig = "server.toml"\nwork_dir = "s${id}"\n`);
    writeFileSync(path.join(folder, 'faults.toml'), servers.join(''));
    mkdirSync(path.join(folder, 'images'));
    writeFileSync(path.join(folder, 'images', 'small.png'), SMALL);
    try {
      cluster.startAll();
      await cluster.ready();
      await cluster.agreement();
      await body({ cluster, clock, folder });
    } finally {
      await cluster.stop();
      await stopRestarted(cluster);
    }
  });
}

/** Stops the servers that the fault agent restarted: exactly those that the pid files name. */
async function stopRestarted(cluster: Cluster): Promise<void> {
  for (const id of cluster.ids) {
    const file = path.join(cluster.folder(id), `server_${id}.pid`);
    if (!existsSync(file)) continue;
    const { pid } = JSON.parse(readFileSync(file, 'utf8')) as { pid: number };
    const isOurs = (): boolean => existsSync(`/proc/${pid}`) && readlinkSync(`/proc/${pid}/cwd`) === cluster.folder(id);
    if (cluster.processes.get(id)?.pid === pid || !isOurs()) continue;
    process.kill(pid, 'SIGTERM');
    await cluster.until(`server ${id} has ended`, () => !existsSync(file));
  }
}

/** Sets the servers' clock right, as NTP would, and waits until the running ones have noticed. */
async function setRight(cluster: Cluster, clock: FakeClock): Promise<void> {
  clock.set(0);
  const running = cluster.ids.filter((id) => cluster.processes.get(id)!.signalCode === null);
  const hasNoticed = (id: number): boolean =>
    cluster.events(id).some((event) => event.event === 'clock' && (event.by_ms ?? 0) > 7_000_000);
  await cluster.until('the servers notice that their clock was set', () => running.every(hasNoticed));
}

describeWithFakeClock('three servers that were started two hours behind', () => {
  test.each(['before the fault', 'after the fault', 'after the run'] as const)(
    'corrected %s: the report shows the true times, and mentions the step',
    async (when) => {
      await inLateCluster(async ({ cluster, clock, folder }) => {
        const options = { cwd: folder, timeoutMs: 60_000 };
        const servers = cluster.addresses.flatMap((address) => ['--server', address]);
        const load = startProgram(['stress', '--image-dir', 'images', ...LOAD, ...servers], options);
        await load.says(/INFO \d+ done, /);
        if (when === 'before the fault') await setRight(cluster, clock);
        const faults = await runProgram(['faults', ...FAULTS, ...WAITS], options);
        expect(faults).toMatchObject({ code: 0, stderr: '' });
        if (when === 'after the fault') await setRight(cluster, clock);
        load.child.kill('SIGINT');
        await load.ended;
        await cluster.leave();
        await stopRestarted(cluster);

        const places = ['--metrics', 'metrics', '--faults', 'fault_events.ndjson', '--events', '.'];
        const made = await runProgram(['report', ...places, '--out', 'r.json', '--out', 'r.txt'], options);
        // The load was interrupted, which the report calls incomplete.
        expect(made).toMatchObject({ code: 4, stderr: '' });
        const report = JSON.parse(readFileSync(path.join(folder, 'r.json'), 'utf8')) as Report;
        expect(report.faults!.length).toBeGreaterThan(0);
        for (const fault of report.faults!) {
          expect(fault).toMatchObject({ kind: 'kill', led: true });
          for (const ms of [fault.detected_first_ms, fault.leader_all_ms]) {
            expect(ms).toBeGreaterThan(0);
            expect(ms).toBeLessThan(10_000);
          }
        }
        // The leader of the first request led before it, too.
        expect(report.leaders!.none!.every(({ from, to }) => to - from < 10_000)).toBe(true);
        expect(report.leaders!.timeline.length).toBeGreaterThanOrEqual(2);
        const said = report.self_check.filter((text) => text.includes('was set forward by 7200.0 s'));
        expect(said.join('\n')).toMatch(/^The clock of server \d.* \d{4}-\d\d-\d\dT.*server_\d_events\.ndjson/);
        for (const id of cluster.ids) expect(said.join('\n')).toContain(`server_${id}_events.ndjson`);
        expect(report.audit.adds_up).not.toBe(false);
      });
    },
    90_000,
  );
});
