/** Invalid files: named in the report with file and line, never fatal unless nothing is left. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { buildReport } from '../../../src/report/analyze/build';
import { fixedClock } from '../../../src/report/read/clocks';
import { emptyInputs } from '../../../src/report/read/inputs';
import { readRequests } from '../../../src/report/read/files/read-requests';
import { TaskFlags } from '../../../src/report/read/task-flags';
import { clientFile, fault, lines, request, runFile, T0, useLab } from '../lab';

const lab = useLab();
const at = (...names: string[]) => path.join(lab.folder, ...names);
const good = (count = 3) => Array.from({ length: count }, (_, id) => request(id, id * 10));
/** Reads invalid records of machine 2 next to three good requests of machine 1. */
const beside = (content: string | Uint8Array) => {
  lab.requests(good());
  lab.write('metrics/machine_2_requests.ndjson', content);
  const inputs = lab.read();
  const report = lab.report();
  return { file: inputs.files.find(({ path: name }) => name.endsWith('machine_2_requests.ndjson'))!, inputs, report };
};
const named = (inputs: { files: { path: string; problems: string[] }[] }) =>
  inputs.files.flatMap((file) => file.problems.map((problem) => `${path.basename(file.path)}: ${problem}`));

describe('records of', () => {
  test.each<[string, string | Uint8Array, string[], number]>([
    ['no bytes', '', [], 0],
    ['zero bytes', Buffer.alloc(200_000), ['line 1: longer than 64 KiB'], 0],
    ['one endless line', 'x'.repeat(3_000_000), ['line 1: longer than 64 KiB'], 0],
    ['nothing but line ends', '\n'.repeat(1000), [], 0],
    ['white space', ' \t \r\n  \n', [], 0],
    [
      'UTF-16',
      Buffer.from(`\ufeff${lines(good(1))}`, 'utf16le'),
      ['line 1: not valid JSON', 'line 2: not valid JSON'],
      0,
    ],
    ['a byte order mark', `\ufeff${lines(good(2))}`, [], 2],
    ['Windows line ends', lines(good(2)).replaceAll('\n', '\r\n'), [], 2],
    ['a last line torn off', lines(good(2)).slice(0, -20), ['line 2: not valid JSON'], 1],
    [
      'bytes that are no UTF-8',
      Buffer.from([0xff, 0xfe, 0x80, 0x0a, 0xc3, 0x28]),
      ['line 1: not valid JSON', 'line 2: not valid JSON'],
      0,
    ],
    ['a newer version', lines(good(2).map((each) => ({ ...each, colour: 'red' }))), [], 2],
    ['another order', lines(good(2).map((each) => Object.fromEntries(Object.entries(each).reverse()))), [], 2],
    [
      'an older version',
      lines(good(2).map((each) => ({ ...each, hedged: undefined }))),
      ['line 1: "hedged" is missing, expected true or false', 'line 2: "hedged" is missing, expected true or false'],
      0,
    ],
    [
      'negative latencies',
      lines([request(1, 0, { latency_ms: -1 }), request(2, 0, { service_ms: -0.001 })]),
      [
        'line 1: "latency_ms" is -1, expected milliseconds from 0 to 4294967.295',
        'line 2: "service_ms" is -0.001, expected milliseconds from 0 to 4294967.295',
      ],
      0,
    ],
    [
      'latencies that are none',
      lines(good(1)).replace('"latency_ms":20', '"latency_ms":NaN'),
      ['line 1: not valid JSON'],
      0,
    ],
    [
      'latencies of months',
      lines(good(1)).replace('"latency_ms":20', '"latency_ms":1e10'),
      ['line 1: "latency_ms" is 10000000000, expected milliseconds from 0 to 4294967.295'],
      0,
    ],
  ])('%s', (_, content, problems, count) => {
    const { file, inputs, report } = beside(content);
    expect(file.problems).toEqual(problems);
    expect(file.badLines).toBe(problems.length);
    expect(inputs.missing).toEqual([]);
    // Machine 2 repeats the requests of machine 1 under its own name.
    expect(report.total_requests).toBe(3 + count);
  });

  test('nothing but garbage are abandoned, and make the report incomplete', () => {
    const { file, inputs, report } = beside('garbage\n'.repeat(300_000));
    expect(file.problems[0]).toMatch(/^stopped reading: \d+ of the first \d+ lines are damaged$/);
    expect(file.lines).toBeGreaterThanOrEqual(10_000);
    expect(file.lines).toBeLessThan(200_000);
    expect(inputs.missing).toEqual([expect.stringMatching(/machine_2_requests\.ndjson: stopped reading/)]);
    expect(report.total_requests).toBe(3);
  });

  test('some good lines among much garbage are read to the end', () => {
    const many = Array.from({ length: 3000 }, (_, id) => request(id, id));
    const { file, report } = beside(lines(many).replaceAll('\n', '\nx\nx\nx\nx\n'));
    expect(file).toMatchObject({ lines: 15_000, badLines: 12_000 });
    expect(file.problems.at(-1)).toBe('and 11997 more');
    expect(report.total_requests).toBe(3003);
  });

  test('ids far apart do not fill the memory: beyond a limit they are refused', () => {
    const tasks = new TaskFlags(3);
    const first = tasks.of('run', 'first')!;
    expect([0, 255, 256, 1e9, 2e9, 1].map((id) => first.see(request(id, 0)))).toEqual([
      ...['new', 'new', 'new', 'new', 'full', 'new'],
    ]);
    expect(first.see(request(1e9, 0))).toBe('seen');
    expect(tasks.of('run', 'second')).toBeUndefined();
    expect(tasks.of('run', 'first')).toBe(first);
    first.execute(5e9);
    expect(first.audit()).toEqual({ repeated: 0, lost: 5 });
  });

  test('a thousand images, reasons and servers: the first ones by name, the others combined', () => {
    const many = Array.from({ length: 3000 }, (_, n) =>
      request(n, n, {
        image: `${n}.png`,
        assigned_server_id: n + 1,
        outcome: 'failure',
        failure_reason: `Server error: ${n}`,
      }),
    );
    lab.requests(many);
    const report = lab.report();
    expect(report.total_requests).toBe(3000);
    expect(report.images).toHaveLength(201);
    expect(report.failure_reasons).toMatchObject({ 'Other reasons': 2805, 'Server error: 0': 1 });
    expect(Object.values(report.server_distribution).reduce((sum, count) => sum + count)).toBe(3000);
  });
});

