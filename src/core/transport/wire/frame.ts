/**
 * Decodes bytes into messages and body chunks (docs/protocol.md). The events do not depend on how the input is split.
 * An envelope's body is never copied or assembled: `onBody` gets views of the pushed chunks.
 */
import { ClusterError } from '../../errors';
import { parseMessage } from '../../message';
import { BULK_FIELD, type Message } from '../../protocol';
import { BULK_KINDS, type BulkKind, bulkKindOf, checkNoBulk } from './bulk-kinds';
import { ByteBuffer } from './byte-blocks';
import { ENVELOPE_BYTE } from './frame-encode';
import type { FrameLimits } from './frame-limits';
import { parseJsonBytes } from './json-limits';
import { TaskRequestScanner } from './task-request-scanner';

export { encodeEnvelopeHead, encodeMessage, encodePlainWithBody, plainBodyLength } from './frame-encode';
export type { FrameLimits } from './frame-limits';

export type FrameForm = 'plain' | 'envelope';

export interface FrameHandler {
  /** Followed by `onBody` chunks of `bodyLength` bytes in total, then always `onEnd`. */
  onMessage(message: Message, form: FrameForm, bodyLength: number): void;
  onBody(chunk: Uint8Array): void;
  onEnd(): void;
  /**
   * A well-formed frame whose message is unknown or has wrong fields; the connection stays open. With `message`: a
   * plain TaskRequest that is valid except for its secret, which exceeds the limit.
   */
  onUnknown(error: ClusterError, message?: Message): void;
}

/** The part of a frame that the decoder is in. */
type State = 'head' | 'plain' | 'header' | 'bulk' | 'body' | 'skip';

const OPEN_BRACE = 0x7b;
const QUOTE = 0x22;
/** The shortest frame is an empty JSON string. */
const MIN_FRAME_BYTES = 2;
const LENGTH_BYTES = 4;
/** The envelope byte and the header's length. */
const ENVELOPE_HEAD_BYTES = 5;

export class FrameDecoder {
  /** Number of frames completed so far, valid or not. */
  framesDone = 0;
  private state: State = 'head';
  private readonly head = Buffer.alloc(LENGTH_BYTES + ENVELOPE_HEAD_BYTES);
  private headLength = 0;
  /** Bytes of the frame not yet consumed. */
  private leftBytes = 0;
  /** Length of the plain frame or of the envelope's header. */
  private jsonLength = 0;
  private readonly json = new ByteBuffer();
  private scanner: TaskRequestScanner | undefined;
  private isStopped = false;

  constructor(
    private readonly limits: FrameLimits,
    private readonly handler: FrameHandler,
  ) {}

  /** Memory held for the unfinished frame. */
  get pendingBytes(): number {
    return this.json.heldBytes + (this.scanner?.heldBytes ?? 0);
  }

  get insideFrame(): boolean {
    return this.headLength > 0 && !this.isStopped;
  }

  /** Ignores all further input; may be called from within a handler. */
  stop(): void {
    this.isStopped = true;
    this.json.clear();
    this.scanner = undefined;
  }

  /**
   * Decodes a chunk, or as much of it as `mayGoOn`, asked between frames, allows; returns the number of bytes consumed.
   * @throws ClusterError for a protocol error; the decoder is stopped then
   */
  push(chunk: Uint8Array, mayGoOn: () => boolean = () => true): number {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let offset = 0;
    let framesBefore = this.framesDone;
    try {
      while (offset < bytes.length && !this.isStopped) {
        offset = this.step(bytes, offset);
        if (this.framesDone === framesBefore || offset === bytes.length) continue;
        if (!mayGoOn()) return offset;
        framesBefore = this.framesDone;
      }
    } catch (error) {
      this.stop();
      throw error;
    }
    return bytes.length;
  }

  private step(bytes: Buffer, offset: number): number {
    switch (this.state) {
      case 'head':
        return this.readHead(bytes, offset);
      case 'plain':
      case 'header':
        return this.readJson(bytes, offset);
      case 'bulk':
        return this.readBulk(bytes, offset);
      case 'body':
      case 'skip':
        return this.readBody(bytes, offset);
    }
  }

