import type { RequestRecord } from '../../../src/core/metrics/record';
import { Digest } from '../../../src/core/metrics/digest';
import { EXACT_COUNT } from '../../../src/core/metrics/latency-fold';
import { summarize, Summary } from '../../../src/core/metrics/summary';
import { seededRandom } from '../../../src/core/random';

function record(change: Partial<RequestRecord>): RequestRecord {
  return {
    client_id: 1,
    request_id: 1,
    start_time: 1_761_904_800_123.456,
    latency_ms: 10,
    service_ms: 9,
    success: true,
    failure_reason: null,
    assigned_server_id: 1,
    retry_count: 0,
    hedged: false,
    bytes_sent: 100,
    bytes_received: 900,
    image: 'a.png',
    term: 3,
    outcome: 'success',
    run_id: 'r',
    ...change,
  };
}

const failure = (failure_reason: string, change: Partial<RequestRecord> = {}): RequestRecord =>
  record({ success: false, outcome: 'failure', failure_reason, latency_ms: 10_000, ...change });

describe('summary', () => {
  it('counts every kind of outcome in the right place', () => {
    const stats = summarize([
      record({ latency_ms: 10, hedged: true }),
      record({ latency_ms: 30, assigned_server_id: 2, retry_count: 2 }),
      record({ latency_ms: 20, assigned_server_id: null, wrong_carriers: [2, null] }),
      failure('Connection refused', { assigned_server_id: 2, bytes_received: 0 }),
      failure('Request timeout after 10s', { assigned_server_id: null }),
      failure('Connection refused'),
      record({ outcome: 'interrupted', success: false, latency_ms: 1, wrong_carriers: [2] }),
      record({ outcome: 'unsent', success: false, latency_ms: 1 }),
    ]);
    expect(stats).toEqual({
      total_requests: 6,
      successful_requests: 3,
      failed_requests: 3,
      failure_rate: 50,
      latency_min_ms: 10,
      latency_max_ms: 30,
      latency_avg_ms: 20,
      latency_p50_ms: 20,
      latency_p95_ms: 30,
      latency_p99_ms: null,
      server_distribution: { 1: 2, 2: 2 },
      failure_reasons: { 'Connection refused': 2, 'Request timeout after 10s': 1 },
      wrong_carriers: { 0: 1, 2: 2 },
      retry_count: 2,
      hedged_requests: 1,
      bytes_sent: 600,
      bytes_received: 4500,
    });
  });

  it('no requests: zero counts, no latencies', () => {
    expect(summarize([])).toMatchObject({
      total_requests: 0,
      failure_rate: 0,
      latency_min_ms: null,
      latency_p50_ms: null,
    });
    expect(summarize([failure('Connection refused')])).toMatchObject({ failure_rate: 100, latency_avg_ms: null });
  });

  it('has a p99 from 100 successes', () => {
    const summary = new Summary();
    for (let latency_ms = 1; latency_ms < 100; latency_ms++) summary.add(record({ latency_ms }));
    summary.add(failure('Connection refused'));
    expect(summary.stats()).toMatchObject({ latency_p95_ms: 94.55, latency_p99_ms: null });
    summary.add(record({ latency_ms: 100 }));
    expect(summary.stats()).toMatchObject({ latency_p95_ms: 95.5, latency_p99_ms: 99.5 });
  });

  it('a digest takes over beyond the exact limit', () => {
    const summary = new Summary();
    const random = seededRandom(3);
    for (let i = 0; i < EXACT_COUNT + 10; i++) summary.add(record({ latency_ms: random() * 100 }));
    const { latency_p50_ms, latency_p99_ms, latency_max_ms } = summary.stats();
    expect(latency_p50_ms).toBeGreaterThan(49);
    expect(latency_p50_ms).toBeLessThan(51);
    expect(latency_p99_ms).toBeGreaterThan(98.9);
    expect(latency_max_ms).toBeLessThan(100);
    const digest = new Digest();
    digest.merge(summary.centroids());
    expect(digest.count).toBe(EXACT_COUNT + 10);
  });

  it('gives centroids of the successful requests', () => {
    const summary = new Summary();
    for (const latency_ms of [3, 1, 2]) summary.add(record({ latency_ms }));
    summary.add(failure('Connection refused'));
    expect(summary.centroids()).toEqual([
      [1, 1],
      [2, 1],
      [3, 1],
    ]);
  });
});
