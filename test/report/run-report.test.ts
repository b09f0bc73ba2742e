import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseThreshold } from '../../src/core/metrics/threshold';
import { runReport, type RunReportOptions } from '../../src/report/run-report';
import { clientFile, request, useLab } from './lab';

const lab = useLab();
const at = (name: string): string => path.join(lab.folder, name);

async function run(more: Partial<RunReportOptions> = {}) {
  const said: string[] = [];
  const report = await runReport({
    metrics: [at('metrics')],
    faults: null,
    events: [],
    runs: { take: 'newest' as const },
    thresholds: [],
    outFiles: [at('out/final_report.json'), at('out/final_report.txt')],
    say: (line) => said.push(line),
    ...more,
  });
  return { report, text: said.join('\n').replaceAll(`${lab.folder}/`, '') };
}

test("prints the guide's lines to the character", async () => {
  for (const machine of [1, 2]) {
    for (const client of [1, 2, 3]) {
      lab.write(
        `client${machine}/machine_${machine}_client_${client}.json`,
        clientFile(`Machine_${machine}_Client_${client}`),
      );
    }
  }
  const { text } = await run({ metrics: [at('client1'), at('client2')] });
  expect(text).toBe(
    `============================================
CloudP2P Metrics Aggregation
============================================
Client Machines: 2
Output Directory: ${at('out')}
============================================

Step 1: Collecting metrics from client machines...

[1/2] Collecting from: client1
  ✓ Successfully collected metrics from machine 1
[2/2] Collecting from: client2
  ✓ Successfully collected metrics from machine 2

Step 2: Aggregating metrics...

Loading metrics from: client1, client2
Loaded 6 client metrics files
Aggregating metrics...
✓ Saved JSON report: out/final_report.json
✓ Saved text report: out/final_report.txt

============================================
Metrics Aggregation Complete!
============================================
Not verified: the audit (there are no records of single requests; \`stress\` writes them)`.replace(
      `${lab.folder}/`,
      '',
    ),
  );
});

test('writes what it returns', async () => {
  lab.requests([request(1, 0), request(2, 100, { outcome: 'failure' })]);
  const { report } = await run();
  expect(JSON.parse(readFileSync(at('out/final_report.json'), 'utf8'))).toEqual(JSON.parse(JSON.stringify(report)));
  expect(readFileSync(at('out/final_report.txt'), 'utf8')).toMatch(/^Failure Rate: {9}50\.00%$/m);
});

test('a file named twice is written once', async () => {
  lab.requests([request(1, 0)]);
  expect((await run({ outFiles: [at('a.txt'), at('a.txt')] })).text.match(/Saved/g)).toHaveLength(1);
});

test('a missing machine is named, the rest is reported', async () => {
  lab.requests([request(1, 0)]);
  const { report, text } = await run({ metrics: [at('none'), at('metrics')] });
  expect(text).toContain('  ✗ Failed to collect metrics from machine 1: does not exist\n');
  expect(text).toContain('Incomplete: none: does not exist');
  expect(report.inputs.missing).toHaveLength(1);
  expect(report.total_requests).toBe(1);
});

test('missing files that were requested make it incomplete', async () => {
  lab.requests([request(1, 0)]);
  const required = { path: at('none'), required: true };
  expect((await run({ faults: required, events: [required] })).report.inputs.missing).toHaveLength(2);
  const optional = { path: at('none'), required: false };
  expect((await run({ faults: optional, events: [optional] })).report.inputs.missing).toEqual([]);
});

test('says what is wrong, and what is not verified', async () => {
  lab.requests([request(1, 0), request(2, 50, { outcome: 'failure', failure_reason: 'Verification failed' })]);
  const { text } = await run();
  expect(text).toMatch(
    /\nWrong: 1 wrong carrier \(server 1: 1\)\nNot verified: the audit \(there are no event files of the servers: .*\)$/,
  );
});

test('says which thresholds are crossed', async () => {
  lab.requests([request(1, 0)]);
  const { text } = await run({
    thresholds: ['p95<10ms', 'p99<1s', 'p50<1s', 'recovery<2s'].map((each) => parseThreshold(each)),
  });
  expect(text).toMatch(
    /Threshold crossed: p95<10ms \(20\)\nThreshold crossed: p99<1s \(unknown\)\nThreshold crossed: recovery<2s \(unknown\)$/m,
  );
});

test.each<[string, () => void, RegExp]>([
  ['no folder', () => undefined, /nothing to report: .*metrics: does not exist$/],
  ['an empty folder', () => lab.write('metrics/x', ''), /nothing to report: .*metrics: has no metrics files$/],
  ['damage only', () => lab.write('metrics/machine_1_requests.ndjson', 'x\n'), /no file has any request$/],
])('%s is one clear error', async (_, prepare, message) => {
  prepare();
  await expect(run()).rejects.toThrow(
    expect.objectContaining({ code: 'not_reachable', message: expect.stringMatching(message) }),
  );
});

test('an unknown format is refused before anything is read', async () => {
  await expect(run({ outFiles: [at('a.pdf')] })).rejects.toThrow(
    /--out: expected a file name ending in \.json, \.txt, .*, got /,
  );
});

test('a file that cannot be written is an error that names it', async () => {
  lab.requests([request(1, 0)]);
  lab.write('out', 'a file');
  await expect(run()).rejects.toThrow(/cannot write .*final_report\.json: /);
});
