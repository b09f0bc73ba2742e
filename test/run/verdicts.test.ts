import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ServerEvent } from '../../src/core/metrics/record';
import { SERVER_TIMINGS } from '../../src/config/run-config';
import { judgeRun } from '../../src/run/verdicts';
import { at, executed, fault, leads, QUIET, request, sample } from '../check/histories';
import { generated, lines, useLab } from '../report/lab';

const lab = useLab();
const RULES = ['S1', 'S2', 'S3', 'S4', 'S5', 'S6', 'S7', 'S8'];
/** The client of a run on this machine; it sent one image, and server 2 answered. */
const CLIENT = { client_name: 'Machine_1_Client_1' };
const DONE: ServerEvent[] = [
  at(1010, 1, { event: 'assigned', term: 1, to: 2, run_id: 'r', request_id: 1, ...CLIENT }),
  { ...executed(1), ...CLIENT } as ServerEvent,
  ...[1, 2, 3].flatMap((id) => [30_000, 32_000, 34_000].map((time) => sample(time, id, 0))),
];

/** Writes the files of a run as its parts do; returns a function that judges them. */
function judged(servers: readonly ServerEvent[], requests: readonly object[], faults: readonly object[] = []) {
  const serverDirs = [1, 2, 3].map((id) => {
    mkdirSync(path.join(lab.folder, `server${id}`), { recursive: true });
    const own = servers.filter(({ server_id }) => server_id === id);
    if (own.length > 0) lab.write(`server${id}/server_${id}_events.ndjson`, lines(own));
    return path.join(lab.folder, `server${id}`);
  });
  lab.requests(requests);
  if (faults.length > 0) lab.faults(faults);
  return () =>
    judgeRun({
      requestFiles: [{ path: path.join(lab.folder, 'metrics/machine_1_requests.ndjson'), machineId: 1, offsetMs: 0 }],
      eventFiles: serverDirs.map((folder, index) => {
        return { path: path.join(folder, `server_${index + 1}_events.ndjson`), offsetMs: 0 };
      }),
      faults: path.join(lab.folder, 'fault_events.ndjson'),
      serverIds: [1, 2, 3],
      timings: SERVER_TIMINGS,
      requestTimeoutMs: 10_000,
    });
}

const record = (id: number, more: object = {}) => {
  const { client_name: _derived, ...rest } = { ...request(id), ...more };
  return rest;
};
const problemsOf = (verdicts: ReturnType<typeof judgeRun>) =>
  verdicts.filter(({ verdict }) => verdict !== true).map(({ rule, problems }) => `${rule}: ${problems.join('; ')}`);

test('a quiet run satisfies all rules', () => {
  const verdicts = judged([...QUIET, ...DONE], [record(1)])();
  expect(verdicts.map(({ rule }) => rule)).toEqual(RULES);
  expect(problemsOf(verdicts)).toEqual([]);
});

test('two leaders are a violation that names them', () => {
  const verdicts = judged([...QUIET, ...DONE, leads(5000, 3, 3, 1)], [record(1)])();
  expect(verdicts.find(({ rule }) => rule === 'S1')?.problems.join()).toMatch(/1.*3|3.*1/);
  expect(verdicts.find(({ rule }) => rule === 'S1')?.verdict).toBe(false);
});

test('a success without an execution is a violation, or unknown after a kill', () => {
  const verdicts = judged([...QUIET, ...DONE], [record(1), record(2)])();
  expect(verdicts.find(({ rule }) => rule === 'S6')).toMatchObject({
    verdict: false,
    problems: [expect.stringContaining('Machine_1_Client_1/2')],
  });
  const killed = [fault(1100, 'kill', 2), fault(1300, 'restart', 2)];
  const later = judged([...QUIET, ...DONE], [record(1), record(2)], killed)();
  expect(later.find(({ rule }) => rule === 'S6')?.verdict).toBe('unknown');
});

test('interrupted requests violate no rule', () => {
  const cut = record(2, { success: false, outcome: 'interrupted', latency_ms: 60_000, service_ms: 60_000 });
  const quiet = [1, 2, 3].map((id) => sample(70_000, id, 0));
  expect(problemsOf(judged([...QUIET, ...DONE, ...quiet], [record(1), cut])())).toEqual([]);
});

test('half a line, at the end or where a killed server restarted, is skipped, and may have been anything', () => {
  const judge = judged([...QUIET, ...DONE], [record(1)]);
  const half = '{"time":34000.5,"server_id":2,"event":"exe';
  const events = path.join(lab.folder, 'server2/server_2_events.ndjson');
  const unknownRules = () =>
    judge()
      .filter(({ verdict }) => verdict === 'unknown')
      .map(({ rule }) => rule);
  appendFileSync(events, half);
  expect(unknownRules()).toEqual(['S1', 'S2', 'S3', 'S4', 'S7', 'S8']);
  appendFileSync(events, `${half}\nnull\n${half}`);
  expect(judge()[0]).toEqual({ rule: 'S1', verdict: 'unknown', problems: [`${events} has 3 damaged lines`] });
  appendFileSync(path.join(lab.folder, 'metrics/machine_1_requests.ndjson'), '{"client_id":');
  expect(unknownRules()).toEqual(RULES);
});

test('without events nothing is known', () => {
  const unknown = [{ rule: 'S1', verdict: 'unknown', problems: ['no server wrote any event'] }];
  expect(judged([], [])()).toEqual(unknown);
  expect(judged([], [record(1)])()).toEqual(unknown);
});