  private readHead(bytes: Buffer, offset: number): number {
    const head = this.head;
    if (this.headLength !== LENGTH_BYTES) {
      head[this.headLength++] = bytes[offset] as number;
      if (this.headLength === LENGTH_BYTES) this.checkLength(head.readUInt32BE(0));
      else if (this.headLength === head.length) this.beginEnvelope(head.readUInt32BE(LENGTH_BYTES + 1));
      return offset + 1;
    }
    const first = bytes[offset] as number;
    if (first === ENVELOPE_BYTE) {
      head[this.headLength++] = first;
      if (this.leftBytes <= ENVELOPE_HEAD_BYTES) throw badFrame('an envelope without a header');
      return offset + 1;
    }
    if (first !== OPEN_BRACE && first !== QUOTE) throw badFrame(`a frame begins with byte ${first}`);
    this.beginPlain(first);
    return offset;
  }

  private checkLength(frameLength: number): void {
    const { maxFrameBytes } = this.limits;
    if (frameLength > maxFrameBytes) throw tooLarge('frame', frameLength, maxFrameBytes);
    if (frameLength < MIN_FRAME_BYTES) throw badFrame(`a frame of ${frameLength} bytes`);
    this.leftBytes = frameLength;
  }

  private beginPlain(first: number): void {
    const { maxJsonBytes } = this.limits;
    this.jsonLength = this.leftBytes;
    this.state = 'plain';
    if (this.leftBytes <= maxJsonBytes) return;
    if (first !== OPEN_BRACE) throw tooLarge('JSON message', this.leftBytes, maxJsonBytes);
    this.state = 'bulk';
  }

  private beginEnvelope(headerLength: number): void {
    const { maxJsonBytes } = this.limits;
    this.leftBytes -= ENVELOPE_HEAD_BYTES;
    if (headerLength === 0 || headerLength > this.leftBytes) {
      throw badFrame(`an envelope header of ${headerLength} bytes in ${this.leftBytes}`);
    }
    if (headerLength > maxJsonBytes) throw tooLarge('envelope header', headerLength, maxJsonBytes);
    this.jsonLength = headerLength;
    this.state = 'header';
  }

  /** Reads the JSON of a plain frame or an envelope: in place if it is complete, otherwise collected. */
  private readJson(bytes: Buffer, offset: number): number {
    const collected = this.json.length;
    const end = Math.min(bytes.length, offset + this.jsonLength - collected);
    this.leftBytes -= end - offset;
    if (collected === 0 && end - offset === this.jsonLength) {
      this.endJson(bytes.subarray(offset, end));
      return end;
    }
    this.json.append(bytes, offset, end, this.jsonLength);
    if (this.json.length === this.jsonLength) {
      const json = this.json.view();
      this.json.clear();
      this.endJson(json);
    }
    return end;
  }

  private endJson(json: Buffer): void {
    if (this.state === 'header') return this.endHeader(json);
    const bulk = bulkKindOf(json);
    if (bulk === undefined) return this.finishPlain(json, [], 0);
    const scanner = this.newScanner(bulk);
    scanner.push(json, 0, json.length);
    this.finishScan(scanner);
  }

  private endHeader(json: Buffer): void {
    const bodyLength = this.leftBytes;
    const message = this.parse(json);
    if (message !== undefined && bodyLength > 0 && BULK_FIELD[message.kind] === undefined) {
      throw badFrame(`${message.kind} with a body of ${bodyLength} bytes`);
    }
    this.state = message === undefined ? 'skip' : 'body';
    if (message !== undefined) this.handler.onMessage(message, 'envelope', bodyLength);
    if (bodyLength === 0) this.endFrame(message !== undefined);
  }