describe('in place of a file', () => {
  const names = ['machine_2_requests.ndjson', 'machine_2_client_1.json'];

  test.each<[string, (file: string) => void, RegExp]>([
    ['a folder', (file) => mkdirSync(file), /is not a regular file$/],
    ['a pipe that nobody writes to', (file) => execFileSync('mkfifo', [file]), /is not a regular file$/],
    ['a link to nowhere', (file) => symlinkSync('nowhere', file), /does not exist$/],
    ['a link to itself', (file) => symlinkSync(path.basename(file), file), /links/],
    ['a device', (file) => symlinkSync('/dev/zero', file), /is not a regular file$/],
  ])('%s is named, the rest is read', (_, make, problem) => {
    lab.requests(good());
    for (const name of names) make(at('metrics', name));
    const { missing } = lab.read();
    expect(missing).toEqual(names.map(() => expect.stringMatching(problem)));
    expect(lab.report().total_requests).toBe(3);
  });

  test('a socket is named, the rest is read', async () => {
    lab.requests(good());
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(at('metrics', names[0]!), resolve));
    try {
      expect(lab.read().missing).toEqual([expect.stringMatching(/is not a regular file$/)]);
      expect(lab.report().total_requests).toBe(3);
    } finally {
      server.close();
    }
  });
});

