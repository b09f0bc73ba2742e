import fc from 'fast-check';
import { parseThreshold } from '../../../src/core/metrics/threshold';
import { renderJunit } from '../../../src/report/render/junit';
import type { Report } from '../../../src/report/report';
import { type Element, readXml } from '../../support/xml';
import { request, runFile, sample, useLab } from '../lab';
import { codePoint } from '../../support/code-points';

const lab = useLab();

/** The rules of Jenkins' junit-10.xsd: attributes (`!`: required) and children, in this order. */
const SCHEMA: Record<string, { attributes: string[]; children: string[] }> = {
  testsuites: { attributes: ['name', 'time', 'tests', 'failures', 'disabled', 'errors'], children: ['testsuite'] },
  testsuite: {
    attributes: ['name!', 'tests!', 'failures', 'errors', 'time', 'disabled', 'skipped', 'timestamp', 'hostname', 'id'],
    children: ['properties', 'testcase', 'system-out', 'system-err'],
  },
  properties: { attributes: [], children: ['property'] },
  property: { attributes: ['name!', 'value!'], children: [] },
  testcase: {
    attributes: ['name!', 'assertions', 'time', 'classname', 'status'],
    children: ['skipped', 'error', 'failure'],
  },
  skipped: { attributes: ['message', 'type'], children: [] },
  error: { attributes: ['message', 'type'], children: [] },
  failure: { attributes: ['message', 'type'], children: [] },
};

function expectToFollowSchema({ name, attributes, text, children }: Element): void {
  const { attributes: known, children: order } = SCHEMA[name]!;
  expect(known.map((each) => each.replace('!', ''))).toEqual(expect.arrayContaining(Object.keys(attributes)));
  for (const each of known) if (each.endsWith('!')) expect(attributes).toHaveProperty(each.slice(0, -1));
  if (attributes['message'] !== undefined && name !== 'property') expect(text).toBe(attributes['message']);
  else expect(text.trim() === '' || children.length > 0).toBe(true);
  const places = children.map((child) => order.indexOf(child.name));
  expect(places).not.toContain(-1);
  expect(places).toEqual([...places].sort((a, b) => a - b));
  children.forEach(expectToFollowSchema);
}

/** The outcome of each check, by suite and name. */
function outcomes(report: Report): Record<string, string> {
  const root = readXml(renderJunit(report));
  expectToFollowSchema(root);
  const suites = root.children;
  const sum = (name: string) => suites.reduce((total, { attributes }) => total + Number(attributes[name]), 0);
  for (const name of ['tests', 'failures', 'errors']) expect(root.attributes[name]).toBe(String(sum(name)));
  for (const { attributes, children } of suites) {
    const cases = children.filter((child) => child.name === 'testcase');
    const count = (kind: string) => cases.filter((each) => each.children[0]?.name === kind).length;
    expect(attributes).toMatchObject({
      tests: String(cases.length),
      failures: String(count('failure')),
      errors: String(count('error')),
    });
  }
  const told = ({ children }: Element) => (children[0] ? `${children[0].name}: ${children[0].text}` : 'passed');
  return Object.fromEntries(
    suites.flatMap(({ children }) =>
      children
        .filter(({ name }) => name === 'testcase')
        .map((each) => [`${each.attributes['classname']} ${each.attributes['name']}`, told(each)]),
    ),
  );
}

test('a good run: every check passes, unknown ones are errors', () => {
  lab.requests([request(1, 0), request(2, 80)]);
  const rules = [
    { rule: 'S1', verdict: true as const, problems: [] },
    { rule: 'S2', verdict: 'unknown' as const, problems: ['no events'] },
  ];
  expect(outcomes(lab.report({ rules, thresholds: [parseThreshold('p95<1s')] }))).toEqual({
    'cloudp2p.verdict the load is valid and nothing is wrong': 'passed',
    'cloudp2p.verdict failure_rate<=5%': 'passed',
    'cloudp2p.thresholds p95<1s': 'passed',
    'cloudp2p.checks S1': 'passed',
    'cloudp2p.checks S2': 'error: no events',
    'cloudp2p.audit no carrier is wrong': 'passed',
    'cloudp2p.audit requests and executions add up': expect.stringMatching(/^error: there are no event files/),
    'cloudp2p.inputs all that was named could be read': 'passed',
  });
});