test('a run before its first request and fault has all verdicts', () => {
  expect(judged(QUIET, [])().map(({ rule }) => rule)).toEqual(RULES);
});

test("machines with different clocks: times are converted to this one's", () => {
  const dir = path.join(lab.folder, 'far');
  mkdirSync(dir);
  const AHEAD_MS = 3_600_000;
  const later = (event: ServerEvent): ServerEvent => ({ ...event, time: event.time + AHEAD_MS });
  const servers = [...QUIET, ...DONE];
  const eventFiles = [1, 2, 3].map((id) => {
    const own = servers.filter(({ server_id }) => server_id === id);
    const file = path.join(dir, `server_${id}_events.ndjson`);
    writeFileSync(file, lines(id === 2 ? own.map(later) : own));
    return { path: file, offsetMs: id === 2 ? AHEAD_MS : 0 };
  });
  const requests = path.join(dir, 'machine_4_requests.ndjson');
  const far = record(1) as { start_time: number };
  writeFileSync(requests, lines([{ ...far, start_time: far.start_time + AHEAD_MS }]));
  const files = { requestFiles: [{ path: requests, machineId: 1, offsetMs: AHEAD_MS }], eventFiles };
  const judge = (judged: typeof files) =>
    problemsOf(
      judgeRun({ ...judged, faults: 'none', serverIds: [1, 2, 3], timings: SERVER_TIMINGS, requestTimeoutMs: 10_000 }),
    );
  expect(judge(files)).toEqual([]);
  expect(judge({ ...files, eventFiles: eventFiles.map((file) => ({ ...file, offsetMs: 0 })) })).not.toEqual([]);
});

test('a machine whose clock is set during the run: times follow its final clock', () => {
  const AHEAD_MS = 3_600_000;
  const note = (time: number, id: number, aheadMs: number, byMs: number | null) => ({
    time,
    server_id: id,
    event: 'clock' as const,
    by_ms: byMs,
    ahead_ms: aheadMs,
    machine_ms: time,
    suspended_ms: 0,
    boot_id: `b${id}`,
  });
  const own = (id: number): ServerEvent[] => {
    const [start, ...rest] = [...QUIET, ...DONE].filter(({ server_id }) => server_id === id);
    return [start!, note(start!.time, id, 0, null), ...rest];
  };
  const later = own(2).map((event) => ({ ...event, time: event.time + AHEAD_MS }));
  const end = later.at(-1)!.time;
  const set = { ...note(end, 2, -AHEAD_MS, -AHEAD_MS), machine_ms: end - AHEAD_MS };
  const request = record(1) as { start_time: number };
  const files = judged([...own(1), ...own(3), ...later, set], [request]);
  expect(problemsOf(files())).toEqual([expect.stringContaining('the load of machine 1 wrote no clock notes')]);
  lab.write('metrics/machine_1_generator.ndjson', lines([{ ...note(request.start_time, 4, 0, null), run_id: 'r' }]));
  expect(problemsOf(files())).toEqual([]);
  expect(problemsOf(judged([...own(1), ...own(3), ...later], [request])())).not.toEqual([]);
});

test('a file that is there and cannot be read is named, and no rule seems to hold without its lines', () => {
  const judge = judged([...QUIET, ...DONE], [record(1)]);
  const file = path.join(lab.folder, 'metrics/machine_1_requests.ndjson');
  rmSync(file);
  mkdirSync(file);
  expect(judge).toThrow(`cannot check ${file}: `);
});

test('an answer that a stopped client read late is no violation; without a pause it is', () => {
  const late = { latency_ms: 13_400, service_ms: 13_400 };
  const done = [...QUIET, ...DONE.filter((each) => each.time < 30_000 || each.time > 30_000)];
  const judge = judged(done, [record(1, late)]);
  expect(judge().find(({ rule }) => rule === 'S5')?.verdict).toBe(false);
  const { time } = { time: request(1).start_time + 13_350 };
  const idle = { cpu_percent: 1, memory_bytes: 1, event_loop_utilization_percent: 1, in_flight: 0 };
  const none = { verification_backlog: 0, sent: 0, late_sends: 0, late_total_ms: 0, ended: 0, latency_total_ms: 0 };
  lab.write(
    'metrics/machine_1_generator.ndjson',
    lines([{ time, run_id: 'r', ...idle, event_loop_delay_ms: 12_500, ...none }]),
  );
  expect(judge().find(({ rule }) => rule === 'S5')?.verdict).toBe(true);
});

test('nor is one that a starved client read late, after several shorter stalls', () => {
  const { start_time: fromMs } = request(1);
  const judge = judged([...QUIET, ...DONE], [record(1, { latency_ms: 11_100, service_ms: 11_100 })]);
  const starved = (delayMs: number): object[] =>
    [0, 1, 2].map((at) => generated(0, { time: fromMs + 2000 + at * 1000, run_id: 'r', event_loop_delay_ms: delayMs }));
  const verdict = () => judge().find(({ rule }) => rule === 'S5')?.verdict;
  lab.write('metrics/machine_1_generator.ndjson', lines(starved(20)));
  expect(verdict()).toBe(false);
  lab.write('metrics/machine_1_generator.ndjson', lines(starved(450)));
  expect(verdict()).toBe(true);
});