describe('the same files twice', () => {
  const folders = ['a', 'b'];
  const read = (runs?: Parameters<typeof lab.read>[0]) => lab.read(runs, folders);
  const total = (inputs: ReturnType<typeof read>) =>
    inputs.records.reduce((sum, { columns }) => sum + columns.count, 0);

  test('a copy counts once, and is not reported as damage', () => {
    lab.requests(good(), 'a/machine_1_requests.ndjson');
    cpSync(at('a'), at('b'), { recursive: true });
    const inputs = read();
    expect(total(inputs)).toBe(3);
    expect(inputs.notes).toEqual([
      `${at('b', 'machine_1_requests.ndjson')} is a copy: all 3 requests of a run are already counted; they count once`,
    ]);
    const { self_check: said } = buildReport(inputs, { thresholds: [] });
    expect(said).toContain('3 lines repeated: requests that are already counted count once.');
    expect(said.join()).not.toMatch(/damaged/);
  });

  test('a link to a file, and to a folder, count once', () => {
    lab.requests(good(), 'a/machine_1_requests.ndjson');
    mkdirSync(at('b'));
    symlinkSync(at('a', 'machine_1_requests.ndjson'), at('b', 'machine_1_requests.ndjson'));
    symlinkSync(at('a'), at('c'));
    expect(total(read())).toBe(3);
    expect(total(lab.read(undefined, ['a', 'c']))).toBe(3);
  });

  test.each([
    ['old before young', ['old', 'young']],
    ['young before old', ['young', 'old']],
  ])('a copy of two runs, %s: the old one stays excluded', (_, order) => {
    const runs = { old: good(5), young: [request(1, 60_000, { run_id: 'run-2' })] };
    lab.requests(
      order.flatMap((name) => runs[name as 'old']),
      'a/machine_1_requests.ndjson',
    );
    mkdirSync(at('b'));
    copyFileSync(at('a', 'machine_1_requests.ndjson'), at('b', 'machine_1_requests.ndjson'));
    expect(total(read())).toBe(1);
    expect(total(read({ take: 'all' }))).toBe(6);
    expect(total(read({ take: 'id', runId: 'run-1' }))).toBe(5);
  });

  test('a run excluded from one file is kept in another', () => {
    lab.requests(good(), 'a/machine_1_requests.ndjson');
    lab.requests([...good(), request(1, 60_000, { run_id: 'run-2' })], 'b/machine_1_requests.ndjson');
    lab.write('a/machine_1_client_1.json', clientFile('Machine_1_Client_1', {}, { run_id: 'run-1' }));
    const inputs = read();
    expect(total(inputs)).toBe(4);
    expect(inputs.clients).toEqual([]);
    expect(inputs.notes).toContainEqual(expect.stringMatching(/its records have 3 and 0: the records are used$/));
  });

  test("copies of the original implementation's files count once; different clients of one name count each", () => {
    lab.write('a/machine_1_client_1.json', clientFile('Machine_1_Client_1'));
    cpSync(at('a'), at('b'), { recursive: true });
    expect(read().clients).toHaveLength(1);
    expect(read().notes).toEqual([expect.stringMatching(/^Copies of files that are already counted: .*b.machine_1/)]);
    lab.write('b/machine_1_client_1.json', clientFile('Machine_1_Client_1', { latency_avg_ms: 51 }));
    expect(read().clients).toHaveLength(2);
    expect(read().notes).toEqual([expect.stringMatching(/is the machine id unique\?/)]);
  });

  test('two machines with the same id both count, and are named', () => {
    lab.requests(good(), 'a/machine_1_requests.ndjson');
    lab.requests(
      good().map((each) => ({ ...each, run_id: 'run-2' })),
      'b/machine_1_requests.ndjson',
    );
    const inputs = read();
    expect(total(inputs)).toBe(6);
    expect(inputs.notes).toEqual([expect.stringMatching(/is the machine id unique\?\): Machine_1_Client_1 is in/)]);
  });
});

