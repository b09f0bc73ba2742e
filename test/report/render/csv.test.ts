import { renderCsv } from '../../../src/report/render/csv';
import { clientFile, event, fault, request, T0, useLab } from '../lab';

const lab = useLab();

/** Parses strictly by RFC 4180. */
function readCsv(text: string): string[][] {
  expect(text).toMatch(/^(?:(?:[^",\r\n]*|"(?:[^"\r\n]|"")*")(?:,(?:[^",\r\n]*|"(?:[^"\r\n]|"")*"))*\r\n)+$/);
  return text
    .split('\r\n')
    .slice(0, -1)
    .map((line) =>
      [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) =>
        quoted === undefined ? plain! : quoted.replaceAll('""', '"'),
      ),
    );
}

/** The rows as objects, keyed by column. */
function rowsOf(text: string): Record<string, string>[] {
  const [head, ...rows] = readCsv(text) as [string[], ...string[][]];
  return rows.map((row) => Object.fromEntries(head.map((name, at) => [name, row[at]!])));
}

test('has a row for each window', () => {
  lab.requests([
    request(1, 0),
    request(2, 100, { latency_ms: 100, outcome: 'failure', assigned_server_id: 2 }),
    request(3, 600, { latency_ms: 50 }),
  ]);
  lab.faults([fault(250, 2, 'kill'), fault(400, 2, 'restart'), fault(499, 1, 'pause')]);
  lab.events(1, [
    event(-5, 1, { event: 'leader', term: 1, leader_id: 1, reason: 'won' }),
    event(300, 1, { event: 'stepped_down', term: 2, leader_id: 2, reason: 'newer' }),
  ]);
  lab.events(2, [event(400, 2, { event: 'leader', term: 2, leader_id: 2, reason: 'won' })]);
  const rows = rowsOf(renderCsv(lab.report()));
  expect(rows).toEqual([
    {
      time: '2025-10-31T10:00:00.000Z',
      unix_ms: String(T0),
      requests: '2',
      failed: '1',
      undecided: '0',
      p50_ms: expect.any(String),
      p95_ms: expect.any(String),
      p99_ms: expect.any(String),
      max_ms: '100',
      server_1: '1',
      server_2: '1',
      'failed: Connection refused': '1',
      faults: '',
      leader: '1',
    },
    expect.objectContaining({
      requests: '0',
      p99_ms: '',
      max_ms: '',
      faults: 'kill server 2; pause server 1',
      leader: '1; 2',
    }),
    expect.objectContaining({ requests: '1', server_2: '0', faults: 'pause server 1', leader: '2' }),
  ]);
});

test.each(['=cmd|"/c calc"!A1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', 'a,"b"\r\nc', '\u001b[2J'])(
  'a reason of %j is plain text in a spreadsheet, too',
  (reason) => {
    lab.requests([request(1, 0, { outcome: 'failure', failure_reason: reason })]);
    const text = renderCsv(lab.report());
    const [head] = readCsv(text);
    for (const cell of head!) expect(cell).not.toMatch(/^[=+\-@]|[\u0000-\u001f]/);
    expect(head!.find((cell) => cell.startsWith('failed: '))!.length).toBeGreaterThan('failed: '.length);
  },
);

test('a request that was undecided at the end is in its last window, and has not failed', () => {
  lab.requests([request(1, 0, { outcome: 'failure' }), request(2, 600, { outcome: 'interrupted', latency_ms: 300 })]);
  const rows = rowsOf(renderCsv(lab.report()));
  expect(rows.map(({ requests, failed, undecided, max_ms }) => [requests, failed, undecided, max_ms])).toEqual([
    ['1', '1', '0', '20'],
    ['0', '0', '0', ''],
    ['0', '0', '0', ''],
    ['1', '0', '1', '300'],
  ]);
});

test('without records there is only the header', () => {
  lab.write('metrics/machine_1_client_1.json', clientFile('Machine_1_Client_1'));
  expect(readCsv(renderCsv(lab.report()))).toEqual([
    ['time', 'unix_ms', 'requests', 'failed', 'undecided', 'p50_ms', 'p95_ms', 'p99_ms', 'max_ms', 'faults', 'leader'],
  ]);
});
