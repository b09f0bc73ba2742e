import * as fc from 'fast-check';
import { encodePlainWithBody } from '../../../../src/core/transport/wire/frame';
import { bytewise, decode, enveloped, framed, LIMITS } from '../recorder';

const head = (length: number, ...more: number[]): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length);
  return Buffer.concat([bytes, Buffer.from(more)]);
};

test.each([
  ['no bytes at all', head(0), 'bad_frame'],
  ['one byte', head(1), 'bad_frame'],
  ['more than a frame may have', head(LIMITS.maxFrameBytes + 1), 'frame_too_large'],
  ['4 GiB', head(0xffff_ffff), 'frame_too_large'],
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\n'), 'frame_too_large'],
  ['a byte that begins nothing', head(10, 0x5b), 'bad_frame'],
  ['whitespace first', head(10, 0x20), 'bad_frame'],
  ['a large string', head(70_000, 0x22), 'frame_too_large'],
  ['a large message that is no TaskRequest', Buffer.concat([head(70_000), Buffer.from('{"TaskA')]), 'frame_too_large'],
  ['a large TaskRequest with a space', Buffer.concat([head(70_000), Buffer.from('{ ')]), 'frame_too_large'],
  ['an envelope that ends in its head', head(5, 1), 'bad_frame'],
  ['an envelope without header', head(10, 1, 0, 0, 0, 0), 'bad_frame'],
  ['a header larger than its frame', head(10, 1, 0, 0, 0, 6), 'bad_frame'],
  ['a header of 4 GiB', head(10, 1, 255, 255, 255, 255), 'bad_frame'],
  ['a header larger than JSON may be', head(100_000, 1, 0, 1, 0, 1), 'frame_too_large'],
  ['a body where none belongs', enveloped('{"Alive":{"from_id":1,"term":1}}', Buffer.from('x')), 'bad_frame'],
  ['text that is no JSON', framed('{"Alive":}'), 'bad_frame'],
  ['a truncated string', framed('{"Alive'), 'bad_frame'],
  ['a string that ends in an escape', framed('{"Alive\\'), 'bad_frame'],
  ['two messages in a frame', framed('"LeaderQuery""LeaderQuery"'), 'bad_frame'],
  ['bytes that are no UTF-8', framed(Buffer.from([0x22, 0xff, 0x22])), 'bad_frame'],
  ['half a character', framed(Buffer.from([0x22, 0xc3, 0x22])), 'bad_frame'],
  ['NaN', framed('{"Alive":{"from_id":NaN,"term":1}}'), 'bad_frame'],
])('%s is a protocol error, reported as soon as possible', (_name, bytes, code) => {
  expect(decode([bytes]).code).toBe(code);
  expect(decode(bytewise(bytes)).code).toBe(code);
});

test('U+FFFD itself is an ordinary character', () => {
  expect(decode([framed('{"Error":{"code":"\ufffd","message":""}}')]).events[0]?.message).toEqual({
    kind: 'Error',
    code: '\ufffd',
    message: '',
  });
});

test.each([
  ['1e999', 'bad_message'],
  ['-0.5', 'bad_message'],
  ['1e30', 'bad_message'],
])('the number %s as a term', (value, unknownCode) => {
  const { events, code } = decode([framed(`{"Alive":{"from_id":1,"term":${value}}}`)]);
  expect({ code, events }).toEqual({ code: undefined, events: [{ unknownCode }] });
});

test('nesting is limited before parsing', () => {
  const nested = (depth: number): string => `{"Alive":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;
  expect(decode([framed(nested(17))]).code).toBe('bad_frame');
  expect(decode([framed(nested(16))]).code).toBeUndefined();
  expect(decode([framed(`{"Nope":"${'[{'.repeat(40)}\\"${'[{'.repeat(40)}"}`)]).events[0]?.unknownCode).toBe(
    'unknown_message',
  );
  const inRequest = `{"TaskRequest":{"x":${'['.repeat(40)}${']'.repeat(40)},"secret_image_data":[1]}}`;
  expect(decode([framed(inRequest)]).code).toBe('bad_frame');
});

test('60 million brackets cost nothing', () => {
  const chunk = Buffer.alloc(65_536, '[');
  const parse = jest.spyOn(JSON, 'parse');
  for (const start of ['{"TaskRequest":', '{"TaskRequest":{"x":', '{"TaskRequest":{"secret_image_data":']) {
    const { code, decoder } = decode([head(60_000_000), Buffer.from(start), chunk, chunk, chunk]);
    expect(['frame_too_large', 'bad_message']).toContain(code);
    expect(decoder.pendingBytes).toBe(0);
  }
  expect(decode([framed('['.repeat(1000))]).code).toBe('bad_frame');
  expect(parse).not.toHaveBeenCalled();
  parse.mockRestore();
});

test('a huge announced length reserves no memory, received bytes do', () => {
  const begun = Buffer.from('{"TaskRequest":{"secret_image_data":[');
  expect(decode([head(60_000_000, ...begun)]).decoder.pendingBytes).toBeLessThan(1024);
  expect(decode([head(60_000_000, ...begun), Buffer.from('1,2,')]).decoder.pendingBytes).toBeLessThan(2048);
  expect(decode([head(60_000, ...Buffer.from('{"Al'))]).decoder.pendingBytes).toBeLessThan(512);
  const { decoder } = decode([head(60_000_000, ...begun), Buffer.from('7,'.repeat(200_000))]);
  expect(decoder.pendingBytes).toBeGreaterThanOrEqual(200_000);
  expect(decoder.pendingBytes).toBeLessThan(450_000);
  expect(decoder.insideFrame).toBe(true);
});

test('a secret beyond the limit is counted but not kept', () => {
  const begun = Buffer.from('{"TaskRequest":{"secret_image_data":[');
  const chunks = Array<Buffer>(20).fill(Buffer.from('7,'.repeat(50_000)));
  const { decoder } = decode([head(60_000_000, ...begun), ...chunks], { maxSecretBytes: 300_000 });
  expect(decoder.pendingBytes).toBeLessThan(1024);
});

test('any input gives events or one ClusterError, the same in any portions', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => framed(bytes)),
    fc.string({ maxLength: 60 }).map((text) => framed(`{${text}`)),
    fc.json({ maxDepth: 3 }).map((json) => framed(`{"TaskRequest":${json}}`)),
    fc.json({ maxDepth: 3 }).map((json) => enveloped(`{"TaskResponse":${json}}`, Buffer.from('abc'))),
    fc.tuple(fc.nat(), fc.nat(255)).map(([at, value]) => {
      const message = { kind: 'TaskRequest', client_name: 'é', request_id: 1, assigned_by_leader: 1 } as const;
      const bytes = encodePlainWithBody(message, Buffer.from([0, 99, 255]));
      bytes[4 + (at % (bytes.length - 4))] = value;
      return bytes;
    }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), fc.constantFrom(65_536, 60), (pieces, maxJsonBytes) => {
      const stream = Buffer.concat(pieces);
      const whole = decode([stream], { maxJsonBytes });
      const slow = decode(bytewise(stream), { maxJsonBytes });
      expect(whole.code === undefined || /^[a-z_]+$/.test(whole.code)).toBe(true);
      expect({ events: slow.events, code: slow.code }).toEqual({ events: whole.events, code: whole.code });
    }),
    { numRuns: 500 },
  );
});
