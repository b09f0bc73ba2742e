import * as fc from 'fast-check';
import { encodeEnvelopeHead, encodeMessage, encodePlainWithBody } from '../../../../src/core/transport/wire/frame';
import { plainBodyLength } from '../../../../src/core/transport/wire/frame';
import type { Message, MessageOf } from '../../../../src/core/protocol';
import { anyMessage, KINDS, messageOf } from '../arbitraries';
import { bytewise, decode, enveloped, framed, type FrameEvent } from '../recorder';

const request: MessageOf<'TaskRequest'> = {
  kind: 'TaskRequest',
  client_name: 'c',
  request_id: 7,
  assigned_by_leader: 1,
};
const bulkMessage = fc.constantFrom('TaskRequest' as const, 'TaskResponse' as const).chain(messageOf);
const bytes = fc.uint8Array({ maxLength: 300 });

type Item = { message: Message; form: 'plain' | 'envelope'; body: Uint8Array };

const item: fc.Arbitrary<Item> = fc.oneof(
  fc.record({ message: anyMessage, form: fc.constant('plain' as const), body: fc.constant(new Uint8Array(0)) }),
  fc.record({ message: anyMessage, form: fc.constant('envelope' as const), body: fc.constant(new Uint8Array(0)) }),
  fc.record({ message: bulkMessage, form: fc.constantFrom('plain' as const, 'envelope' as const), body: bytes }),
);

function encode({ message, form, body }: Item): Buffer {
  if (form === 'envelope') return Buffer.concat([encodeEnvelopeHead(message, body.length), body]);
  return body.length > 0 ? encodePlainWithBody(message, body) : encodeMessage(message);
}

const eventOf = ({ message, form, body }: Item): FrameEvent => ({
  message,
  form,
  bodyLength: body.length,
  body: Buffer.from(body),
  isEnded: true,
});

function split(stream: Buffer, cuts: number[]): Uint8Array[] {
  const at = [0, ...cuts.map((cut) => cut % (stream.length + 1)).sort((a, b) => a - b), stream.length];
  return at.slice(1).map((end, i) => stream.subarray(at[i], end));
}

test.each(KINDS)('%s survives both forms', (kind) => {
  fc.assert(
    fc.property(messageOf(kind), (message) => {
      for (const form of ['plain', 'envelope'] as const) {
        const one = { message, form, body: new Uint8Array(0) };
        expect(decode([encode(one)]).events).toEqual([eventOf(one)]);
      }
    }),
    { numRuns: 20 },
  );
});

test('a stream gives the same events whole, byte by byte and in any portions', () => {
  fc.assert(
    fc.property(fc.array(item, { maxLength: 5 }), fc.array(fc.nat(), { maxLength: 12 }), (items, cuts) => {
      const stream = Buffer.concat(items.map(encode));
      const expected = items.map(eventOf);
      for (const chunks of [[stream], split(stream, cuts), bytewise(stream)]) {
        const { events, code, decoder } = decode(chunks);
        expect(code).toBeUndefined();
        expect(events).toEqual(expected);
        expect(decoder.insideFrame).toBe(false);
        expect(decoder.pendingBytes).toBe(0);
        expect(decoder.framesDone).toBe(items.length);
      }
    }),
    { numRuns: 80 },
  );
});

test('frames above the JSON limit are scanned, in any portions', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 400, maxLength: 3000 }), fc.array(fc.nat()), (body, cuts) => {
      const stream = encodePlainWithBody(request, body);
      for (const chunks of [[stream], split(stream, cuts), bytewise(stream)]) {
        expect(decode(chunks, { maxJsonBytes: 200 }).events).toEqual([
          eventOf({ message: request, form: 'plain', body }),
        ]);
      }
    }),
    { numRuns: 20 },
  );
});

test('a secret of a megabyte as integers and as base64', () => {
  const body = Buffer.alloc(1_000_000);
  for (let i = 0; i < body.length; i++) body[i] = (i * 31) & 255;
  const isRead = (stream: Buffer): boolean => {
    const [event] = decode(split(stream, [30, 70_000, 999_999])).events;
    return event?.body?.equals(body) === true && event.isEnded === true;
  };
  expect(isRead(encodePlainWithBody(request, body))).toBe(true);
  const base64 = framed(
    `{"TaskRequest":{"secret_image_data":"${body.toString('base64')}","client_name":"c","request_id":7,"assigned_by_leader":1}}`,
  );
  expect(isRead(base64)).toBe(true);
});

