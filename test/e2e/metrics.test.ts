import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { complaints, type Family, scrape, valueOf } from '../metrics/exposition-text';
import { freePorts } from '../support/cluster';
import { inFolder, runProgram, startProgram } from '../support/program';
import { goodCodeIn } from '../support/good-code';

const SMALL = path.join(__dirname, '../../test_images/small.png');

/** Scrapes until the page is as wanted. */
async function scrapeUntil(address: string, isSo: (families: Family[]) => boolean): Promise<Family[]> {
  for (;;) {
    const families = await scrape(address).catch(() => []);
    if (isSo(families)) return families;
  }
}

it('the built server and run expose metrics for Prometheus', async () => {
  await inFolder(async (cwd) => {
    const [address, ofServer, ofRun] = (await freePorts(3)).map((port) => `127.0.0.1:${port}`) as [
      string,
      string,
      string,
    ];
    const who = ['server', '--id', '1', '--address', address, '--metrics-address', ofServer];
    const server = startProgram(who, { cwd });
    await scrapeUntil(ofServer, (page) => valueOf(page, 'cloudp2p_server_ready') === 1);
    mkdirSync(path.join(cwd, 'images'));
    copyFileSync(SMALL, path.join(cwd, 'images', 'small.png'));
    const images = ['--image-dir', 'images'];
    const load = [
      ...images,
      '--clients',
      '5',
      '--rate',
      '20',
      '--duration',
      '4',
      '--metrics-dir',
      'm',
      '--server',
      address,
    ];
    const run = startProgram(['stress', ...load, '--metrics-address', ofRun], { cwd });
    const success = { outcome: 'success' };
    const page = await scrapeUntil(ofRun, (each) => valueOf(each, 'cloudp2p_stress_requests_total', success)! > 10);
    expect(complaints(page)).toEqual([]);

    const taken = await runProgram(['stress', ...load, '--metrics-address', ofRun], { cwd });
    expect(taken).toMatchObject({
      code: 2,
      stderr: `Error: metrics_address (--metrics-address): ${ofRun} is in use by another program\n`,
    });

    const { code } = await run.ended;
    expect(code).toBe(goodCodeIn(cwd));
    const answered = { outcome: 'answered' };
    const name = 'cloudp2p_server_executed_tasks_total';
    const pageOfServer = await scrapeUntil(ofServer, (each) => valueOf(each, name, answered)! >= 80);
    expect(complaints(pageOfServer)).toEqual([]);
    const lines = readFileSync(path.join(cwd, 'm', 'machine_1_requests.ndjson'), 'utf8')
      .trimEnd()
      .split('\n');
    expect(valueOf(pageOfServer, name, answered)).toBe(lines.length);
    server.child.kill('SIGTERM');
    expect((await server.ended).code).toBe(0);
  });
}, 60_000);
