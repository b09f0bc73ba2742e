import fc from 'fast-check';
import { parseEvent } from '../../../src/report/read/parse-line';
import { FastEventParser } from '../../../src/report/read/fast-parse-event';
import { event, sample, T0 } from '../lab';
import { agreement, count, damaged, expectNothingBehind, text, time, withOtherValues } from './fast-parse';

const fastParser = new FastEventParser();
/** Keys in the order in which a server writes them. */
const name = { run_id: 'run-1', client_name: 'Machine_1_Client_12', request_id: 7 };
const assigned = event(0.125, 2, { event: 'assigned', term: 3, to: 1, ...name });
const executed = event(5, 1, { event: 'executed', ...name, outcome: 'answered', incarnation: '6f13f0575dd5e079' });
const agree = agreement(fastParser, parseEvent, executed);
const bytes = (value: object) => Buffer.from(JSON.stringify(value));

const task = { run_id: text, client_name: text, request_id: count };
const any = fc.oneof(
  fc.record({ time, server_id: count, event: fc.constant('assigned'), term: count, to: count, ...task }),
  fc.record({ time, server_id: count, event: fc.constant('executed'), ...task, outcome: text, incarnation: text }),
);

test("the lines of a server are parsed fast, with the parser's result", () => {
  const failed = { ...executed, outcome: 'failed', client_name: 'straße 🦊', run_id: '' };
  for (const each of [assigned, executed, failed, { ...assigned, time: 8.64e15, request_id: Number.MAX_SAFE_INTEGER }])
    expect(agree(bytes(each))).toBe(true);
  expect(agree(Buffer.from(`${JSON.stringify(assigned)}\r`))).toBe(true);
});

test('all other kinds are left to the parser', () => {
  const others = [
    sample(1, 1),
    event(1, 1, { event: 'leader', term: 1, leader_id: 2, reason: 'won' }),
    // From a client of the original implementation, which has no run.
    { time: T0, server_id: 1, event: 'assigned', term: 1, to: 2, client_name: 'c', request_id: 1 },
    { ...executed, event: 'executed2' },
  ];
  for (const each of others) expect(agree(bytes(each))).toBe(false);
});

test('any line of the two kinds', () => {
  let quick = 0;
  fc.assert(
    fc.property(any, (made) => void (quick += Number(agree(bytes(made))))),
    { numRuns: 2000 },
  );
  expect(quick).toBeGreaterThan(1000);
});

test.each([assigned, executed])('other texts in place of values: %#', (valid) => {
  for (const line of withOtherValues(JSON.stringify(valid))) agree(line);
});

test.each([assigned, executed])('damaged lines: %#', (valid) => {
  fc.assert(
    fc.property(damaged({ ...valid, client_name: 'ß client' }), (line) => void agree(line)),
    { numRuns: 3000 },
  );
});

test.each([assigned, executed])('nothing after the end of a line is read: %#', (valid) => {
  expectNothingBehind(fastParser, valid);
});
