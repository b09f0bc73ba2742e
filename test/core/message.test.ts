import * as fc from 'fast-check';
import { messageToJson, parseMessage } from '../../src/core/message';
import type { Message } from '../../src/core/protocol';
import { KINDS, messageOf } from './transport/arbitraries';

const heartbeat = {
  from_id: 1,
  timestamp: 1700000000,
  load: 12.5,
  term: 3,
  leader_id: null,
  incarnation: 'a',
  workers: 2,
  phase: 'ready',
  hears: [2, 3],
};

test.each(KINDS)('%s survives JSON', (kind) => {
  fc.assert(
    fc.property(messageOf(kind), (message) => {
      expect(parseMessage(JSON.parse(messageToJson(message)))).toEqual(message);
    }),
    { numRuns: 50 },
  );
});

test('texts for people are one short line, harmless to a terminal', () => {
  const evil = '\u001b]52;c;x\u0007\r\n\u009b\u202e\u{e0041}';
  const shown = '\\u001b]52;c;x\\u0007\\u000d\\u000a\\u009b\\u202e\\u{e0041}';
  const response = { request_id: 1, success: false, error_message: evil, error_code: evil };
  expect(parseMessage({ TaskResponse: response })).toMatchObject({ error_message: shown, error_code: shown });
  expect(parseMessage({ Error: { code: evil, message: evil } })).toMatchObject({ code: shown, message: shown });
  const named = { assigned_server_id: 1, assigned_server_address: evil };
  expect(parseMessage({ TaskAssignmentResponse: { request_id: 1, ...named } })).toMatchObject({
    assigned_server_address: shown,
  });
  expect(parseMessage({ Error: { code: 'x', message: 'y'.repeat(65_536) } })).toEqual({
    kind: 'Error',
    code: 'x',
    message: `${'y'.repeat(199)}…`,
  });
  expect(() => parseMessage({ [evil]: {} })).toThrow(`unknown message "${shown}"`);
});

test('messages are externally tagged, fieldless ones are bare strings', () => {
  expect(messageToJson({ kind: 'LeaderQuery' })).toBe('"LeaderQuery"');
  expect(messageToJson({ kind: 'Alive', from_id: 1, term: 2 })).toBe('{"Alive":{"from_id":1,"term":2}}');
});

test('the order of keys does not matter, even with `kind` last', () => {
  expect(messageToJson({ from_id: 1, term: 2, kind: 'Alive' })).toBe('{"Alive":{"from_id":1,"term":2}}');
  expect(messageToJson({ code: 'x', message: 'y', kind: 'Error' })).toBe('{"Error":{"code":"x","message":"y"}}');
});

test.each([
  ['"LeaderQuery"', { kind: 'LeaderQuery' }],
  ['{"LeaderQuery":null}', { kind: 'LeaderQuery' }],
  ['{"LeaderQuery":{}}', { kind: 'LeaderQuery' }],
  ['{"LeaderResponse":{"leader_id":2}}', { kind: 'LeaderResponse', leader_id: 2, term: 0, leader_address: null }],
  [
    '{"TaskAssignmentRequest":{"client_name":"c","request_id":1,"excluded_server_ids":null,"new":[1]}}',
    { kind: 'TaskAssignmentRequest', client_name: 'c', request_id: 1 },
  ],
  [
    '{"TaskRequest":{"client_name":"c","request_id":1,"assigned_by_leader":3}}',
    { kind: 'TaskRequest', client_name: 'c', request_id: 1, assigned_by_leader: 3 },
  ],
  ['{"TaskAck":{"client_name":"c","request_id":1}}', { kind: 'TaskAck', client_name: 'c', request_id: 1 }],
  [
    '{"TaskAssignmentResponse":{"request_id":1,"assigned_server_id":2,"assigned_server_address":"h:1"}}',
    {
      kind: 'TaskAssignmentResponse',
      request_id: 1,
      assigned_server_id: 2,
      assigned_server_address: 'h:1',
      term: 0,
      leader_id: null,
    },
  ],
])('fields that the original leaves out may be missing: %s', (json, message) => {
  expect(parseMessage(JSON.parse(json))).toEqual(message);
});

