import { type BannerContent, bannerText } from '../../../src/stress/progress/banner';
import { statusText, type RunStatus } from '../../../src/stress/progress/status-line';

const content: BannerContent = {
  machineId: 1,
  numClients: 100,
  requests: { pacing: { mode: 'closed_loop', minDelayMs: 100, maxDelayMs: 2000 }, totalRequests: 1000, rampUpMs: 0 },
  warmupMs: 0,
  names: { images: './test_images', clientConfig: './config/client_stress.toml', metricsDir: './metrics' },
  meanImageBytes: 2_050_000,
};
const rowsOf = (change: Partial<BannerContent>): string[] => bannerText({ ...content, ...change }).split('\n');
const loop = (minDelayMs: number, maxDelayMs: number) => ({ mode: 'closed_loop', minDelayMs, maxDelayMs }) as const;

describe('the banner', () => {
  it("is the guide's, with the offered load below", () => {
    expect(bannerText(content)).toBe(`==================================
CloudP2P Stress Test Configuration
==================================
Machine ID:         1
Number of Clients:  100
Requests/Client:    1000
Min Delay (ms):     100
Max Delay (ms):     2000
Image Directory:    ./test_images
Client Config:      ./config/client_stress.toml
Metrics Output:     ./metrics
Test Duration:      ~1050 seconds
Offered Load:       ~95.2 requests/s
                    ~195.2 MB/s of images
==================================
`);
  });

  it('without think times: the load is unknown', () => {
    const rows = rowsOf({ requests: { pacing: loop(0, 0), totalRequests: 10, rampUpMs: 0 } });
    expect(rows.slice(11, 14)).toEqual([
      'Test Duration:      as long as the servers take',
      'Offered Load:       as fast as the servers respond',
      '==================================',
    ]);
  });

  it.each([
    [{ pacing: loop(0, 0), durationMs: 60_000 }, 'no limit', '~60 seconds'],
    [
      { pacing: loop(0, 0), durationMs: 60_000, totalRequests: 5 },
      '5',
      'as long as the servers take, at most 60 seconds',
    ],
    [{ pacing: loop(1000, 1000), durationMs: 60_000 }, 'no limit', '~60 seconds'],
    [{ pacing: loop(1000, 1000), durationMs: 60_000, totalRequests: 10 }, '10', '~10 seconds'],
    [{ pacing: loop(1000, 1000), durationMs: 5000, totalRequests: 10 }, '10', '~5 seconds'],
  ])('limits %#', (requests, count, duration) => {
    const rows = rowsOf({ requests: { rampUpMs: 0, ...requests } });
    expect(rows[5]).toBe(`Requests/Client:    ${count}`);
    expect(rows[11]).toBe(`Test Duration:      ${duration}`);
  });

  it.each([
    [{ durationMs: 60_000 }, 'no limit', '~60 seconds'],
    [{ totalRequests: 3 }, '3', '~6 seconds'],
    [{ totalRequests: 3, rampUpMs: 4000 }, '3', '~8 seconds'],
    [{}, 'no limit', 'until it is ended'],
  ])('at a rate %#', (limits, count, duration) => {
    const pacing = { mode: 'rate', ratePerSecond: 50, arrivals: 'poisson' } as const;
    const rows = rowsOf({ requests: { pacing, rampUpMs: 0, ...limits } });
    expect(rows.slice(5, 8)).toEqual([
      `Requests/Client:    ${count}`,
      'Min Delay (ms):     none',
      'Max Delay (ms):     none',
    ]);
    expect(rows.slice(11, 15)).toEqual([
      `Test Duration:      ${duration}`,
      'Offered Load:       50 requests/s, at random (Poisson), whatever the servers do',
      '                    ~102.5 MB/s of images',
      'In Flight:          at most 100, one per client; further requests wait',
    ]);
  });

  it('describes the start of the load', () => {
    const requests = { ...content.requests, rampUpMs: 30_000 };
    const rows = rowsOf({ requests, warmupMs: 45_500 });
    expect(rows[11]).toBe('Test Duration:      ~1080 seconds');
    expect(rows.slice(14, 16)).toEqual([
      'Ramp-up:            30 seconds: clients begin one after the other',
      'Warm-up:            45.5 seconds, which thresholds leave out',
    ]);
  });

  it('sends no control characters to a terminal', () => {
    const names = { ...content.names, images: 'a\u001b[2Jb\nc\u202e' };
    expect(rowsOf({ names })[8]).toBe('Image Directory:    a\\u001b[2Jb\\u000ac\\u202e');
  });
});

describe('the status', () => {
  const status: RunStatus = {
    doneCount: 1200,
    totalCount: 100_000,
    perSecond: 95.23,
    failedCount: 0,
    p95Ms: 23.44,
    oldestAgeMs: 1000,
    lastReason: '',
    leadership: { term: 3, leaderId: 2 },
  };

  it('has everything in one line', () => {
    expect(statusText(status)).toBe('1200/100000 done, 95.2/s, 0 failed, p95 23.4 ms, leader 2 (term 3)');
  });

  it('shows the age of a request that hangs', () => {
    const text = statusText({ ...status, oldestAgeMs: 3249 });
    expect(text).toBe('1200/100000 done, 95.2/s, 0 failed, p95 23.4 ms, oldest request 3.2 s, leader 2 (term 3)');
  });

  it('shows what is unknown, and the last failure', () => {
    const leadership = { term: 3, leaderId: null };
    const early = { ...status, totalCount: undefined, p95Ms: null, leadership };
    expect(statusText({ ...early, failedCount: 2, lastReason: 'Connection refused' })).toBe(
      '1200 done, 95.2/s, 2 failed, p95 -, leader ?, last failure: Connection refused',
    );
  });
});