test('every byte value in both orders', () => {
  const body = Buffer.from(Array.from({ length: 512 }, (_, i) => (i < 256 ? i : 511 - i)));
  expect(decode([encodePlainWithBody(request, body)]).events[0]?.body?.equals(body)).toBe(true);
});

test('the array form equals JSON.stringify', () => {
  fc.assert(
    fc.property(bytes, (body) => {
      const text = encodePlainWithBody(request, body).toString('utf8', 4);
      expect(JSON.parse(text)).toEqual({
        TaskRequest: { client_name: 'c', request_id: 7, assigned_by_leader: 1, secret_image_data: [...body] },
      });
      expect(plainBodyLength(body)).toBe(JSON.stringify([...body]).length);
    }),
  );
});

const rest = '"client_name":"c","request_id":7,"assigned_by_leader":1';
const secret = Buffer.from([1, 20, 255, 0]);

/** In a large frame the decoder never has the whole JSON: the limit is one byte below its length. */
describe.each(['small', 'large'])('a secret in a %s frame', (size) => {
  const outcome = (content: string): ReturnType<typeof decode> => {
    const limits = size === 'large' ? { maxJsonBytes: content.length - 1 } : {};
    const whole = decode([framed(content)], limits);
    const slow = decode(bytewise(framed(content)), limits);
    expect(slow.events).toEqual(whole.events);
    expect(slow.code).toBe(whole.code);
    return whole;
  };

  test.each([
    `{"TaskRequest":{"secret_image_data":[1,20,255,0],${rest}}}`,
    `{"TaskRequest":{${rest},"secret_image_data":[1,20,255,0]}}`,
    `{"TaskRequest":{"client_name":"c", "secret_image_data" :\t[ 1 ,20\n, 255,0 ]  ,"request_id":7,"assigned_by_leader":1}}`,
    `{"TaskRequest":{"secret_image_data":"ART/AA==",${rest}}}`,
    `{"TaskRequest":{"secret_image_data":"ART\\/AA",${rest}}}`,
    `{"TaskRequest":{"x":"secret_image_data","secret_image_data":[1,20,255,0],${rest}}}`,
    `{"TaskRequest":{"x":{"secret_image_data":5},"y":"\\"{[","secret_image_data":[1,20,255,0],${rest}}}`,
  ])('%s', (content) => {
    const { events, code } = outcome(content);
    expect(code).toBeUndefined();
    expect(events).toEqual([eventOf({ message: request, form: 'plain', body: secret })]);
  });

  test.each([
    ['[1,2,3,4,5,6,', 'bad_frame'],
    ['"ABCDEFGH', 'bad_frame'],
    ['[7,7,7,256]', 'bad_message'],
    ['[7,7,256,7,7]', 'bad_message'],
    ['[7,7,999,7,7]', 'bad_message'],
    ['[7,7,01,7,7]', 'bad_message'],
    ['[7,7,001,7,7]', 'bad_message'],
    ['[7,7,1:1,7,7]', 'bad_message'],
    ['[7,7,1000,7,7]', 'bad_message'],
    ['[7,7,7,-1]', 'bad_message'],
    ['[7,7,7,1.5]', 'bad_message'],
    ['[7,7,7,1e2]', 'bad_message'],
    ['[7,7,7,01]', 'bad_message'],
    ['[7,7,7,1 2]', 'bad_message'],
    ['[7,7,7,1,]', 'bad_message'],
    ['[,7,7,7,1]', 'bad_message'],
    ['[7,7,,7,2]', 'bad_message'],
    ['[7,7,null]', 'bad_message'],
    ['[7,7,"1"]', 'bad_message'],
    ['[7,7,[1]]', 'bad_message'],
    ['[1,2,3],"secret_image_data":[1,2,3]', 'bad_message'],
    ['"ABCDA"', 'bad_message'],
    ['"ABCDAB=C"', 'bad_message'],
    ['"ABCDAB==="', 'bad_message'],
    ['"ABCDAB="', 'bad_message'],
    ['"ABCD AB="', 'bad_message'],
    ['"ABCD\\u0041BCD"', 'bad_message'],
  ])('as %s is refused', (value, expected) => {
    const end = expected === 'bad_frame' ? '' : '}}';
    expect(outcome(`{"TaskRequest":{${rest},"secret_image_data":${value}${end}`).code).toBe(expected);
  });
});