test('a complete heartbeat is accepted, even with leader_id null', () => {
  expect(parseMessage({ Heartbeat: heartbeat })).toEqual({ kind: 'Heartbeat', ...heartbeat });
});

test.each(Object.keys(heartbeat))('a heartbeat without %s is invalid', (field) => {
  const rest = Object.fromEntries(Object.entries(heartbeat).filter(([key]) => key !== field));
  expect(() => parseMessage({ Heartbeat: rest })).toThrow(
    expect.objectContaining({ code: 'bad_message', message: expect.stringContaining(`Heartbeat.${field}`) }),
  );
});

test.each([
  ['from_id', -1],
  ['from_id', 1.5],
  ['from_id', '1'],
  ['from_id', 2 ** 53],
  ['load', '0'],
  ['load', Infinity],
  ['load', NaN],
  ['leader_id', -1],
  ['from_id', 2 ** 32],
  ['term', 2 ** 48 + 1],
  ['term', Number.MAX_SAFE_INTEGER],
  ['leader_id', 2 ** 32],
  ['load', -0.1],
  ['load', 100.1],
  ['timestamp', -1],
  ['timestamp', 1e308],
  ['workers', 1025],
  ['hears', [2 ** 32]],
  ['incarnation', ''],
  ['incarnation', 'x'],
  ['incarnation', 'a'.repeat(17)],
  ['phase', 'dead'],
  ['term', null],
  ['term', [1]],
])('a heartbeat with %s %p is invalid', (field, value) => {
  expect(() => parseMessage({ Heartbeat: { ...heartbeat, [field]: value } })).toThrow(
    expect.objectContaining({ code: 'bad_message' }),
  );
});

test.each([[null], [1], [true], [[]], [{}], [{ Alive: 1 }], [{ Alive: [1, 2] }], [{ Alive: {}, Yield: {} }]])(
  '%j is a bad message',
  (value) => {
    expect(() => parseMessage(value)).toThrow(expect.objectContaining({ code: 'bad_message' }));
  },
);

test.each(['{"Nope":{}}', '"Nope"', '{"__proto__":{}}', '{"constructor":{}}', '"toString"', '"__proto__"'])(
  '%s is an unknown message',
  (json) => {
    expect(() => parseMessage(JSON.parse(json))).toThrow(expect.objectContaining({ code: 'unknown_message' }));
  },
);

test('a long kind is shown shortened', () => {
  expect(() => parseMessage('x'.repeat(60_000))).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining('x'.repeat(100)) }),
  );
});

test('`__proto__` among the fields changes no prototype and is dropped', () => {
  const message = parseMessage(JSON.parse('{"Alive":{"__proto__":{"term":1},"from_id":1,"term":2}}'));
  expect(Object.getPrototypeOf(message)).toBe(Object.prototype);
  expect(message).toEqual({ kind: 'Alive', from_id: 1, term: 2 });
  expect(() => parseMessage(JSON.parse('{"Alive":{"__proto__":{"term":1},"from_id":1}}'))).toThrow('Alive.term');
});

const sync = (entries: unknown, runIds?: unknown): Message =>
  parseMessage({ HistorySyncResponse: { from_server_id: 1, history_entries: entries, run_ids: runIds } });

test.each([[[['c', 1, 2]]], [[['c', 1, 2, 3, 4]]], [[['c', -1, 2, 3]]], [[[1, 1, 2, 3]]], ['x'], [{}]])(
  'history entries %j are invalid',
  (entries) => expect(() => sync(entries)).toThrow(expect.objectContaining({ code: 'bad_message' })),
);

test('run_ids that do not match the entries are invalid', () => {
  expect(() => sync([['c', 1, 2, 3]], [])).toThrow(expect.objectContaining({ code: 'bad_message' }));
  expect(sync([['c', 1, 2, 3]])).toEqual({
    kind: 'HistorySyncResponse',
    from_server_id: 1,
    history_entries: [['c', 1, 2, 3]],
  });
});
