import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { GeneratorSample, RequestRecord } from '../../src/core/metrics/record';
import { systemClock } from '../../src/core/system/system-clock';
import { sampleBetween } from '../../src/stress/progress/generator-sample';
import { GeneratorWatch } from '../../src/stress/generator-watch';
import { closeAll, startServers } from '../client/clients';
import { linesOf, rateRun, samplesOf } from './rate-run';

let folder = '';
const metricsDir = (): string => path.join(folder, 'm');

beforeEach(() => void (folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-generator-'))));
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await closeAll();
});

/** Blocks this process. */
function block(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

const sum = (samples: GeneratorSample[], key: 'sent' | 'late_sends' | 'ended' | 'latency_total_ms'): number =>
  samples.reduce((total, sample) => total + sample[key], 0);

describe('a sample', () => {
  const before = {
    monotonicMs: 5000,
    cpuMs: 700,
    activeMs: 100,
    idleMs: 4900,
    sentCount: 10,
    lateCount: 2,
    lateMs: 40,
    endedCount: 9,
    latencyMs: 100,
  };
  const moment = {
    time: 1e12,
    run_id: 'r',
    memory_bytes: 7,
    event_loop_delay_ms: 1.5,
    in_flight: 3,
    verification_backlog: 1,
  };

  it('covers the time between two readings', () => {
    const after = {
      monotonicMs: 7000,
      cpuMs: 3100,
      activeMs: 600,
      idleMs: 6400,
      sentCount: 110,
      lateCount: 7,
      lateMs: 140,
      endedCount: 108,
      latencyMs: 1300.1239,
    };
    expect(sampleBetween(before, after, moment)).toEqual({
      ...moment,
      cpu_percent: 120,
      event_loop_utilization_percent: 25,
      sent: 100,
      late_sends: 5,
      late_total_ms: 100,
      ended: 99,
      latency_total_ms: 1200.124,
    });
  });

  it('of no time has no invalid numbers', () => {
    expect(sampleBetween(before, before, moment)).toMatchObject({ cpu_percent: 0, event_loop_utilization_percent: 0 });
  });
});

it('counts a send as late only beyond the lateness of a timer', () => {
  const samples: GeneratorSample[] = [];
  const watch = new GeneratorWatch({
    runId: 'r',
    clock: systemClock,
    look: () => ({ inFlightCount: 4, receivingCount: 1 }),
    onSample: (sample) => samples.push(sample),
  });
  watch.start();
  for (const lateMs of [0, 1.2, 10, 10.1, 3000]) watch.sent(lateMs);
  for (const outcome of ['success', 'failure', 'interrupted', 'unsent'] as const)
    watch.ended({ outcome, latency_ms: 50 });
  watch.stop();
  expect(samples).toMatchObject([
    {
      sent: 5,
      late_sends: 2,
      late_total_ms: 3010.1,
      ended: 2,
      latency_total_ms: 100,
      in_flight: 4,
      verification_backlog: 1,
      run_id: 'r',
    },
  ]);
  expect(watch.latest).toBe(samples[0]);
  watch.stop();
  expect(samples.length).toBe(1);
});

it('a calm run is not saturated, and every send is in a sample', async () => {
  // Long compared with the time for which a busy machine may suspend this process.
  const [server] = await startServers({ onTask: (task, self) => void setTimeout(() => self.answer(task), 300) });
  const { report, shown } = await rateRun(metricsDir(), [server!.address], { numClients: 60 });
  expect(report.generator).toMatchObject({ sent: 200, saturated: false, why: null });
  expect(report.generator.cpu_percent_max).toBeGreaterThan(0);
  expect(shown).not.toMatch(/bottleneck/);
  const samples = samplesOf(metricsDir());
  expect(samples.length).toBeGreaterThanOrEqual(2);
  const records = linesOf<RequestRecord>(metricsDir(), 'requests');
  expect([sum(samples, 'sent'), sum(samples, 'ended')]).toEqual([records.length, records.length]);
  const latencyMs = records.reduce((total, record) => total + record.latency_ms, 0);
  expect(sum(samples, 'latency_total_ms')).toBeCloseTo(latencyMs, 1);
  expect(new Set(samples.map(({ run_id }) => run_id))).toEqual(new Set([report.run_id]));
});

it('a run with a blocked event loop is saturated, with the figures', async () => {
  const [server] = await startServers({});
  const blocker = setInterval(() => block(300), 400);
  const { report, shown } = await rateRun(metricsDir(), [server!.address]).finally(() => clearInterval(blocker));
  const { generator } = report;
  expect(generator).toMatchObject({ saturated: true, sent: 200 });
  expect(generator.event_loop_delay_max_ms).toBeGreaterThan(250);
  expect(generator.why).toMatch(
    /were sent late because it was busy, by [\d.]+% of the usual latency on average; its event loop stalled/,
  );
  expect(shown).toContain(`: ${generator.why}\n`);
  const samples = samplesOf(metricsDir());
  expect(sum(samples, 'late_sends')).toBe(generator.late_sends);
  // The latency of late sends counts from when they were due: both figures describe the same requests.
  const waited = linesOf<RequestRecord>(metricsDir(), 'requests').filter(
    (each) => each.latency_ms - each.service_ms > 10,
  );
  expect(waited.length).toBeGreaterThanOrEqual(generator.late_sends);
});

it('a slow server does not make the generator late: requests wait for a free client', async () => {
  const [server] = await startServers({
    onTask: (task, self) => void setTimeout(() => self.answer(task), 400),
  });
  const { report } = await rateRun(metricsDir(), [server!.address], { numClients: 3 });
  expect(report.generator).toMatchObject({ saturated: false });
  const records = linesOf<RequestRecord>(metricsDir(), 'requests');
  const waited = records.filter(({ latency_ms, service_ms }) => latency_ms - service_ms > 100);
  expect(waited.length).toBeGreaterThan(10);
});
