/** A server owns its pid file as long as it runs. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { until } from '../faults/until';
import { freePorts } from '../support/cluster';
import { inFolder, PROGRAM, runProgram, startProgram } from '../support/program';

/** Runs `body` in a folder with two configurations, of servers on two ports that do not know each other. */
async function inSharedFolder(ids: [number, number], body: (cwd: string) => Promise<void>): Promise<void> {
  await inFolder(async (cwd) => {
    for (const [index, port] of (await freePorts(2)).entries()) {
      const own = `id = ${ids[index]}\naddress = "127.0.0.1:${port}"\nevents_file = "${index + 1}.ndjson"`;
      writeFileSync(path.join(cwd, `${index + 1}.toml`), `[server]\n${own}\npid_file = "server_1.pid"\n`);
    }
    await body(cwd);
  });
}

const pidIn = (cwd: string): number =>
  (JSON.parse(readFileSync(path.join(cwd, 'server_1.pid'), 'utf8')) as { pid: number }).pid;

test.each<[string, [number, number]]>([
  ['the same pid_file', [1, 2]],
  ['the same id', [1, 1]],
])(
  'a server with %s as a running one neither starts nor joins',
  async (_, ids) => {
    await inSharedFolder(ids, async (cwd) => {
      const first = startProgram(['server', '--config', '1.toml'], { cwd });
      await first.says(/accepting tasks/);
      const [names, text] = [readdirSync(cwd).sort(), readFileSync(path.join(cwd, 'server_1.pid'), 'utf8')];
      const { code, stdout, stderr } = await runProgram(['server', '--config', '2.toml'], { cwd, timeoutMs: 20_000 });
      const whose = `server_1.pid belongs to the running server 1, pid ${first.child.pid}`;
      expect({ code, stdout, stderr }).toEqual({
        code: 2,
        stdout: '',
        stderr: `Error: 2.toml: server.pid_file: ${whose}: expected a file of its own\n`,
      });
      expect(readdirSync(cwd).sort()).toEqual(names);
      expect(readFileSync(path.join(cwd, 'server_1.pid'), 'utf8')).toBe(text);
      first.child.kill('SIGTERM');
      expect(await first.ended).toMatchObject({ code: 0, stderr: '' });
      expect(existsSync(path.join(cwd, 'server_1.pid'))).toBe(false);
    });
  },
  60_000,
);

test('a server that is killed and restarted at once takes its pid file back', async () => {
  await inSharedFolder([1, 1], async (cwd) => {
    for (let times = 0; times < 3; times++) {
      const killed = startProgram(['server', '--config', '1.toml'], { cwd });
      await killed.says(/accepting tasks/);
      killed.child.kill('SIGKILL');
    }
    const last = startProgram(['server', '--config', '1.toml'], { cwd });
    await last.says(/accepting tasks/);
    expect(pidIn(cwd)).toBe(last.child.pid);
    last.child.kill('SIGTERM');
    expect(await last.ended).toMatchObject({ code: 0, stderr: '' });
  });
}, 60_000);

test('a zombie owns no pid file', async () => {
  await inSharedFolder([1, 2], async (cwd) => {
    // Nobody reaps the server: `sleep` does not know its child.
    const parent = spawn('sh', ['-c', '"$0" server --config 1.toml >/dev/null 2>&1 & exec sleep 60', PROGRAM], { cwd });
    try {
      await until('it runs', () => existsSync(path.join(cwd, 'server_1.pid')));
      const pid = pidIn(cwd);
      process.kill(pid, 'SIGKILL');
      await until('a zombie', () => /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')));
      const next = startProgram(['server', '--config', '2.toml'], { cwd });
      await next.says(/accepting tasks/);
      expect(pidIn(cwd)).toBe(next.child.pid);
      next.child.kill('SIGTERM');
      expect(await next.ended).toMatchObject({ code: 0, stderr: '' });
    } finally {
      parent.kill('SIGKILL');
    }
  });
}, 60_000);

test('a server does not remove a pid file that names another start', async () => {
  await inSharedFolder([1, 2], async (cwd) => {
    const server = startProgram(['server', '--config', '1.toml'], { cwd });
    await server.says(/accepting tasks/);
    const file = path.join(cwd, 'server_1.pid');
    const other = { ...(JSON.parse(readFileSync(file, 'utf8')) as object), kernel_start: 'another boot/1' };
    writeFileSync(file, JSON.stringify(other));
    server.child.kill('SIGTERM');
    expect(await server.ended).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(other);
  });
}, 60_000);
