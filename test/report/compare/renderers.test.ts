import { compare } from '../../../src/report/compare/compare';
import type { Compared } from '../../../src/report/compare/comparison';
import { renderCompareHtml } from '../../../src/report/compare/html';
import { overlaid, RUN_COLOURS } from '../../../src/report/compare/html-charts';
import { renderCompareText } from '../../../src/report/compare/text';
import { sampleReport } from '../render/sample';
import { sampleRun } from './simulate';

const HOSTILE = '</script><script>alert(1)</script><img src=x onerror=alert(2)>"\'\u001b[31m\u202e';

/** Two runs; latencies of the second are 22 % longer in every window. */
function pair(): [Compared, Compared] {
  return [sampleRun(), sampleRun(1.22)];
}

function text(a: Compared, b: Compared, name = 'runs/a'): string {
  return renderCompareText(compare({ name, report: a }, { name: 'runs/b', report: b }));
}

function html(a: Compared, b: Compared, name = 'runs/a'): string {
  return renderCompareHtml(compare({ name, report: a }, { name: 'runs/b', report: b }), { a, b });
}

function hostile(): Compared {
  const report = sampleReport();
  return {
    ...report,
    server_distribution: { '1': 10, '4294967295': 1e15 },
    images: [{ image: HOSTILE }],
    faults: report.faults!.map((fault) => ({ ...fault, kind: HOSTILE as 'kill' })),
    generators: [{ machine_id: 1, saturated: true, why: HOSTILE }],
    loads: [{ version: HOSTILE, node_version: '', host: HOSTILE, cores: 1, seed: 1, config: { [HOSTILE]: HOSTILE } }],
    run: undefined,
  };
}

test('the text begins with what happened, then the verdicts, and shows the change of each figure', () => {
  const lines = text(...pair()).split('\n');
  expect(lines[8]).toMatch(/^Goodput [\d.]+\/s → [\d.]+\/s, failed [\d.]+% → [\d.]+%, p99 212.80 ms → 212.80 ms\.$/);
  expect(lines[9]).toMatch(/^Steady: worse in avg, p50, p95/);
  const rows = lines.filter((line) => line.startsWith('p50 '));
  expect(rows[0]).toMatch(/^p50 +[\d.]+ ms +[\d.]+ ms +\+22\.\d% +\+[\d.]+ \.\. \+[\d.]+ {2}worse$/);
  expect(lines.filter((line) => line.startsWith('goodput'))[0]).toMatch(/ 0\.0% .* no difference$/);
});

test('the text is deterministic', () => {
  expect(text(...pair())).toBe(text(...pair()));
});

test('no line is wider than 100, and nothing hostile reaches the terminal', () => {
  for (const whole of [text(...pair()), text(hostile(), pair()[1], HOSTILE.repeat(50))]) {
    expect(whole.split('\n').filter((line) => line.length > 100)).toEqual([]);
    expect(whole).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
  }
});

test('the page shows the finding, every figure, and both runs overlaid', () => {
  const page = html(...pair());
  expect(page).toMatch(/<h1>\s*Goodput [^<]*<\/h1>/);
  expect(page).toMatch(/<p class="part">Steady: worse in avg, p50, p95[^<]*<\/p>/);
  expect(page.match(/class="bar worse"/g)!.length).toBeGreaterThanOrEqual(3);
  expect(page.match(/data-chart="(latency|curve)"/g)).toHaveLength(2);
  expect(page.replace(/<(script|style)\b[^>]*>[^]*?<\/\1>/g, '')).not.toMatch(/NaN|Infinity|undefined|null/);
});

test('the charts have the lines of both runs, and the faults of each in its colour', () => {
  const [a, b] = pair();
  const half = { ...b.timeline!, window_ms: b.timeline!.window_ms / 2 };
  const { endSecs, faults, latency, curve } = overlaid(a, { ...b, timeline: half })!;
  const secs = a.timeline!.window_ms / 1000;
  expect(endSecs).toBe(secs * a.timeline!.requests.length);
  expect(latency!.lines.map(({ name, secs: each }) => [name, each])).toEqual([
    ...['A p50', 'A p99'].map((name) => [name, secs]),
    ...['B p50', 'B p99'].map((name) => [name, secs / 2]),
  ]);
  expect(curve!.map(({ name }) => name)).toEqual(['A', 'B']);
  expect(faults.map(({ labels, colour }) => [labels[0], colour])).toEqual([
    ...a.faults!.map(() => ['A', RUN_COLOURS.a]),
    ...b.faults!.map(() => ['B', RUN_COLOURS.b]),
  ]);
  // One without an end goes on to the end of the charts.
  expect(Math.max(...faults.map(({ to }) => to))).toBe(endSecs);
});

