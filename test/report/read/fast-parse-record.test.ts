import fc from 'fast-check';
import { parseRecord } from '../../../src/report/read/parse-line';
import { FastRecordParser } from '../../../src/report/read/fast-parse-record';
import { request } from '../lab';
import {
  agreement,
  count,
  damaged,
  expectNothingBehind,
  number,
  seldom,
  text,
  time,
  withOtherValues,
} from './fast-parse';

const fastParser = new FastRecordParser();
const agree = agreement(fastParser, parseRecord, request(77, 5, { image: 'before.png' }));

const latency = seldom(
  fc.nat({ max: 2 ** 32 }).map((us) => us / 1000),
  number,
);
const flag = fc.boolean();
const record = fc.record({
  client_id: count,
  request_id: count,
  start_time: time,
  latency_ms: latency,
  service_ms: latency,
  success: flag,
  failure_reason: fc.option(text),
  assigned_server_id: fc.option(count),
  retry_count: count,
  hedged: flag,
  bytes_sent: count,
  bytes_received: count,
  image: text,
  term: count,
  outcome: fc.constantFrom('success', 'failure', 'interrupted', 'unsent', 'Success'),
  run_id: text,
});
/** Records that are mostly consistent, like those of a run. */
const consistent = fc.oneof(
  { weight: 1, arbitrary: record },
  { weight: 3, arbitrary: record.map((made) => ({ ...made, outcome: made.success ? 'success' : 'failure' })) },
);

test("the lines of a run are parsed fast, with the parser's result", () => {
  const lines = [
    request(1, 0.125),
    request(2, 0, { outcome: 'failure', failure_reason: 'Server error: ü', assigned_server_id: null }),
    request(3, 0, { outcome: 'interrupted', success: false, latency_ms: 0, service_ms: 0.001 }),
    request(4, 0.001, { outcome: 'unsent', success: false, image: 'straße 🦊.png', hedged: true, retry_count: 3 }),
    request(Number.MAX_SAFE_INTEGER, 0, { latency_ms: 4_294_967.295, start_time: 8.64e15 }),
  ];
  for (const each of lines) expect(agree(Buffer.from(JSON.stringify(each)))).toBe(true);
  expect(agree(Buffer.from(`${JSON.stringify(lines[0])}\r`))).toBe(true);
});

test('any record', () => {
  let quick = 0;
  fc.assert(
    fc.property(consistent, (made) => void (quick += Number(agree(Buffer.from(JSON.stringify(made)))))),
    { numRuns: 2000 },
  );
  expect(quick).toBeGreaterThan(200);
});

test('other texts in place of values', () => {
  for (const line of withOtherValues(JSON.stringify(request(1, 0, { outcome: 'failure' })))) agree(line);
});

test('damaged lines', () => {
  fc.assert(
    fc.property(damaged(request(1, 0, { image: 'ß.png' })), (line) => void agree(line)),
    { numRuns: 3000 },
  );
});

test('nothing after the end of a line is read', () => {
  expectNothingBehind(fastParser, request(1, 0));
});
