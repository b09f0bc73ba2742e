import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { useLab, request } from '../report/lab';
import { runProgram } from '../support/program';

const lab = useLab();
const report = (...args: string[]) => runProgram(['report', ...args], { cwd: lab.folder, timeoutMs: 30_000 });

test('the built program reports from a folder', async () => {
  lab.requests([request(1, 0), request(2, 50)]);
  const { code, stdout, stderr } = await report('--threshold', 'failure_rate<1%');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('✓ Successfully collected metrics from machine 1\n');
  const text = readFileSync(path.join(lab.folder, 'aggregated_metrics/final_report.txt'), 'utf8');
  expect(text).toMatch(/^Total Requests: {7}2$/m);
  expect(existsSync(path.join(lab.folder, 'aggregated_metrics/final_report.json'))).toBe(true);
});

test('exit codes: a crossed threshold, nothing to report', async () => {
  lab.requests([request(1, 0)]);
  expect((await report('--threshold', 'p99<1ms', '--json')).code).toBe(3);
  const { code, stderr } = await report('--metrics', 'none');
  expect({ code, stderr }).toEqual({ code: 4, stderr: 'Error: there is nothing to report: none: does not exist\n' });
});
