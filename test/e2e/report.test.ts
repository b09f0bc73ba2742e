import { closeSync, existsSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { executed, lines, request, useLab } from '../report/lab';
import type { Report } from '../../src/report/report';
import { MemoryWatch } from '../support/memory';
import { runProgram } from '../support/program';

const lab = useLab();
const report = (...args: string[]) => runProgram(['report', ...args], { cwd: lab.folder, timeoutMs: 30_000 });

test('the built program reports from a folder', async () => {
  lab.requests([request(1, 0), request(2, 50)]);
  lab.events(1, [executed(5, 1, 1), executed(55, 1, 2)]);
  const { code, stdout, stderr } = await report('--threshold', 'failure_rate<1%');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('✓ Successfully collected metrics from machine 1\n');
  const text = readFileSync(path.join(lab.folder, 'aggregated_metrics/final_report.txt'), 'utf8');
  expect(text).toMatch(/^Total Requests: {7}2$/m);
  expect(existsSync(path.join(lab.folder, 'aggregated_metrics/final_report.json'))).toBe(true);
});

test('exit codes: not verified, a crossed threshold, nothing to report', async () => {
  lab.requests([request(1, 0)]);
  expect((await report('--json')).code).toBe(4);
  expect((await report('--threshold', 'p99<1ms', '--json')).code).toBe(3);
  const { code, stderr } = await report('--metrics', 'none');
  expect({ code, stderr }).toEqual({ code: 4, stderr: 'Error: there is nothing to report: none: does not exist\n' });
});

test('on standard output: the report; progress goes to stderr', async () => {
  lab.requests([request(1, 0)]);
  lab.events(1, [executed(5, 1, 1)]);
  for (const out of ['-', '/dev/stdout']) {
    const { code, stdout, stderr } = await report('--out', out, '--out', 'r.txt', '--out', 'final_report.json');
    expect({ code, text: stdout }).toEqual({ code: 0, text: readFileSync(path.join(lab.folder, 'r.txt'), 'utf8') });
    expect(stderr).toContain('✓ Saved text report: r.txt\n');
    const compared = await report('--compare', '.', '.', '--out', out, '--out', 'c.txt');
    expect(compared).toMatchObject({ code: 0, stdout: readFileSync(path.join(lab.folder, 'c.txt'), 'utf8') });
    const both = await report('--json', '--out', out);
    expect(both).toMatchObject({ code: 2, stdout: expect.stringContaining('--json needs --out FILE') });
  }
});

describe('a file of 2 GB', () => {
  const GB = 2 ** 30;
  const SOME = Array.from({ length: 4096 }, (_, id) => request(id, id));

  /** Reports the file within bounded time and memory; returns what was read of it. */
  async function reportOf(write: (file: number) => void) {
    const file = openSync(lab.write('metrics/machine_1_requests.ndjson', ''), 'w');
    write(file);
    closeSync(file);
    let watch: MemoryWatch | undefined;
    const { code, stdout } = await runProgram(['report', '--json'], {
      cwd: lab.folder,
      timeoutMs: 60_000,
      onStart: (child) => (watch = new MemoryWatch([child.pid!])),
    });
    watch!.stop();
    // Without the servers' files nothing is verified.
    expect(code).toBe(4);
    expect(watch!.peakMb[0]).toBeLessThan(250);
    const { total_requests: total, inputs } = JSON.parse(stdout) as Report;
    return { total, file: inputs.files[0]! };
  }

  test('of zero bytes between good lines', async () => {
    const { total, file } = await reportOf((fd) => {
      const first = lines([request(1, 0)]);
      writeSync(fd, first);
      ftruncateSync(fd, 2 * GB);
      writeSync(fd, `\n${lines([request(2, 50)])}`, 2 * GB);
    });
    expect({ total, ...file }).toMatchObject({ total: 2, lines: 3, problems: ['line 2: longer than 64 KiB'] });
  }, 90_000);

  test('of good lines again and again', async () => {
    const block = Buffer.from(lines(SOME));
    const times = Math.floor((2 * GB) / block.length);
    const { total, file } = await reportOf((fd) => {
      for (let n = 0; n < times; n++) writeSync(fd, block);
    });
    expect({ total, lines: file.lines }).toEqual({ total: SOME.length, lines: times * SOME.length });
    expect(file.problems[0]).toBe(`line ${SOME.length + 1}: request 0 of client 1 is already counted`);
  }, 90_000);
});
