import { clientFile, request, runFile, useLab } from '../lab';

const lab = useLab();
const OF_THREE = { config: { num_clients: 3 } };
/** As many as clients 1 and 2 have records. */
const ONE = { total_requests: 1, successful_requests: 1, failed_requests: 0 };
const summary = (id: number): string =>
  lab.write(
    `metrics/machine_1_client_${id}.json`,
    clientFile(`Machine_1_Client_${id}`, id === 3 ? {} : ONE, { run_id: 'run-1', started_at: 1 }),
  );
const cutLines = (): string[] => lab.report().self_check.filter((line) => line.includes('cut short'));

beforeEach(() => void lab.requests([request(1, 0), request(1, 10, { client_id: 2 })]));

it('no summaries: names the machine, its clients, and the cut run', () => {
  lab.write('metrics/machine_1_run.json', runFile({ ...OF_THREE, ended_at: null }));
  const { self_check, inputs } = lab.report();
  expect(self_check).toContain(
    '3 of the 3 clients of machine 1 have no summary: their run was cut short (by a full disk or a kill), or files are missing; so may requests be.',
  );
  expect(inputs.missing).toEqual([
    'machine 1: the summaries of 3 of its 3 clients: machine_1_client_1.json, machine_1_client_2.json',
  ]);
  expect(self_check.join('\n')).not.toContain('could not be read');
});

it('some summaries: names the missing ones, with run.json too', () => {
  summary(1);
  expect(lab.report().inputs.missing).toEqual([
    'machine 1: the summaries of 1 of its 2 clients: machine_1_client_2.json',
  ]);
  // Client 3 has a summary and no records.
  lab.write('metrics/machine_1_run.json', runFile(OF_THREE));
  summary(3);
  expect(cutLines()).toEqual([expect.stringMatching(/^1 of the 3 clients of machine 1 have no summary: /)]);
});

it('all summaries, but no end in run.json', () => {
  for (const id of [1, 2, 3]) summary(id);
  lab.write('metrics/machine_1_run.json', runFile({ ...OF_THREE, ended_at: null }));
  expect(cutLines()).toEqual([expect.stringMatching(/^Machine 1 wrote no end time for its run: /)]);
});

it('includes a machine of the run without records', () => {
  for (const id of [1, 2, 3]) summary(id);
  lab.write('metrics/machine_1_run.json', runFile(OF_THREE));
  lab.write('metrics/machine_2_run.json', runFile({ machine_id: 2, config: { num_clients: 7 }, ended_at: null }));
  expect(lab.report().inputs.missing).toEqual(['machine 2: the summaries of 7 of its 7 clients']);
});

it('a complete run, and records without other files: nothing', () => {
  expect(cutLines()).toEqual([]);
  for (const id of [1, 2, 3]) summary(id);
  lab.write('metrics/machine_1_run.json', runFile(OF_THREE));
  expect({ cut: cutLines(), missing: lab.report().inputs.missing }).toEqual({ cut: [], missing: [] });
  // Client 3 has a summary of 10 requests and no records.
  expect(lab.report()).toMatchObject({ total_requests: 12, missing_records: 10 });
});

it.each([
  ['interrupt', 'it was interrupted'],
  ['threshold', 'a threshold of --abort-on was crossed'],
  ['error', 'its files could not be written'],
] as const)('a load that ended by %s: says so, and is invalid', (endedBy, why) => {
  for (const id of [1, 2, 3]) summary(id);
  lab.write('metrics/machine_1_run.json', runFile({ config: { num_clients: 2 }, ended_by: endedBy }));
  expect(cutLines()).toEqual([`The load of machine 1 was cut short of its plan: ${why}.`]);
  const { verdict, inputs } = lab.report();
  expect(verdict.kind).toBe('invalid');
  expect(inputs.missing).toEqual([`machine 1: the rest of its load: ${why}`]);
});

it.each(['plan', 'caller', null] as const)('a load that ended by %s was not cut', (endedBy) => {
  for (const id of [1, 2]) summary(id);
  lab.write('metrics/machine_1_run.json', runFile({ config: { num_clients: 2 }, ended_by: endedBy }));
  expect(cutLines()).toEqual([]);
});

it('an older load: its clients tell that it was interrupted', () => {
  for (const id of [1, 2]) {
    const name = `Machine_1_Client_${id}`;
    const more = { run_id: 'run-1', started_at: 1, interrupted: id === 2 };
    lab.write(`metrics/machine_1_client_${id}.json`, clientFile(name, ONE, more));
  }
  lab.write('metrics/machine_1_run.json', runFile({ config: { num_clients: 2 } }));
  expect(cutLines()).toEqual(['The load of machine 1 was cut short of its plan: it was interrupted.']);
});

it('of two runs in a file, only the newest has its other files', () => {
  lab.requests([request(1, 0), request(1, 9000, { run_id: 'run-2' })]);
  lab.write(
    'metrics/machine_1_client_1.json',
    clientFile('Machine_1_Client_1', {}, { run_id: 'run-2', started_at: 1 }),
  );
  lab.write('metrics/machine_1_run.json', runFile({ run_id: 'run-2', config: { num_clients: 1 } }));
  expect(lab.report({}, { take: 'all' }).inputs.missing).toEqual([]);
});

it('a load that lost all of its records: each request that its clients count is a failure', () => {
  lab.requests([]);
  for (const id of [1, 2]) summary(id);
  lab.write('metrics/machine_1_run.json', runFile({ config: { num_clients: 2 } }));
  expect(lab.report()).toMatchObject({
    total_requests: 2,
    failed_requests: 2,
    missing_records: 2,
    failure_rate_max: 100,
  });
});
