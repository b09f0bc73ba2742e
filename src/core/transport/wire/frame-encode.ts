/** Encodes messages as frames (docs/protocol.md): in the plain form, or as the head of an envelope. */
import { ClusterError } from '../../errors';
import { messageToJson } from '../../message';
import { BULK_FIELD, type Message } from '../../protocol';

export const ENVELOPE_BYTE = 0x01;

const LENGTH_BYTES = 4;
const MAX_UINT32 = 0xffff_ffff;
const CLOSE_BRACKET = 0x5d;

/** Encodes a message without a body as one plain JSON frame. */
export function encodeMessage(message: Message): Buffer {
  const json = messageToJson(message);
  const length = Buffer.byteLength(json);
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + length);
  frame.writeUInt32BE(length, 0);
  frame.write(json, LENGTH_BYTES);
  return frame;
}

/** Encodes a frame's head and JSON header in envelope form; the caller writes exactly `bodyLength` bytes after it. */
export function encodeEnvelopeHead(message: Message, bodyLength: number): Buffer {
  const json = messageToJson(message);
  const headerLength = Buffer.byteLength(json);
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + 5 + headerLength);
  frame.writeUInt32BE(checkedLength(5 + headerLength + bodyLength), 0);
  frame[4] = ENVELOPE_BYTE;
  frame.writeUInt32BE(headerLength, 5);
  frame.write(json, 9);
  return frame;
}

/** The decimal digits of a byte and a comma, as a little-endian word, and how many of its bytes are used. */
const DECIMAL_WORD = new Uint32Array(256);
const DECIMAL_LENGTH = new Uint8Array(256);
for (let value = 0; value < 256; value++) {
  const text = `${value},`;
  DECIMAL_LENGTH[value] = text.length;
  for (let i = 0; i < text.length; i++) {
    DECIMAL_WORD[value] = ((DECIMAL_WORD[value] as number) | (text.charCodeAt(i) << (8 * i))) >>> 0;
  }
}

/** Encodes a plain JSON frame in the original's form: the bulk field is an array of integers. */
export function encodePlainWithBody(message: Message, body: Uint8Array): Buffer {
  const field = BULK_FIELD[message.kind];
  if (field === undefined) throw new ClusterError('internal', `${message.kind} has no body`);
  const json = `${messageToJson(message).slice(0, -2)},"${field}":[`;
  let arrayLength = 0;
  for (let i = 0; i < body.length; i++) arrayLength += DECIMAL_LENGTH[body[i] as number] as number;
  // The bracket overwrites the last comma; words are written whole, so up to three bytes follow the last one.
  const jsonEnd = LENGTH_BYTES + Buffer.byteLength(json);
  const arrayEnd = jsonEnd + Math.max(arrayLength, 1);
  const frame = Buffer.allocUnsafe(arrayEnd + 4);
  frame.write(json, LENGTH_BYTES);
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  let at = jsonEnd;
  for (let i = 0; i < body.length; i++) {
    const value = body[i] as number;
    view.setUint32(at, DECIMAL_WORD[value] as number, true);
    at += DECIMAL_LENGTH[value] as number;
  }
  frame[arrayEnd - 1] = CLOSE_BRACKET;
  frame.write('}}', arrayEnd);
  frame.writeUInt32BE(checkedLength(arrayEnd + 2 - LENGTH_BYTES), 0);
  return frame.subarray(0, arrayEnd + 2);
}

/** Returns the size of `body` as a JSON array in bytes, to check that a response fits in a frame. */
export function plainBodyLength(body: Uint8Array): number {
  let length = 1;
  for (let i = 0; i < body.length; i++) length += DECIMAL_LENGTH[body[i] as number] as number;
  return Math.max(length, 2);
}

function checkedLength(bytes: number): number {
  if (bytes > MAX_UINT32) throw new ClusterError('frame_too_large', `a frame of ${bytes} bytes cannot be written`);
  return bytes;
}
