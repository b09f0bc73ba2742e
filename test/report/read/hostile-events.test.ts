/** Invalid event files: a report is still made, in every format. */
import fc from 'fast-check';
import { buildReport } from '../../../src/report/analyze/build';
import { renderCsv } from '../../../src/report/render/csv';
import { renderHtml } from '../../../src/report/render/html';
import { renderJson } from '../../../src/report/render/json';
import { renderJunit } from '../../../src/report/render/junit';
import { renderText } from '../../../src/report/render/text';
import { event, executed, fault, lines, request, sample, T0, useLab } from '../lab';

const lab = useLab();
const load = () => lab.requests(Array.from({ length: 300 }, (_, id) => request(id, id * 10)));
/** Reads the files and makes the report; no format may fail. */
const made = () => {
  const inputs = lab.read();
  const report = buildReport(inputs, { thresholds: [] });
  for (const render of [renderText, renderHtml, renderJson, renderJunit, renderCsv]) render(report);
  return { inputs, report };
};
const nested = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;
const leads = { time: T0, server_id: 1, event: 'leader', term: 1, leader_id: 1, reason: 'won' };

describe('an event line', () => {
  test.each<[string, string, boolean]>([
    ['whose run is nested 30,000 deep', JSON.stringify(executed(1, 1, 5)).replace('"run-1"', nested), false],
    ['whose reason is nested 30,000 deep', JSON.stringify(leads).replace('"won"', nested), true],
    ['whose run is a number', JSON.stringify({ ...executed(1, 1, 5), run_id: 7 }), false],
    ['without a run', JSON.stringify({ ...executed(1, 1, 5), run_id: undefined }), true],
    ['of no time', JSON.stringify(leads).replace(String(T0), '1e999'), false],
    ['of the end of time', JSON.stringify({ ...leads, time: 8.64e15 }), true],
    ['of a server beyond all numbers', JSON.stringify({ ...leads, server_id: 2 ** 53 }), false],
    ['of a kind that every object has', JSON.stringify({ ...leads, event: 'constructor' }), true],
    ['with a key that every object has', `{"__proto__":{"time":1},${JSON.stringify(leads).slice(1)}`, true],
    ['of nothing', 'null', false],
    ['that is a list', '[]', false],
    ['with control characters for a reason', JSON.stringify({ ...leads, reason: '\u001b[2J\u0007' }), true],
    ['torn off', JSON.stringify(executed(1, 1, 5)).slice(0, 90), false],
    ['of 60 KB', JSON.stringify({ ...leads, reason: 'x'.repeat(60_000) }), true],
    ['of 70 KB', JSON.stringify({ ...leads, reason: 'x'.repeat(70_000) }), false],
  ])('%s', (_, line, isGood) => {
    load();
    lab.write('server_1_events.ndjson', `${lines([executed(9, 1, 1)])}${line}\n${lines([executed(9, 1, 2)])}`);
    const { inputs, report } = made();
    const file = inputs.files.find(({ kind }) => kind === 'events')!;
    expect(file).toMatchObject({ lines: 3, badLines: isGood ? 0 : 1 });
    expect(file.problems.every((problem) => problem.startsWith('line 2: '))).toBe(true);
    expect(report.audit).toMatchObject({ requests: 300, executions: 2, lost: 298 });
  });

  test('of arbitrary JSON', () => {
    load();
    const field = fc.oneof(
      fc.jsonValue(),
      fc.nat(3000).map((at) => T0 + at),
      fc.nat(3),
    );
    const kinds = ['assigned', 'executed', 'leader', 'election', 'stepped_down', 'peer_down', 'started', 'sample'];
    const names = ['term', 'to', 'leader_id', 'peer_id', 'run_id', 'client_name', 'request_id', 'outcome', 'active'];
    const line = fc
      .tuple(field, fc.nat(3), fc.constantFrom(...kinds), fc.dictionary(fc.constantFrom(...names), field))
      .map(([time, server_id, kind, more]) => ({ time, server_id, event: kind, ...more }));
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            line,
            fc.jsonValue().map((value) => ({ value })),
          ),
        ),
        (all) => {
          lab.events(1, all);
          expect(made().report.total_requests).toBe(300);
        },
      ),
      { numRuns: 60 },
    );
  });
});

test('130,000 leaders, each of another server: only the last 100,000 events count, with a note', () => {
  load();
  const all = Array.from({ length: 130_000 }, (_, n) =>
    event(n / 50, n, { event: 'leader', term: n, leader_id: n, reason: '' }),
  );
  lab.events(1, [...all, executed(9, 1, 1), sample(5, 1)]);
  lab.faults([fault(1000, 1, 'kill'), fault(1500, 1, 'restart')]);
  const { inputs, report } = made();
  expect(inputs.notes).toEqual([
    expect.stringMatching(/server_1_events\.ndjson: 30000 events older than the last 100000/),
  ]);
  expect(inputs.eventServerIds).toHaveLength(1000);
  expect(report.leaders!.timeline).toHaveLength(100_000);
  expect(report.audit.executions).toBe(1);
});

test('60,000 lines of faults: only the last 50,000 count, with a note', () => {
  load();
  const detail = 'x'.repeat(100);
  // Alternating kills and restarts; only the last two are within the run.
  lab.faults(
    Array.from({ length: 60_000 }, (_, n) =>
      fault((n - 59_998) * 500, Math.floor(n / 2) % 3, n % 2 ? 'restart' : 'kill', { detail }),
    ),
  );
  const { inputs, report } = made();
  expect(inputs.notes).toEqual([expect.stringMatching(/fault_events\.ndjson: 40000 events older than the last 50000/)]);
  expect(inputs.faults).toHaveLength(50_000);
  expect(report.faults).toMatchObject([{ start: T0, kind: 'kill' }]);
});
