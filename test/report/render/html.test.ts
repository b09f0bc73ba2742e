import { renderHtml } from '../../../src/report/render/html';
import { chartDataOf } from '../../../src/report/render/html/chart-data';
import type { ChartData } from '../../../src/report/render/html/chart-types';
import type { Report } from '../../../src/report/report';
import { sampleReport, T0 } from './sample';

const EVIL = [
  '<script>alert(1)</script>',
  '</script><b>',
  '"><img src=x onerror=alert(1)>',
  "'-alert(1)-'",
  '\u202e\u0007',
];

/** The page's markup without scripts, styles and data. */
function bodyOf(page: string): string {
  return page.replace(/<(script|style)\b[^>]*>[\s\S]*?<\/\1>/g, '');
}

function dataOf(page: string): ChartData {
  const [, json] = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page)!;
  return JSON.parse(json!) as ChartData;
}

/** A report in which every foreign text is `text`. */
function withTexts(text: string): Report {
  const report = sampleReport({ reasons: [text, 'other'] });
  return {
    ...report,
    images: report.images.map((share) => ({ ...share, image: text })),
    runs: [0, 1].map(() => ({ run_id: text, file: text, requests: 1, taken: true })),
    generators: report.generators.map((each) => ({ ...each, saturated: true, why: text })),
    loads: report.loads.map((load) => ({
      ...load,
      host: text,
      run_id: text,
      command_line: [text],
      config: { [text]: text },
    })),
    clocks: [{ machine: text, offset_ms: 1, uncertainty_ms: 1 }],
    self_check: [text],
    verdict: { ...report.verdict, text },
    audit: { ...report.audit, why: text },
    faults: report.faults!.map((fault) => ({ ...fault, led: null, unknown: { led: text } })),
    thresholds: [{ expression: text, value: 1, unit: 'ms', passed: false }],
    rules: [{ rule: text, verdict: false, problems: [text] }],
    inputs: {
      files: [{ path: text, kind: 'records', lines: 1, badLines: 1, problems: [text] }],
      missing: [text],
      notes: [text],
    },
  };
}

/** A report in which everything is unknown. */
function emptyReport(): Report {
  const none = { min_ms: null, max_ms: null, avg_ms: null, median_ms: null, p95_ms: null, p99_ms: null };
  const unknown = { median: null, worst: null };
  const full = sampleReport();
  return {
    ...full,
    total_requests: 0,
    successful_requests: 0,
    failed_requests: 0,
    failure_rate: 0,
    retry_count: 0,
    bytes_sent: 0,
    bytes_received: 0,
    warmup_secs: 0,
    duration_secs: 0,
    throughput_per_s: 0,
    goodput_per_s: 0,
    attempted_per_s: 0,
    failure_rate_max: 0,
    decided_requests: 0,
    slow_limits_ms: null,
    baseline: null,
    all_stats: { ...none, p99_9_ms: null },
    server_distribution: {},
    failure_reasons: {},
    latency_stats: none,
    service_stats: none,
    p99_9_ms: null,
    runs: [],
    images: [],
    phases: [],
    faults: null,
    leaders: null,
    timeline: null,
    percentile_curve: [],
    servers: [],
    generators: [],
    loads: [],
    clocks: [],
    self_check: [],
    thresholds: [],
    rules: undefined,
    audit: {
      ...full.audit,
      requests: 0,
      executions: null,
      repeated: null,
      lost: null,
      adds_up: 'unknown',
      why: 'no files',
    },
    balance: {
      servers_expected: null,
      total_max_over_mean: null,
      windows: 0,
      judged_windows: 0,
      max_over_mean: unknown,
      jain: unknown,
    },
    verdict: {
      kind: 'invalid',
      not_verified: [],
      failure_rate: 0,
      scale: null,
      scale_text: null,
      text: 'Invalid: no request was due.',
    },
    inputs: { files: [], missing: [], notes: [] },
  };
}