test.each([
  ['null', undefined],
  ['true', 'bad_message'],
  ['{}', 'bad_message'],
  ['12', 'bad_message'],
])('a secret as %s in a small frame', (value, expected) => {
  const { events, code } = decode([framed(`{"TaskRequest":{${rest},"secret_image_data":${value}}}`)]);
  expect(code).toBeUndefined();
  expect(events[0]?.unknownCode).toBe(expected);
});

test('the JSON around a large secret is limited, too', () => {
  const content = `{"TaskRequest":{${rest},"pad":"${'x'.repeat(300)}","secret_image_data":[1,2,3,4,5,6]}}`;
  expect(decode([framed(content)], { maxJsonBytes: 300 }).code).toBe('frame_too_large');
});

test('a secret above the limit is refused with its message, and the stream continues', () => {
  for (const [maxSecretBytes, maxJsonBytes] of [
    [1000, 65_536],
    [1000, 200],
    [0, 200],
    [4999, 200],
  ]) {
    const stream = encodePlainWithBody(request, new Uint8Array(5000).fill(9));
    const limits = { maxSecretBytes, maxJsonBytes };
    const { events, code } = decode([stream, encodeMessage({ kind: 'LeaderQuery' })], limits);
    expect(code).toBeUndefined();
    expect(events[0]).toEqual({ unknownCode: 'secret_too_large', message: request });
    expect(events[1]?.message).toEqual({ kind: 'LeaderQuery' });
  }
  expect(decode([encodePlainWithBody(request, new Uint8Array(5000))], { maxSecretBytes: 5000 }).events).toHaveLength(1);
});

test('an envelope announces its body and leaves it to the handler', () => {
  const body = Buffer.alloc(5000, 1);
  const { events } = decode([encodeEnvelopeHead(request, body.length), body], { maxSecretBytes: 10 });
  expect(events).toEqual([eventOf({ message: request, form: 'envelope', body })]);
});

test('an envelope body is passed on as views of the chunks', () => {
  const body = Buffer.alloc(100_000, 7);
  const { chunkCount, decoder } = decode([encodeEnvelopeHead(request, body.length), ...split(body, [10, 50_000])]);
  expect(chunkCount).toBe(3);
  expect(decoder.pendingBytes).toBe(0);
});

test('an unknown or invalid message does not end the connection, its body is skipped', () => {
  const stream = Buffer.concat([
    framed('{"Nope":{}}'),
    enveloped('{"Nope":{}}', Buffer.alloc(50, 1)),
    enveloped('{"TaskRequest":{"request_id":-1}}', Buffer.alloc(50, 1)),
    enveloped(`{"TaskRequest":{${rest},"secret_image_data":[1]}}`, Buffer.alloc(50, 1)),
    framed('{"Task\\u0052equest":{"secret_image_data":[1],"client_name":"c","request_id":7,"assigned_by_leader":1}}'),
    framed('"LeaderQuery"'),
  ]);
  for (const chunks of [[stream], bytewise(stream)]) {
    const { events } = decode(chunks);
    const codes = ['unknown_message', 'unknown_message', 'bad_message', 'bad_message', 'bad_message', undefined];
    expect(events.map((event) => event.unknownCode)).toEqual(codes);
  }
});

test('large responses are only for those who ask for them', () => {
  const response: Message = { kind: 'TaskResponse', request_id: 1, success: true, error_message: null };
  const stream = encodePlainWithBody(response, new Uint8Array(3000));
  expect(decode([stream], { maxJsonBytes: 100 }).code).toBe('frame_too_large');
  for (const chunks of [[stream], bytewise(stream)]) {
    const { events } = decode(chunks, { maxJsonBytes: 100, acceptsLargeResponses: true, maxSecretBytes: 10 });
    expect(events).toEqual([eventOf({ message: response, form: 'plain', body: new Uint8Array(3000) })]);
  }
});

test('a decoder stopped by its handler emits nothing more', () => {
  const stream = Buffer.concat([encodeMessage({ kind: 'LeaderQuery' }), encodeMessage({ kind: 'StatusQuery' })]);
  const { decoder } = decode([]);
  decoder.stop();
  decoder.push(stream);
  expect(decoder.framesDone).toBe(0);
});
