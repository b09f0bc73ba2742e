import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fromProc } from '../../src/faults/drivers/process-info';
import type { Cluster } from '../support/cluster';
import { inCluster } from '../support/in-cluster';
import { PROGRAM, runProgram, startProgram } from '../support/program';
import { describeWithSshd, freePort, SshLab, type Sshd, USER } from '../support/sshd';

interface Lab {
  cluster: Cluster;
  folder: string;
  /** One sshd per server. */
  sshds: Sshd[];
  env: NodeJS.ProcessEnv;
}

/** Three servers, each on its own host as far as SSH knows, in folders whose names need quoting in a shell. */
async function inLab(body: (lab: Lab) => Promise<void>): Promise<void> {
  await inCluster({ servers: 3 }, async (cluster, folder) => {
    const ssh = new SshLab();
    try {
      const sshds = await Promise.all(cluster.ids.map(() => ssh.start()));
      for (const id of cluster.ids) symlinkSync(cluster.folder(id), path.join(folder, oddName(id)));
      writeFileSync(path.join(folder, 'faults.toml'), tomlOf(cluster, folder, sshds));
      const env = { ...process.env, HOME: ssh.home, SSH_AUTH_SOCK: '' };
      await body({ cluster, folder, sshds, env });
    } finally {
      ssh.stop();
      await stopStarted(cluster, folder);
    }
  });
}

const oddName = (id: number): string => `it's "server" ${id}; $(x)`;

function tomlOf(cluster: Cluster, folder: string, sshds: readonly Sshd[], binary = PROGRAM): string {
  return cluster.ids
    .map((id) => ({ id, host: sshds[id - 1]!.address, work_dir: path.join(folder, oddName(id)) }))
    .map(({ id, host, work_dir: workDir }) =>
      [
        '[[servers]]',
        `id = ${id}`,
        `host = ${JSON.stringify(host)}`,
        'config = "server.toml"',
        `work_dir = ${JSON.stringify(workDir)}`,
        `binary = ${JSON.stringify(binary)}`,
      ].join('\n'),
    )
    .join('\n');
}

const pidOf = (folder: string, id: number): number =>
  (JSON.parse(readFileSync(path.join(folder, `s${id}`, `server_${id}.pid`), 'utf8')) as { pid: number }).pid;
const isLeft = ({ cluster, folder }: Lab): boolean =>
  !cluster.ids.some((id) => existsSync(path.join(folder, `s${id}`, `server_${id}.pid.faults.lock`)));

/** Stops the servers that outlived the controller: exactly those that this lab's pid files name. */
async function stopStarted(cluster: Cluster, folder: string): Promise<void> {
  for (const id of cluster.ids) {
    if (!existsSync(path.join(folder, `s${id}`, `server_${id}.pid`))) continue;
    const pid = pidOf(folder, id);
    const isServer = (await fromProc(pid))?.words.includes('server.toml');
    if (isServer && cluster.processes.get(id)?.pid !== pid) process.kill(pid, 'SIGKILL');
  }
}

const faults = (...flags: string[]): string[] => ['faults', '--config', 'faults.toml', ...flags];

describeWithSshd('over SSH', () => {
  test('a ring of kills: the lines name the hosts, and all servers are up again', async () => {
    await inLab(async ({ cluster, folder, env, sshds }) => {
      const flags = ['--cycles', '1', '--interval', '0.2', '--restart-delay', '0.5'];
      const { code, stdout, stderr } = await runProgram(faults(...flags), { cwd: folder, env, timeoutMs: 60_000 });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      for (const id of cluster.ids) {
        const { address } = sshds[id - 1]!;
        const { pid } = cluster.processes.get(id)!;
        expect(stdout).toContain(`Attempting to kill Server ${id} on ${address}\n`);
        expect(stdout).toContain(`SUCCESS: Killed Server ${id} (PID ${pid}) on ${address}\n`);
        expect(stdout).toContain(`SUCCESS: Restarted Server ${id} on ${address} (PID ${pidOf(folder, id)})\n`);
      }
      await cluster.until('they agree', () => cluster.agreed(cluster.ids) !== null);
    });
  }, 120_000);

  test('a connection lost midway: the agent heals, the plan exits with 4 and says that all servers are up', async () => {
    await inLab(async (lab) => {
      const { folder, env, sshds } = lab;
      const run = startProgram(faults('--restart-delay', '600', '--kind', 'pause'), { cwd: folder, env });
      await run.says(/Waiting 600s/);
      expect((await fromProc(pidOf(folder, 1)))!.isPaused).toBe(true);
      sshds[0]!.dropConnections();
      const { code, stdout } = await run.ended;
      expect(code).toBe(4);
      expect(stdout).toMatch(
        /ABORTED: the fault agent on \S+ is gone: the connection was lost; healing the active faults/,
      );
      expect(stdout).toMatch(/Faults: 1, healed: 1, failed: 0; servers UP: 1, 2, 3\n$/);
      expect((await fromProc(pidOf(folder, 1)))!.isPaused).toBe(false);
      expect(isLeft(lab)).toBe(true);
    });
  }, 120_000);

  test('after SIGKILL of the controller, the agents of all hosts heal and exit', async () => {
    await inLab(async (lab) => {
      const { cluster, folder, env } = lab;
      const two = ['--pattern', 'simultaneous', '--kind', 'pause'];
      const run = startProgram(faults('--restart-delay', '600', ...two), { cwd: folder, env });
      await run.says(/Waiting 600s before resuming Server 1, Server 2/);
      run.child.kill('SIGKILL');
      await run.ended;
      await cluster.until('the agents are gone', () => isLeft(lab), 20_000);
      for (const id of [1, 2]) expect((await fromProc(pidOf(folder, id)))!.isPaused).toBe(false);
    });
  }, 120_000);

  test('names everything that keeps it from starting at once', async () => {
    await inLab(async ({ cluster, folder, env, sshds }) => {
      await cluster.kill(2);
      const dead = `${USER}@127.0.0.1:${await freePort()}`;
      const toml = tomlOf(cluster, folder, sshds).replace(sshds[2]!.address, dead);
      writeFileSync(path.join(folder, 'faults.toml'), toml.replace(JSON.stringify(PROGRAM), '"./missing"'));
      const { code, stdout, stderr } = await runProgram(faults(), { cwd: folder, env, timeoutMs: 60_000 });
      expect(code).toBe(4);
      expect(stderr.trimEnd().split('\n')).toEqual([
        expect.stringMatching(/^Error: the fault agent on \S+ is gone: .*missing cannot be run on that machine/),
        `Error: Server 2 on ${sshds[1]!.address}: it is not running`,
        expect.stringMatching(new RegExp(`^Error: ${dead}: .*refused`)),
      ]);
      expect(stdout).not.toContain('CYCLE');
    });
  }, 120_000);
});
