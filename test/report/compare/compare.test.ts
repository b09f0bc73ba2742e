import { seededRandom } from '../../../src/core/random';
import { compare } from '../../../src/report/compare/compare';
import type { Compared, Comparison } from '../../../src/report/compare/comparison';
import { request, runFile, T0, useLab } from '../lab';
import { sampleReport } from '../render/sample';

const lab = useLab();

interface Reported {
  slower?: number;
  failing?: number;
  timeoutSecs?: number;
  /** The id of a request whose record is missing. */
  lost?: number;
}

/** Makes a run of 50 s with 24 requests a second and reports it as a user's run. */
function reported(seed: number, more: Reported = {}): Compared {
  const { slower = 1, failing = 0, lost } = more;
  const timeoutSecs = 'timeoutSecs' in more ? more.timeoutSecs : 30;
  const random = seededRandom(seed);
  const records = Array.from({ length: 1200 }, (_, id) => {
    const latency_ms = Math.round(20_000 * slower * Math.exp(random())) / 1000;
    const failed = random() < failing;
    return request(id, id * 41, { latency_ms, ...(failed && { outcome: 'failure' as const }) });
  });
  lab.requests(records.filter(({ request_id }) => request_id !== lost));
  const config = { num_clients: 10, ...(timeoutSecs && { request_timeout_secs: timeoutSecs }) };
  lab.write('metrics/machine_1_run.json', runFile({ ended_at: T0 + 49_300, config }));
  return lab.report();
}

function compared(a: Compared, b: Compared): Comparison {
  return compare({ name: 'a', report: a }, { name: 'b', report: b });
}

function row({ scopes }: Comparison, name: string) {
  return scopes[0]!.rows.find((each) => each.name === name)!;
}

test('a run compared with itself shows no change', () => {
  const report = reported(1);
  const { scopes, groups, differences } = compared(report, report);
  expect(scopes.map(({ scope }) => scope)).toEqual(['whole']);
  for (const each of scopes[0]!.rows.filter(({ verdict }) => verdict !== 'unknown')) {
    expect(each).toMatchObject({ change: 0, why: null });
    expect(['no difference', 'inconclusive']).toContain(each.verdict);
  }
  expect(groups.flatMap(({ rows }) => rows).every(({ change }) => change === 0)).toBe(true);
  expect(differences).toEqual([]);
});

test('two equal runs do not differ', () => {
  const verdicts = compared(reported(1), reported(2)).scopes[0]!.rows.map(({ verdict }) => verdict);
  expect(verdicts).not.toContain('better');
  expect(verdicts).not.toContain('worse');
});

test('a slower run has worse latencies, and a faster one better', () => {
  const [before, after] = [reported(1), reported(2, { slower: 1.3 })];
  const slower = compared(before, after);
  for (const name of ['avg', 'p50', 'p95', 'p99']) {
    expect(row(slower, name)).toMatchObject({ verdict: 'worse', unit: 'ms' });
    expect(row(compared(after, before), name).verdict).toBe('better');
  }
  // The mean of exp(random) is about the same in every run, so the true 30 % are in the interval.
  const { change, interval } = row(slower, 'avg');
  expect(interval!.from).toBeGreaterThan(0);
  expect(interval!.from).toBeLessThan(30);
  expect(interval!.to).toBeGreaterThan(30);
  expect(change).toBeGreaterThan(interval!.from);
  expect(change).toBeLessThan(interval!.to);
  expect(row(slower, 'goodput').verdict).toBe('no difference');
});

test('a run whose requests are refused at once is better in nothing', () => {
  const { scopes } = compared(reported(1), reported(2, { failing: 1, slower: 0.01 }));
  const told = Object.fromEntries(scopes[0]!.rows.map(({ name, verdict }) => [name, verdict]));
  expect(told).toMatchObject({ goodput: 'worse', failure_rate_max: 'worse', avg: 'worse', p50: 'worse' });
  expect(Object.values(told)).not.toContain('better');
});

test('more failures are worse, in percentage points', () => {
  const comparison = compared(reported(1, { failing: 0.01 }), reported(2, { failing: 0.2 }));
  const rate = row(comparison, 'failure_rate_max');
  expect(rate).toMatchObject({ unit: '%', verdict: 'worse' });
  expect(rate.change).toBeCloseTo(rate.b! - rate.a!, 9);
  expect(comparison.b.failure_rate_max).toBeCloseTo(rate.b!, 9);
});

test('the same reports give the same comparison', () => {
  const [a, b] = [reported(1), reported(2, { slower: 1.1 })];
  expect(compared(a, b)).toEqual(compared(a, b));
});

test('a percentile of too few requests is unknown, with the reason', () => {
  const { interval, verdict, why } = row(compared(reported(1), reported(2)), 'p99.9');
  expect({ interval, verdict, why }).toEqual({ interval: null, verdict: 'unknown', why: 'too few requests' });
});

