import {
  FrameDecoder,
  type FrameForm,
  type FrameHandler,
  type FrameLimits,
} from '../../../src/core/transport/wire/frame';
import type { Message } from '../../../src/core/protocol';
import type { ClusterError } from '../../../src/core/errors';

export interface FrameEvent {
  message?: Message;
  form?: FrameForm;
  bodyLength?: number;
  body?: Buffer;
  isEnded?: boolean;
  unknownCode?: string;
}

/** Collects a decoder's events, with bodies joined. */
export class Recorder implements FrameHandler {
  readonly events: FrameEvent[] = [];
  chunkCount = 0;
  private chunks: Uint8Array[] = [];

  onMessage(message: Message, form: FrameForm, bodyLength: number): void {
    this.events.push({ message, form, bodyLength, body: Buffer.alloc(0), isEnded: false });
  }

  onBody(chunk: Uint8Array): void {
    this.chunkCount++;
    const event = this.events.at(-1);
    if (event?.isEnded !== false) throw new Error('a body outside a frame');
    this.chunks.push(chunk);
  }

  onEnd(): void {
    const event = this.events.at(-1);
    if (event?.isEnded !== false) throw new Error('an end outside a frame');
    this.flush();
    event.isEnded = true;
  }

  /** Puts the received part of the body into the last event. */
  flush(): void {
    const event = this.events.at(-1);
    if (event?.body !== undefined && this.chunks.length > 0) event.body = Buffer.concat(this.chunks);
    this.chunks = [];
  }

  onUnknown(error: ClusterError, message?: Message): void {
    this.events.push({ unknownCode: error.code, ...(message && { message }) });
  }
}

export const LIMITS: FrameLimits = {
  maxFrameBytes: 64 * 1024 * 1024,
  maxJsonBytes: 65_536,
  maxSecretBytes: 7 * 1024 * 1024,
  maxDepth: 16,
};

/** Decodes the chunks; returns the events and, if the decoder gave up, the code of its error. */
export function decode(
  chunks: Uint8Array[],
  limits: Partial<FrameLimits> = {},
): { events: FrameEvent[]; code?: string; decoder: FrameDecoder; chunkCount: number } {
  const recorder = new Recorder();
  const decoder = new FrameDecoder({ ...LIMITS, ...limits }, recorder);
  let code: string | undefined;
  for (const chunk of chunks) {
    try {
      decoder.push(chunk);
    } catch (error) {
      code = (error as ClusterError).code ?? String(error);
      break;
    }
  }
  recorder.flush();
  return { events: recorder.events, ...(code !== undefined && { code }), decoder, chunkCount: recorder.chunkCount };
}

export function bytewise(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (_byte, i) => bytes.subarray(i, i + 1));
}

/** A frame with its length and content. */
export function framed(content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content as string);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(bytes.length);
  return Buffer.concat([head, bytes]);
}

export function enveloped(header: string | Uint8Array, body: Uint8Array = Buffer.alloc(0)): Buffer {
  const bytes = Buffer.from(header as string);
  const head = Buffer.alloc(5, 1);
  head.writeUInt32BE(bytes.length, 1);
  return framed(Buffer.concat([head, bytes, body]));
}
