import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { RequestRecord } from '../../src/core/metrics/record';
import { closeAll, startServers } from '../client/clients';
import { randomBytes } from '../imaging/pictures';
import { stressOptions } from '../stress/options';
import { runStress } from '../../src/stress/runner';

const PAUSE_MS = 1400;
const RATE = 100;
const SECS = 10;

afterEach(closeAll);

test('a server pause of 1.4 s in 10 s shows in latency from the intended start, not in service time', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-pause-'));
  let held: (() => void)[] | undefined;
  const orLater = (act: () => void): unknown => (held === undefined ? act() : held.push(act));
  const [server] = await startServers({
    onAsk: (ask, self) => orLater(() => self.assign(ask, self)),
    onTask: (task, self) => orLater(() => self.answer(task)),
  });
  try {
    const pacing = { mode: 'rate', ratePerSecond: RATE, arrivals: 'uniform' } as const;
    const requests = { pacing, durationMs: SECS * 1000, rampUpMs: 0 };
    const images = [{ name: 'a.png', bytes: randomBytes(300) }];
    const options = stressOptions([server!.address], { numClients: 4, requests, images, metricsDir: folder });
    const running = runStress(options);
    await server!.got('TaskRequest', 4 * RATE);
    held = [];
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    const missed = held;
    held = undefined;
    for (const act of missed) act();
    const { aggregated_stats: stats, service_stats: service, unsent_requests } = await running;

    expect(stats).toMatchObject({ total_requests: RATE * SECS, failed_requests: 0 });
    expect(unsent_requests).toBe(0);
    console.log(`p99 from the intended start ${stats.latency_p99_ms} ms, from the send ${service.p99_ms} ms`);
    expect(stats.latency_p99_ms).toBeGreaterThan(1000);
    expect(service.p99_ms).toBeLessThan(500);
    // Requests in flight saw it in both measures.
    expect(service.max_ms).toBeGreaterThan(PAUSE_MS - 100);

    const text = readFileSync(path.join(folder, 'machine_1_requests.ndjson'), 'utf8').trimEnd();
    const records = text.split('\n').map((line) => JSON.parse(line) as RequestRecord);
    const starts = records.map(({ start_time }) => start_time).sort((a, b) => a - b);
    const gaps = starts.slice(1).map((time, index) => time - starts[index]!);
    // The schedule went on as if nothing had happened.
    expect(Math.max(...gaps)).toBeLessThan(1000 / RATE + 1);
    const waited = records.filter(({ latency_ms, service_ms }) => latency_ms - service_ms > 100);
    expect(waited.length).toBeGreaterThan((RATE * (PAUSE_MS - 300)) / 1000);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);