test('a bad run fails wherever the exit code does', () => {
  lab.requests([
    request(1, 0),
    request(2, 80, { outcome: 'failure', latency_ms: 1, failure_reason: 'Verification failed' }),
  ]);
  lab.write('metrics/machine_1_run.json', runFile({ config: { request_timeout_secs: 2 } }));
  lab.events(1, [sample(5, 1), sample(9900, 1)]);
  const rules = [{ rule: 'S3', verdict: false, problems: ['two leaders', 'in term 4'] }];
  const thresholds = ['max<30ms', 'p99<1ms', 'recovery<2s'].map((each) => parseThreshold(each));
  const report = lab.report({ rules, thresholds });
  expect(outcomes({ ...report, inputs: { ...report.inputs, missing: ['a: is gone', 'b: is no file'] } })).toEqual({
    'cloudp2p.verdict the load is valid and nothing is wrong': expect.stringMatching(
      /^failure: Wrong: 1 wrong carrier \(server 1: 1\); /,
    ),
    'cloudp2p.verdict failure_rate<=5%': 'failure: it is 50.00%',
    'cloudp2p.thresholds max<30ms': 'failure: it is 2,000.00 ms',
    'cloudp2p.thresholds p99<1ms': 'failure: the value is unknown',
    'cloudp2p.thresholds recovery<2s': 'failure: the value is unknown',
    'cloudp2p.checks S3': 'failure: two leaders; in term 4',
    'cloudp2p.audit no carrier is wrong': 'failure: 1 were wrong (server 1: 1)',
    'cloudp2p.audit requests and executions add up': 'failure: 1 success has no execution in the files',
    'cloudp2p.inputs all that was named could be read': 'error: a: is gone; b: is no file',
  });
});

test('an invalid load is an error, and the same cases have the same names', () => {
  lab.requests([request(1, 0)]);
  lab.write('metrics/machine_1_run.json', runFile({ ended_at: null, config: { num_clients: 1 } }));
  expect(outcomes(lab.report({ thresholds: [parseThreshold(' p99 < 1.0s ')] }))).toMatchObject({
    'cloudp2p.verdict the load is valid and nothing is wrong':
      'error: Invalid: the load was cut short of its plan, or files of it are missing or damaged.',
    'cloudp2p.verdict failure_rate<=5%': 'passed',
    'cloudp2p.thresholds p99 < 1.0s': 'failure: the value is unknown',
  });
});

test('the main figures are properties', () => {
  lab.requests([
    request(1, 0, { retry_count: 3 }),
    ...Array.from({ length: 97 }, (_, at) => request(at + 2, 80 + at)),
    request(99, 200, { outcome: 'failure' }),
    request(100, 300, { outcome: 'interrupted', latency_ms: 40 }),
    request(102, 310),
  ]);
  lab.write('metrics/machine_1_run.json', runFile({ config: { request_timeout_secs: 2 } }));
  const [{ children }] = readXml(renderJunit(lab.report())).children as [Element];
  const told = Object.fromEntries(children[0]!.children.map(({ attributes: { name, value } }) => [name, value]));
  // One of the 102 requests failed, one has no record, and one was undecided: p99 is between ranks 100.48 and 101.48.
  expect(told).toMatchObject({
    total_requests: '102',
    failed_requests: '2',
    undecided_requests: '1',
    missing_records: '1',
    failure_rate_percent: String((2 / 101) * 100),
    failure_rate_max_percent: String((3 / 102) * 100),
    goodput_per_s: '9.9',
    throughput_per_s: '9.9',
    attempted_per_s: '10.2',
    loop: 'unknown',
    blocked_client_secs: 'unknown',
    missed_requests: 'unknown',
    latency_p50_ms: '20',
    latency_p95_ms: '20',
    latency_p99_ms: 'unknown',
    latency_max_ms: 'unknown',
    retry_count: '3',
    run_ids: 'run-1',
  });
});

test('is valid XML whatever names and messages contain', () => {
  lab.requests([request(1, 0)]);
  const report = lab.report();
  const text = fc.oneof(
    fc.string({ unit: codePoint, maxLength: 30 }),
    fc.constantFrom('</failure><script>', '"\' onerror=', ']]>&amp;&', '\u0000\u001b[2J\ufffe\uffff\ud800', '\n\t'),
  );
  fc.assert(
    fc.property(text, text, (name, message) => {
      const rules = [{ rule: name, verdict: false as const, problems: [message] }];
      const runs = [{ run_id: message, file: name, requests: 1, taken: true }];
      const xml = renderJunit({ ...report, rules, runs, inputs: { ...report.inputs, missing: [message] } });
      expectToFollowSchema(readXml(xml));
      expect(xml).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    }),
    { numRuns: 100 },
  );
});
