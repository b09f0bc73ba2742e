import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseThreshold } from '../../src/core/metrics/threshold';
import { closeAll, startServers } from '../client/clients';
import { deadAddress } from '../status/listening';
import { type Family, scrape, valueOf } from '../metrics/exposition-text';
import { rateRun } from './rate-run';

let folder = '';
beforeEach(() => void (folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-hang-'))));
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await closeAll();
});

/** Answers the first 150 tasks, and then hangs. */
async function startHanging(answered = 150) {
  let taskCount = 0;
  const [server] = await startServers({
    onTask: (task, self) => {
      taskCount += 1;
      if (taskCount <= answered) self.answer(task);
    },
  });
  return server!;
}

const pacing = { mode: 'rate', ratePerSecond: 300, arrivals: 'uniform' } as const;
const UNTIL_ENDED = { requestTimeoutMs: 20_000, requests: { pacing, durationMs: 60_000, rampUpMs: 0 } };

it.each(['p99<500ms', 'max<500ms', 'avg<300ms'])(
  '--abort-on %s sees requests that hang, long before they time out',
  async (expression) => {
    const abortOn = [parseThreshold(expression)];
    const { report } = await rateRun(folder, [(await startHanging()).address], {
      ...UNTIL_ENDED,
      abortOn,
      gracefulStopMs: 0,
    });
    expect(report.aborted_by).toMatchObject({ expression, passed: false });
    expect(report.aggregated_stats.failed_requests).toBe(0);
  },
  30_000,
);

it('--abort-on judges a load that hangs before there are enough requests to abort it, at its end', async () => {
  const { report } = await rateRun(folder, [(await startHanging(20)).address], {
    requestTimeoutMs: 20_000,
    requests: { pacing, durationMs: 200, rampUpMs: 0 },
    abortOn: ['max<300ms', 'p99<300ms'].map((each) => parseThreshold(each)),
    gracefulStopMs: 400,
  });
  expect(report.aborted_by).toBeNull();
  expect(report.thresholds).toMatchObject([{ expression: 'max<300ms', passed: false }]);
}, 30_000);

it('Prometheus metrics show requests that hang', async () => {
  const metricsAddress = await deadAddress();
  const end = new AbortController();
  const change = { ...UNTIL_ENDED, metricsAddress, endSignal: end.signal, gracefulStopMs: 0 };
  const server = await startHanging();
  const running = rateRun(folder, [server.address], change);
  const read = (page: Family[], name: string): number | undefined => valueOf(page, `cloudp2p_stress_${name}`);
  let page: Family[] = [];
  await server.got('TaskRequest', 160);
  const isHung = (): boolean => (read(page, 'oldest_request_age_seconds') ?? 9) > 1;
  do page = await scrape(metricsAddress);
  while (!isHung());
  end.abort();
  await running;
  expect(read(page, 'in_flight_requests')).toBe(10);
  // All that are due later than those of the ten clients wait.
  expect(read(page, 'waiting_requests')).toBeGreaterThan(80);
  expect(read(page, 'oldest_request_age_seconds')).toBeLessThan(20);
}, 30_000);