describe("a client's file", () => {
  const whole = clientFile('Machine_1_Client_9');

  test.each<[string, string | Uint8Array, string]>([
    ['of no bytes', '', 'not valid JSON'],
    ['half written', whole.slice(0, -30), 'not valid JSON'],
    ['of zero bytes', Buffer.alloc(1000), 'not valid JSON'],
    ['in UTF-16', Buffer.from(whole, 'utf16le'), 'not valid JSON'],
    ['with NaN', whole.replace('"latency_min_ms":5', '"latency_min_ms":NaN'), 'not valid JSON'],
    ['with a negative latency', clientFile('c', { latency_min_ms: -5 }), '"latency_min_ms" has an invalid value'],
    ['with a latency of months', clientFile('c', { latency_max_ms: 1e10 }), '"latency_max_ms" has an invalid value'],
    [
      'with latencies that contradict',
      clientFile('c', { latency_min_ms: 60 }),
      '"latency_avg_ms" is not between minimum and maximum',
    ],
  ])('%s is named', (_, content, problem) => {
    lab.requests(good());
    lab.write('metrics/machine_1_client_9.json', content);
    expect(named(lab.read())).toEqual([`machine_1_client_9.json: ${problem}`]);
    expect(lab.report().total_requests).toBe(3);
  });

  test('with a byte order mark counts', () => {
    lab.write('metrics/machine_1_client_9.json', `\ufeff${whole}`);
    expect(lab.report().total_requests).toBe(10);
  });
});

test.each([
  ['1970', -T0],
  ['1994', -1e12],
  ['2057', 1e12],
  ['the end of time', 8.64e15 - T0],
])('a request of %s does not make the run longer', (_, damaged) => {
  const all = Array.from({ length: 100 }, (_, n) => request(n + 1, n * 100));
  lab.requests([...all.slice(0, 99), request(101, damaged), all[99]!]);
  const begunMs = performance.now();
  const report = lab.report();
  expect(performance.now() - begunMs).toBeLessThan(5000);
  expect(report.total_requests).toBe(101);
  // Until the last one was due at 9.9 s, or at the most until it ended.
  expect(report.duration_secs).toBeGreaterThanOrEqual(9.9);
  expect(report.duration_secs).toBeLessThanOrEqual(9.92);
  expect(report.baseline!.to - report.baseline!.from).toBeLessThanOrEqual(9920);
});

test('a run file of the end of time does not make the run longer than a run can be', () => {
  lab.requests(good());
  lab.write('metrics/machine_1_run.json', runFile({ ended_at: 8.64e15 }));
  const begunMs = performance.now();
  // Damaged: the run ended when the last request was due.
  expect(lab.report().duration_secs).toBe(0.02);
  expect(performance.now() - begunMs).toBeLessThan(5000);
});

test('a run file that ends before its requests is no end of the report', () => {
  lab.requests(good());
  lab.faults([fault(5, 1, 'kill'), fault(10, 1, 'restart')]);
  lab.write('metrics/machine_1_run.json', runFile({ ended_at: 1 }));
  expect(lab.report()).toMatchObject({ total_requests: 3, duration_secs: 0.02 });
});

test('the order of machines makes no difference', () => {
  const many = Array.from({ length: 3 }, (_, machine) =>
    Array.from({ length: 5000 }, (_, id) =>
      request(id, id * 3, { latency_ms: 1 + ((id * 7919 * (machine + 1)) % 10_007) / 10, run_id: `run-${machine}` }),
    ),
  );
  many.forEach((records, machine) => lab.requests(records, `${machine}/machine_${machine + 1}_requests.ndjson`));
  const told = (folders: string[]) => {
    const { latency_stats, p99_9_ms, service_stats, images, phases } = buildReport(lab.read(undefined, folders), {
      thresholds: [],
    });
    return { latency_stats, p99_9_ms, service_stats, images, phases };
  };
  expect(told(['2', '0', '1'])).toEqual(told(['0', '1', '2']));
});

test('a clock offset below a microsecond excludes no request', () => {
  const file = lab.requests([request(1, 0.001, { latency_ms: 20.003 }), request(2, 100), request(3, 249.999)]);
  for (const offsetMs of [0, 3000.000_4, -12.345_678_9, 0.000_499]) {
    const inputs = emptyInputs(new TaskFlags());
    readRequests(file, { take: 'newest' }, inputs, fixedClock(offsetMs));
    const { timeline, duration_secs: secs } = buildReport(inputs, { thresholds: [] });
    // From the first to the last due time, 249.998 ms, or a microsecond more or less; in seconds to the millisecond.
    expect({ left: timeline!.left_out, secs }).toEqual({ left: 0, secs: 0.25 });
  }
});