test('without a request timeout the latencies of failures are unknown', () => {
  const failing = reported(2, { failing: 0.2, timeoutSecs: undefined });
  const comparison = compared(reported(1), failing);
  expect(row(comparison, 'p99')).toMatchObject({ verdict: 'unknown', why: 'failures take an unknown time' });
  expect(row(comparison, 'failure_rate_max').verdict).toBe('worse');
});

test('a run with a gap in its records is unknown', () => {
  const whole = reported(1);
  const gap = reported(1, { lost: 500 });
  expect(gap.blocks!.unknown).toBe('1 request has no record');
  for (const comparison of [compared(whole, gap), compared(gap, whole)]) {
    expect(new Set(comparison.scopes[0]!.rows.map(({ verdict }) => verdict))).toEqual(new Set(['unknown']));
  }
});

test('a run that was wrong or invalid says so first', () => {
  const report = { ...reported(1), verdict: { kind: 'facts', text: '', not_verified: [] } };
  const wrong = { ...report, verdict: { kind: 'wrong', text: 'Wrong: 1 carrier was wrong.', not_verified: [] } };
  const { notes, b } = compared(report, wrong);
  expect(b.verdict).toBe('wrong');
  expect(notes[0]).toBe('B: Wrong: 1 carrier was wrong.');
});

test('a run that is not verified says so, and a goodput that its report does not know is unknown', () => {
  const [a, b] = [reported(1), reported(2)];
  const verdict = { kind: 'not verified', text: 'Not verified: the audit.', not_verified: ['the audit'] };
  const unverified = { ...b, goodput_per_s: null, verdict };
  const comparison = compared(a, unverified);
  expect(comparison.notes).toContain('B: Not verified: the audit.');
  expect(row(comparison, 'goodput')).toMatchObject({ verdict: 'unknown', b: null });
  expect(row(comparison, 'failure_rate_max').verdict).not.toBe('unknown');
  // Also where something else leads its verdict.
  const crossed = { ...unverified, verdict: { ...verdict, kind: 'crossed', text: 'Crossed: p99<1ms.' } };
  expect(compared(a, crossed).notes).toContain('B: Not verified: the audit.');
  expect(compared(a, crossed).b.is_incomplete).toBe(true);
});

test('with faults the steady part comes first, then the whole run, and the faults by themselves', () => {
  const report = sampleReport({ secs: 120 });
  const { scopes, groups } = compared(report, report);
  expect(scopes.map(({ scope }) => scope)).toEqual(['steady', 'whole']);
  expect(scopes[0]!.secs.a).toBeLessThan(scopes[1]!.secs.a);
  const faults = groups.find(({ group }) => group === 'Faults')!.rows;
  expect(faults.find(({ name }) => name === 'faults')).toMatchObject({ a: 3, b: 3 });
  const shown = Object.fromEntries(faults.map(({ name, a }) => [name, a]));
  // The third of three faults was not seen to recover.
  expect(shown).toEqual({
    faults: 3,
    'felt for, median': 2250,
    'recovered after, median': 2480,
    'detected after, median': 18.4,
    'detected after, worst': 21.4,
    'all followed the new leader after, median': 131.25,
    'all followed the new leader after, worst': 131.25,
    'recovery unknown': 1,
  });
});

test("without request records only the reports' figures are compared", () => {
  const mute = { ...sampleReport(), timeline: null, blocks: null };
  const { scopes, groups, notes } = compared(sampleReport(), mute);
  expect(scopes).toEqual([]);
  expect(groups[0]).toMatchObject({ group: 'Whole run' });
  expect(notes).toContain('B has no records of single requests: its noise is unknown.');
});

test('a figure that only one run has is shown without a change', () => {
  const without = { ...sampleReport(), all_stats: { ...sampleReport().all_stats, p99_9_ms: null } };
  const row = compared(sampleReport(), without).groups[0]!.rows.find(({ name }) => name === 'p99.9');
  expect(row).toEqual({ name: 'p99.9', unit: 'ms', a: 902.1, b: null, change: null });
});

test('notes say what limits trust in the figures', () => {
  const generator = { ...sampleReport().generators[0]!, machine_id: 2, saturated: true, why: 'it was busy' };
  const b = { ...sampleReport(), generators: [generator], faults: null, inputs: { missing: ['x: does not exist'] } };
  const { notes } = compared(sampleReport(), { ...b, loads: [], run: undefined });
  expect(notes.filter((note) => / B |^B /.test(note))).toEqual([
    "In B the load generator of machine 2 was a bottleneck: its figures are not the cluster's alone: it was busy.",
    'B does not say whether there were faults: its steady part may contain some.',
    'B is incomplete: some of its files could not be read.',
    'B does not record its settings: there may be more differences.',
  ]);
});
