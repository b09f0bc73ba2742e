import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { RequestRecord } from '../../src/core/metrics/record';
import { exposeStress, type WatchedRun } from '../../src/metrics/stress-metrics';
import { closeAll, startServers } from '../client/clients';
import { request } from '../report/lab';
import { deadAddress } from '../status/listening';
import { linesOf, MACHINE_ID, rateRun } from '../stress/rate-run';
import { documentedAndShown } from './documented';
import { complaints, type Family, scrape, valueOf } from './exposition-text';

let folder = '';
const metricsDir = (): string => path.join(folder, 'm');

beforeEach(() => void (folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-metrics-'))));
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await closeAll();
});

const NAME = 'cloudp2p_stress';
const QUIET_RUN: WatchedRun = {
  runId: 'run-1',
  machineId: 1,
  targetPerSecond: null,
  longestMs: 10_000,
  clientCount: 1,
  inFlightCount: 0,
  waitingCount: 0,
  oldestAgeMs: 0,
  connectionCount: 0,
  receivingCount: 0,
  sentCount: 0,
  lateCount: 0,
  sample: null,
};
const record = (more: Partial<RequestRecord>): RequestRecord => ({ ...request(1, 0), ...more });
const ended = (families: Family[]): number =>
  ['success', 'failure'].reduce((sum, outcome) => sum + valueOf(families, `${NAME}_requests_total`, { outcome })!, 0);

/** Scrapes until the page meets the condition. */
async function scrapeUntil(address: string, isSo: (families: Family[]) => boolean): Promise<Family[]> {
  for (;;) {
    const families = await scrape(address);
    if (isSo(families)) return families;
  }
}

it('the Prometheus metrics of a run agree with its records', async () => {
  let taskCount = 0;
  let release: (() => void) | undefined;
  const [server] = await startServers({
    onTask: (task, self) => {
      taskCount += 1;
      // The last one waits, so that the run continues while everything else has ended.
      if (taskCount === 200) release = () => self.answer(task);
      else if (taskCount % 20 === 0) self.refuse(task, 'bad_image', `no picture, ${taskCount}`);
      else self.answer(task);
    },
  });
  const metricsAddress = await deadAddress();
  const running = rateRun(metricsDir(), [server!.address], { metricsAddress, requestTimeoutMs: 20_000 });
  await server!.got('StatusQuery');
  const isAllSent = (page: Family[]): boolean => valueOf(page, `${NAME}_sends_total`) === 200;
  const families = await scrapeUntil(
    metricsAddress,
    (page) => ended(page) === 199 && isAllSent(page) && release !== undefined,
  );
  release!();
  const { report } = await running;

  expect(complaints(families)).toEqual([]);
  const [documented, shown] = documentedAndShown('cloudp2p_stress_', families);
  expect(shown).toEqual(documented);
  const read = (name: string, labels = {}): number | undefined => valueOf(families, `${NAME}_${name}`, labels);
  expect(read('info', { run_id: report.run_id, machine_id: String(MACHINE_ID) })).toBe(1);
  expect(read('target_requests_per_second')).toBe(100);
  expect([read('virtual_clients'), read('in_flight_requests'), read('sends_total')]).toEqual([10, 1, 200]);
  expect(read('event_loop_utilization_ratio')).toBeLessThanOrEqual(1);

  const records = linesOf<RequestRecord>(metricsDir(), 'requests').slice(0, 199);
  const total = (key: 'bytes_sent' | 'bytes_received' | 'retry_count'): number =>
    records.reduce((sum, record) => sum + record[key], 0);
  const failed = records.filter(({ success }) => !success);
  expect(failed.length).toBe(9);
  expect(read('requests_total', { outcome: 'success' })).toBe(190);
  expect(read('requests_total', { outcome: 'failure' })).toBe(9);
  expect(read('failures_total', { reason: 'Server error' })).toBe(9);
  // A client that gets no assignment in 100 ms, as on a busy machine, sends to the server without knowing its id.
  const known = records.filter((record) => record.success && record.assigned_server_id === 1).length;
  expect(read('server_requests_total', { server_id: '1', outcome: 'success' })).toBe(known);
  expect(known).toBeGreaterThan(0);
  expect(read('sent_bytes_total')).toBe(total('bytes_sent'));
  expect(read('received_bytes_total')).toBe(total('bytes_received'));
  expect(read('retries_total')).toBe(total('retry_count'));
  const successes = records.filter(({ success }) => success);
  for (const [name, key] of [
    ['request_duration_seconds', 'latency_ms'],
    ['service_duration_seconds', 'service_ms'],
  ] as const) {
    const secs = successes.reduce((sum, record) => sum + record[key] / 1000, 0);
    expect(read(`${name}_count`, { outcome: 'success' })).toBe(190);
    expect(read(`${name}_sum`, { outcome: 'success' })).toBeCloseTo(secs, 6);
    const below = successes.filter((record) => record[key] <= 100).length;
    expect(read(`${name}_bucket`, { outcome: 'success', le: '0.1' })).toBe(below);
  }
  // However soon it failed: a wait of 20 s for a client, and a timeout of 20 s.
  expect(read('request_duration_seconds_sum', { outcome: 'failure' })).toBe(9 * 40);
  // The address is closed with the run.
  await expect(scrape(metricsAddress)).rejects.toThrow();
});

it('wrong carriers count by server, whatever became of their requests', async () => {
  const address = await deadAddress();
  const metrics = await exposeStress(address, QUIET_RUN);
  metrics.add(record({ wrong_carriers: [2, null], assigned_server_id: 1 }));
  metrics.add(
    record({ wrong_carriers: [2], success: false, outcome: 'failure', failure_reason: 'Verification failed' }),
  );
  metrics.add(record({}));
  const families = await scrape(address);
  await metrics.close();
  const wrong = (id: string): number | undefined =>
    valueOf(families, `${NAME}_wrong_carriers_total`, { server_id: id });
  expect([wrong('2'), wrong('unknown'), wrong('1')]).toEqual([2, 1, undefined]);
});

it('an address in use ends it before anything is moved or sent', async () => {
  const [server] = await startServers({});
  await expect(rateRun(metricsDir(), [server!.address], { metricsAddress: server!.address })).rejects.toMatchObject({
    code: 'address_in_use',
    message: `metrics_address (--metrics-address): ${server!.address} is in use by another program`,
  });
  expect(server!.heard).toEqual([]);
});