test('without records and curves there is nothing to draw', () => {
  const [a, b] = pair().map((run) => ({ ...run, timeline: null, percentile_curve: [] }));
  expect(overlaid(a!, b!)).toBeNull();
});

test('the page loads nothing', () => {
  expect(html(...pair())).not.toMatch(/(src|href)=["']?https?:|url\(["']?https?:|@import/);
});

test('names from outside stay text in the page', () => {
  const page = html(hostile(), pair()[1], HOSTILE);
  expect(page).not.toContain('<script>alert');
  expect(page).not.toContain('<img');
  expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
});

test('without records, both say so', () => {
  const mute = { ...sampleReport(), timeline: null, blocks: null, percentile_curve: [] };
  expect(text(mute, mute)).toContain('unknown: there are no records of single requests');
  const page = html(mute, mute);
  expect(page).toContain('It is unknown whether A and B differ');
  expect(page).toContain('There are no records of single requests.');
  expect(page).toContain('The reports have no percentile curves.');
});

test('a wrong run leads, and an inconclusive figure says what would have shown', () => {
  const [a, b] = pair();
  const lines = text(a, {
    ...b,
    verdict: { kind: 'wrong', text: 'Wrong: 5 carriers were wrong.', not_verified: [] },
  }).split('\n');
  expect(lines[8]).toMatch(/^B is wrong\. Goodput/);
  expect(lines).toContain('B: Wrong: 5 carriers were wrong.');
  const rate = lines.find((line) => line.startsWith('failure rate'));
  expect(rate).toMatch(/ {2}inconclusive, \+[\d.]+ would show$/);
});

test('short runs say that nothing is promised, longer ones what is', () => {
  const [a, b] = pair();
  expect(text(a, b)).toContain('Of 100 comparisons of equal runs, at most 6 show any');
  const short = (report: Compared): Compared => ({ ...report, blocks: sampleReport({ secs: 40 }).blocks });
  expect(text(short(a), b)).toContain('Too short (below 45 s) to promise');
});

test('latencies are those of the images, averaged with equal weights, and their titles say so', () => {
  const lines = text(...pair()).split('\n');
  const at = lines.findIndex((line) => line.startsWith('failure rate'));
  expect(lines[at + 1]).toBe('Latency, geometric mean of that of 3 images with equal weights:');
  expect(lines[at + 2]).toMatch(/^avg /);
  expect(html(...pair())).toContain('p50, mean of 3 images');
  const alone = pair().map((run) => {
    const first = (blocks: NonNullable<Compared['blocks']>['whole']) =>
      blocks.map((block) => ({ ...block, operations: block.operations.slice(0, 1) }));
    const { whole, steady, images, ...rest } = run.blocks!;
    return { ...run, blocks: { ...rest, images: images.slice(0, 1), whole: first(whole), steady: first(steady!) } };
  });
  expect(text(alone[0]!, alone[1]!)).not.toMatch(/geometric mean of that/);
  expect(html(alone[0]!, alone[1]!)).not.toContain('mean of');
});

test('only a closed loop makes goodput follow latency, and the note names it', () => {
  const [a, b] = pair();
  const note = (loopA: Compared['loop'], loopB: Compared['loop']) =>
    compare({ name: 'a', report: { ...a, loop: loopA } }, { name: 'b', report: { ...b, loop: loopB } }).notes.filter(
      (each) => each.includes('closed loop'),
    );
  expect(note('open', 'open')).toEqual([]);
  expect(note(null, 'open')).toEqual([]);
  expect(note('closed', 'closed')).toEqual([expect.stringMatching(/^In a closed loop \(A and B\) the clients wait/)]);
  expect(note('open', 'closed')).toEqual([expect.stringMatching(/^In a closed loop \(B\) the clients wait/)]);
});