  private readBody(bytes: Buffer, offset: number): number {
    const end = Math.min(bytes.length, offset + this.leftBytes);
    this.leftBytes -= end - offset;
    const isWanted = this.state === 'body';
    if (isWanted) this.handler.onBody(offset === 0 && end === bytes.length ? bytes : bytes.subarray(offset, end));
    if (this.leftBytes === 0) this.endFrame(isWanted);
    return end;
  }

  /** Reads a plain frame above the JSON limit: its prefix byte by byte, then with the scanner. */
  private readBulk(bytes: Buffer, offset: number): number {
    if (this.scanner === undefined) return this.readPrefix(bytes, offset);
    const end = Math.min(bytes.length, offset + this.leftBytes);
    this.leftBytes -= end - offset;
    this.scanner.push(bytes, offset, end);
    if (this.leftBytes === 0) this.finishScan(this.scanner);
    return end;
  }

  private readPrefix(bytes: Buffer, offset: number): number {
    this.json.append(bytes, offset, offset + 1, this.jsonLength);
    this.leftBytes--;
    const seen = this.json.view();
    const { acceptsLargeResponses = false, refusesLargeRequests = false } = this.limits;
    const isAccepted = { TaskRequest: !refusesLargeRequests, TaskResponse: acceptsLargeResponses };
    const bulk = BULK_KINDS.find(
      ({ kind, prefix }) => isAccepted[kind] && prefix.subarray(0, seen.length).equals(seen),
    );
    if (bulk === undefined) throw tooLarge('JSON message', this.jsonLength, this.limits.maxJsonBytes);
    if (seen.length === bulk.prefix.length) {
      this.json.clear();
      this.scanner = this.newScanner(bulk);
      this.scanner.push(bulk.prefix, 0, bulk.prefix.length);
    }
    return offset + 1;
  }

  private newScanner(bulk: BulkKind): TaskRequestScanner {
    const { maxFrameBytes, maxJsonBytes, maxSecretBytes } = this.limits;
    const maxBodyBytes = bulk.kind === 'TaskRequest' ? maxSecretBytes : maxFrameBytes;
    return new TaskRequestScanner(bulk.field, { maxBodyBytes, maxJsonBytes });
  }

  private finishScan(scanner: TaskRequestScanner): void {
    this.scanner = undefined;
    const { json, body, bodyLength } = scanner.finish();
    this.finishPlain(json, body, bodyLength);
  }

  private finishPlain(json: Buffer, body: Uint8Array[], bodyLength: number): void {
    const message = this.parse(json);
    const isTooLarge = message?.kind === 'TaskRequest' && bodyLength > this.limits.maxSecretBytes;
    if (message !== undefined && isTooLarge) this.handler.onUnknown(this.secretTooLarge(bodyLength), message);
    else if (message !== undefined) {
      this.handler.onMessage(message, 'plain', bodyLength);
      for (const chunk of body) if (!this.isStopped) this.handler.onBody(chunk);
    }
    this.endFrame(message !== undefined && !isTooLarge);
  }

  private secretTooLarge(bytes: number): ClusterError {
    const { maxSecretBytes } = this.limits;
    return new ClusterError('secret_too_large', `the secret has ${bytes} bytes, at most ${maxSecretBytes} are allowed`);
  }

  /** Returns the message, or undefined after reporting it to the handler as unknown or wrong. */
  private parse(json: Buffer): Message | undefined {
    const value = parseJsonBytes(json, this.limits.maxDepth);
    try {
      const message = parseMessage(value);
      checkNoBulk(value, message.kind);
      return message;
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      this.handler.onUnknown(error);
      return undefined;
    }
  }

  private endFrame(isWanted: boolean): void {
    this.state = 'head';
    this.headLength = 0;
    this.framesDone++;
    if (isWanted && !this.isStopped) this.handler.onEnd();
  }
}

function badFrame(what: string): ClusterError {
  return new ClusterError('bad_frame', what);
}

function tooLarge(what: string, bytes: number, maxBytes: number): ClusterError {
  return new ClusterError('frame_too_large', `a ${what} of ${bytes} bytes, at most ${maxBytes} are allowed`);
}
