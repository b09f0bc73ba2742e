import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import path from 'node:path';
import type { Report } from '../../src/report/report';
import { Cluster, freePorts } from '../support/cluster';
import { inFolder, PROGRAM, runProgram } from '../support/program';

const SMALL = readFileSync(path.join(__dirname, '../../test_images/small.png'));
/** Only carriers are so long. */
const CARRIER_BYTES = 2000;

/** Forwards connections to another port, and flips one bit in every large chunk that comes back. */
async function flipping(port: number, toPort: number): Promise<Server> {
  const proxy = createServer({ noDelay: true }, (near) => {
    const far = connect({ port: toPort, host: '127.0.0.1', noDelay: true });
    near.pipe(far);
    far.on('data', (chunk) => {
      if (chunk.length > CARRIER_BYTES) chunk[chunk.length >> 1]! ^= 1;
      near.write(chunk);
    });
    far.on('end', () => near.end());
    near.on('error', () => far.destroy()).on('close', () => far.destroy());
    far.on('error', () => near.destroy()).on('close', () => near.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(port, '127.0.0.1', resolve));
  return proxy;
}

test('wrong carriers of one server: no task fails, the server is avoided and named, and the run is red', async () => {
  await inFolder(async (folder) => {
    const cluster = await Cluster.create({ command: [PROGRAM], folder, servers: 3 });
    const [port] = await freePorts(1);
    const address = cluster.address(2);
    // Everybody reaches server 2 through the proxy, which takes its address.
    const config = path.join(cluster.folder(2), 'server.toml');
    writeFileSync(config, readFileSync(config, 'utf8').replace(address, `127.0.0.1:${port}`));
    const proxy = await flipping(Number(address.split(':')[1]), port!);
    try {
      for (const id of [1, 3]) cluster.start(id);
      await cluster.until('1 and 3 agree', () => cluster.agreed([1, 3]) !== null, 10_000);
      cluster.start(2);
      await cluster.until('all agree', () => cluster.agreed([1, 2, 3]) !== null, 10_000);
      await cluster.ready();
      const cwd = path.join(folder, 'clients');
      mkdirSync(path.join(cwd, 'images'), { recursive: true });
      writeFileSync(path.join(cwd, 'images', 'small.png'), SMALL);
      writeFileSync(
        path.join(cwd, 'client.toml'),
        `[client]\nserver_addresses = ${JSON.stringify(cluster.addresses)}\n`,
      );
      const load = ['--clients', '4', '--duration', '8', '--min-delay-ms', '5', '--max-delay-ms', '20'];
      const flags = ['--client-config', 'client.toml', '--image-dir', 'images', ...load];
      const stress = await runProgram(['stress', ...flags], { cwd, timeoutMs: 60_000 });
      expect(stress.code).toBe(3);
      const [, shown] = /^Wrong: +(\d+) wrong carriers? \(server 2: \1\)$/m.exec(stress.stdout + stress.stderr) ?? [];
      const wrong = Number(shown);
      // Those in flight at first, and single ones after 1, 2 and 4 s.
      expect(wrong).toBeGreaterThan(0);
      expect(wrong).toBeLessThanOrEqual(4 + 8);
      const report = await runProgram(['report', '--json', '--out', 'report.json'], { cwd, timeoutMs: 60_000 });
      expect(report.code).toBe(3);
      const { audit, verdict, failed_requests, total_requests, all_stats } = JSON.parse(report.stdout) as Report;
      expect(failed_requests).toBe(0);
      expect(total_requests).toBeGreaterThan(100);
      expect(all_stats.max_ms).toBeLessThan(5000);
      expect(audit).toMatchObject({ corrupted: wrong, corrupted_by: [{ server_id: 2, carriers: wrong }] });
      expect(verdict).toMatchObject({ kind: 'wrong', text: expect.stringContaining(`(server 2: ${wrong})`) });
      await runProgram(['report', '--out', 'report.txt', '--out', 'report.html'], { cwd, timeoutMs: 60_000 });
      const read = (name: string): string => readFileSync(path.join(cwd, name), 'utf8');
      expect(read('report.html')).toContain('Corrupted by server 2');
      expect(read('report.txt')).toMatch(new RegExp(`^Corrupted: +${wrong} \\(server 2: ${wrong}\\)$`, 'm'));
    } finally {
      await cluster.stop();
      await new Promise((resolve) => proxy.close(resolve));
    }
  });
}, 120_000);