describe('the page of a report', () => {
  it('is deterministic', () => {
    expect(renderHtml(sampleReport()) === renderHtml(sampleReport())).toBe(true);
  });

  it('loads nothing', () => {
    const page = renderHtml(sampleReport());
    const policy = '<meta http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;; style-src';
    expect(page.includes(policy)).toBe(true);
    expect(bodyOf(page).match(/(?:src|href|action)\s*=\s*(?!"#).*/gi) ?? []).toEqual([]);
    expect(page.match(/https?:.{0,40}/gi) ?? []).toEqual([]);
    expect(page.match(/url\((?!data:)|@import|<link|<iframe|<base/gi) ?? []).toEqual([]);
  });

  it('is small: ten minutes of three servers in less than 400 KB', () => {
    const page = renderHtml(sampleReport({ secs: 600 }));
    expect(Buffer.byteLength(page)).toBeLessThan(400_000);
    expect(Buffer.byteLength(page)).toBeGreaterThan(100_000);
  });

  it.each(EVIL)('keeps %j text', (text) => {
    const page = renderHtml(withTexts(text));
    const [plain, evil] = [bodyOf(renderHtml(withTexts('name'))), bodyOf(page)];
    // The text differs, the markup does not.
    const tagsOf = (body: string): string[] => body.match(/<\/?[a-z0-9]+/gi) ?? [];
    expect(tagsOf(evil)).toEqual(tagsOf(plain));
    expect(page.match(/<\/script>/g)).toHaveLength(2);
    expect(/[\u0000-\u0008\u202e]/.test(page)).toBe(false);
    expect(evil).toContain(text.includes('<') ? '&lt;' : text.includes("'") ? '&#39;-alert' : '\\u202e\\u0007');
    expect(dataOf(page).windows!.reasons.map(({ name }) => name)).toContain(
      text.startsWith('\u202e') ? '\\u202e\\u0007' : text,
    );
  });

  it('shows every figure without its script', () => {
    const report = sampleReport();
    const text = bodyOf(renderHtml(report))
      .replace(/<[^>]*>/g, ' ')
      .replace(/\s+/g, ' ');
    const { total_requests: total, failed_requests: failed } = report;
    for (const said of [
      `0.30% of the requests failed: ${failed} of ${total.toLocaleString('en-US')}.`,
      '✕ 2 of 3 thresholds crossed',
      'Goodput 193.9/s 194.5/s attempted',
      'Felt at least 2.25 s 1 of 3 unknown',
      'kill server 1 12.00 8 s 2,250.00 2,480.00 40 1,600 9 61 17 1,320.40',
      'kill server 2 27.00 8 s 500.00 640.00 3 1,600 0 61 17 1,320.40',
      'kill server 3 42.00 8 s unknown 1 , at least 2,250.00 unknown 2 40 1,600 9 61 17 1,320.40',
      'kill server 1 yes 15.40 17.40 121.25 131.25',
      'kill server 2 no 18.40 20.40 – –',
      'Baseline: 1,800 requests in the 9.00 s before the first fault; 0.00% of its windows were bad.',
      'felt: not seen to recover: there was no calm second before the end of the run',
      'recovered: not seen to recover: there was no calm second before the end of the run',
      'all requests, from the intended start 8.12 31.70 24.30 61.90 212.80 902.10 1,320.40',
      'successful, from the actual send 8.12 31.70 24.30 61.90 180.70 – 911.00',
      'medium.jpg 11,672 35 24.30 61.90 212.80 902.10 1,320.40 102.85',
      'large.png 11,672 35 24.30 61.90 212.80 902.10 1,320.40 –',
      'Several leaders 1 ×, 800 ms in all',
      'Server 2 3 43.40 60.00',
      'S7 answers are whole ✕ violated request 12 of client 3 came back cut',
      'user@client1.example.com +3,004.20 ± 0.40',
      'fault_events.ndjson faults 12 1 line 12: no JSON',
      "cloudp2p stress --rate 200 --duration 60 --threshold 'p99&lt;800ms'".replaceAll("'", '&#39;'),
      '31 of 12,000 requests were sent late (0.26%). It was not the bottleneck.',
    ]) {
      expect(text).toContain(said);
    }
  });

  it('shows undecided and never sent requests and missing records only if there are any', () => {
    const textOf = (report: Report): string =>
      bodyOf(renderHtml(report))
        .replace(/<[^>]*>/g, ' ')
        .replace(/\s+/g, ' ');
    expect(textOf(sampleReport())).not.toMatch(/undecided at the end: |Undecided|Never sent|Missing records/);
    const report = { ...sampleReport(), undecided_requests: 1200, never_sent_requests: 7, missing_records: 3 };
    const text = textOf({ ...report, verdict: { ...report.verdict, failure_rate: 10.58 } });
    for (const said of [
      '10.58% of the requests failed or were undecided at the end: 35 and 1,200 of 11,672.',
      'Failed 35 0.30% of those decided',
      'Undecided 1,200 at the end of the run',
      'Never sent 7 failed: no client was free',
      'Missing records 3 counted as failed',
    ]) {
      expect(text).toContain(said);
    }
  });

  it('says what is needed to be felt, and which faults share their cost', () => {
    const report = sampleReport();
    const faults = report.faults!.map((each) => ({ ...each, felt_ms: 0, felt_at_least_ms: 0, unknown: {} }));
    const unfelt = bodyOf(renderHtml({ ...report, faults }));
    expect(unfelt).toMatch(/<dd>not felt<small>a stall under 100 ms would not show<\/small><\/dd>/);
    expect(unfelt).toContain(
      'felt 0: not felt; a stall of all requests under 100 ms would not show, nor a longer one of some.',
    );
    expect(unfelt).not.toContain('kill server 1 *');
    const shared = bodyOf(renderHtml({ ...report, faults: faults.map((each) => ({ ...each, shared: true })) }));
    expect(shared).toContain('kill server 1 *');
    expect(shared).toContain('* began before another fault was healed');
  });

  it('warns of a generator that was the bottleneck before all figures', () => {
    const report = sampleReport();
    const generators = report.generators.map((each) => ({ ...each, saturated: true, why: 'its CPU was full' }));
    const page = bodyOf(renderHtml({ ...report, generators }));
    const at = page.indexOf('The load generator was the bottleneck, not the cluster.');
    expect(at).toBeGreaterThan(0);
    expect(at).toBeLessThan(page.indexOf('<main>'));
    expect(page).toContain('its CPU was full');
  });

  it('says what is unknown and why', () => {
    const page = bodyOf(renderHtml(emptyReport()));
    expect(page).not.toMatch(/NaN|Infinity|undefined|null/);
    expect(page).not.toContain('data-chart=');
    for (const said of [
      'Invalid: no request was due.',
      'there are no records of single requests',
      'there are no event files of the servers',
      'there is no file of faults',
      'there is no machine_{n}_generator.ndjson',
      'No request was assigned to a server.',
      'have no record of its command and seed',
      'No file was read.',
    ]) {
      expect(page).toContain(said);
    }
  });

  it('distinguishes no faults, failures and events from unknown ones', () => {
    const report = sampleReport({ reasons: [] });
    const page = bodyOf(renderHtml({ ...report, faults: [], failed_requests: 0, failure_reasons: {} }));
    expect(page).toContain('There was no fault during the run.');
    expect(page).toContain('No request failed.');
    expect(page).toContain('no faults');
  });

  it('can be made from clients alone', () => {
    const report = { ...sampleReport(), timeline: null, images: [], phases: [], percentile_curve: [], leaders: null };
    const page = renderHtml({ ...report, faults: null, servers: [], generators: [] });
    expect(bodyOf(page)).toContain('Unknown: too few requests with known latencies.');
    expect(page.includes('id="data"')).toBe(false);
  });
});

describe('chart data', () => {
  const of = (report: Report): ChartData => chartDataOf(report)!;

  it('counts seconds from the first window', () => {
    const data = of(sampleReport());
    expect(data.endSecs).toBe(60);
    expect(data.faults.map(({ from, to, felt }) => [from, to, felt])).toEqual([
      [12, 20, 22],
      [27, 35, 37],
      [42, 50, 50],
    ]);
    expect(data.leadership!.spans[1]).toEqual({ row: 2, term: 2, from: 12.9, to: 42 });
    expect(data.latency!.lines.map(({ values }) => values.length)).toEqual([60, 60, 60, 60]);
  });

  it('breaks the line of a server that was down', () => {
    const { time, series } = of(sampleReport()).servers[0]!;
    const gap = series['cpu']!.indexOf(null);
    expect([time[gap - 1], time[gap + 1]]).toEqual([11.4, 20.4]);
    expect(series['cpu']!.filter((value) => value === null)).toHaveLength(1);
  });

  it('excludes samples from before and after', () => {
    const report = sampleReport();
    const late = { ...report.servers[0]!, time: report.servers[0]!.time.map((time) => time - 30_000) };
    const { time } = of({ ...report, servers: [late] }).servers[0]!;
    expect(Math.min(...time)).toBeGreaterThanOrEqual(0);
    expect(time.length).toBeLessThan(35);
  });

  it('has the most frequent reasons, and all others combined', () => {
    const reasons = Array.from({ length: 40 }, (_, at) => `reason ${at}`);
    const report = sampleReport({ reasons });
    const layers = of(report).windows!.reasons;
    expect(layers).toHaveLength(8);
    expect(layers.at(-1)!.name).toMatch(/^3\d other reasons$/);
    const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
    expect(sum(layers.map(({ values }) => sum(values)))).toBe(report.failed_requests);
    const totals = layers.slice(0, -1).map(({ values }) => sum(values));
    expect(totals).toEqual([...totals].sort((a, b) => b - a));
  });

  it('has a layer for requests without a server', () => {
    const report = sampleReport();
    const { servers } = of(report).windows!;
    expect(servers.map(({ name }) => name)).toEqual(['server 1', 'server 2', 'server 3', 'no server']);
    const at = report.timeline!.failed.findIndex((count) => count > 2);
    const all = servers.reduce((sum, { values }) => sum + values[at]!, 0);
    expect(all).toBeCloseTo(report.timeline!.requests[at]!, 6);
  });

  it('has undecided requests in a layer of their own: they have not ended', () => {
    const report = sampleReport();
    const timeline = report.timeline!;
    const undecided = timeline.requests.map((_, at) => (at === timeline.requests.length - 1 ? 8 : 0));
    const requests = timeline.requests.map((count, at) => count + undecided[at]!);
    const { servers } = of({ ...report, timeline: { ...timeline, requests, undecided } }).windows!;
    expect(servers.slice(0, -1)).toEqual(of(report).windows!.servers);
    expect(servers.at(-1)).toMatchObject({ name: 'undecided at the end', values: undecided });
  });

  it('gives each of twenty servers a colour, the same everywhere', () => {
    const { leadership, servers, windows } = of(sampleReport({ servers: 20 }));
    const colours = leadership!.rows.map(({ colour }) => colour.join());
    expect(new Set(colours).size).toBe(20);
    expect(servers.map(({ colour }) => colour.join())).toEqual(colours);
    expect(windows!.servers.slice(0, 20).map(({ colour }) => colour.join())).toEqual(colours);
  });

  it('without records has the axis of the leaders', () => {
    const data = of({ ...sampleReport(), timeline: null });
    expect(data.windows).toBeNull();
    expect(data.endSecs).toBe(60);
    expect(chartDataOf({ ...emptyReport(), faults: [] })).toBeNull();
    expect(T0).toBe(sampleReport().timeline!.from);
  });
});
