import { connect, createServer, type Socket } from 'node:net';
import path from 'node:path';
import { inService, jsonOf } from '../support/in-service';
import { runProgram } from '../support/program';

/** Forwards one connection to a server and stops listening: the address refuses everybody else. */
async function viaOneCall(port: number, body: (address: string) => Promise<void>): Promise<void> {
  const sockets: Socket[] = [];
  const server = createServer((caller) => {
    server.close();
    const onward = connect(port, '127.0.0.1');
    sockets.push(caller, onward);
    for (const socket of [caller, onward]) socket.on('error', () => undefined);
    caller.pipe(onward).pipe(caller);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await body(`127.0.0.1:${(server.address() as { port: number }).port}`);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

test('stress whose first check was answered, but no request: incomplete', async () => {
  await inService(async ({ cwd, cluster }) => {
    const port = Number(cluster.address(1).split(':')[1]);
    await viaOneCall(port, async (address) => {
      const args = ['stress', '--clients', '1', '--requests', '1', '--image-dir', 'images', '--server', address];
      const { code, stdout, stderr } = await runProgram([...args, '--min-delay-ms', '0', '--max-delay-ms', '0'], {
        cwd,
        timeoutMs: 60_000,
      });
      expect({ code, stderr }).toEqual({ code: 4, stderr: '' });
      expect(stdout).toContain(`no server could be reached: ${address}`);
      const file = jsonOf<{ aggregated_stats: object }>(path.join(cwd, 'metrics'), 'machine_1_client_1.json');
      expect(file.aggregated_stats).toMatchObject({ total_requests: 1, successful_requests: 0 });
    });
  });
}, 90_000);

test('client metrics in an impossible place: the error names the file that was asked for', async () => {
  await inService(async ({ cwd, client }) => {
    const args = client.map((word) => (word === 'client.json' ? '/proc/x' : word));
    const { code, stderr } = await runProgram([...args, '--requests', '1'], { cwd, timeoutMs: 60_000 });
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr:
        'Error: cannot write /proc/x: its log beside it, /proc/x.log: its file system does not allow new files and folders there\n',
    });
  });
}, 60_000);
