import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { inCluster } from '../support/in-cluster';
import { runProgram } from '../support/program';

const SMALL = readFileSync(path.join(__dirname, '../../test_images/small.png'));

test.each([
  ['at a rate', ['--rate', '30']],
  ['with think times', ['--min-delay-ms', '50', '--max-delay-ms', '200']],
])(
  '%s, stress and report have the same rates, to the printed digit, without the warm-up',
  async (_, load) => {
    await inCluster({ servers: 3 }, async (cluster, folder) => {
      const cwd = path.join(folder, 'clients');
      mkdirSync(path.join(cwd, 'images'), { recursive: true });
      writeFileSync(path.join(cwd, 'images', 'small.png'), SMALL);
      const servers = cluster.addresses.flatMap((address) => ['--server', address]);
      const flags = [
        '--clients',
        '5',
        '--duration',
        '4',
        '--warmup',
        '1.5',
        '--image-dir',
        'images',
        ...load,
        ...servers,
      ];
      const { stdout } = await runProgram(['stress', ...flags], { cwd, timeoutMs: 60_000 });
      await runProgram(['report', '--out', 'report.txt', '--out', 'report.json'], { cwd, timeoutMs: 60_000 });
      const report = readFileSync(path.join(cwd, 'report.txt'), 'utf8');
      const [, goodput, attempted] =
        /^Rates: {5}goodput ([\d.,]+) successes\/s, attempted ([\d.,]+) requests\/s$/m.exec(stdout)!;
      expect(Number(goodput)).toBeGreaterThan(1);
      expect(report).toMatch(new RegExp(`^Goodput: +${goodput} successes/s$`, 'm'));
      expect(report).toMatch(new RegExp(`^Attempted: +${attempted} requests/s$`, 'm'));
    });
  },
  60_000,
);
