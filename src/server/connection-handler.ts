/** Handles one accepted connection: collects a task's secret and passes everything else on. */
import { hostOf } from '../core/transport/address';
import type { Message, MessageOf } from '../core/protocol';
import { ByteBlocks } from '../core/transport/wire/byte-blocks';
import type { FrameForm } from '../core/transport/wire/frame';
import type { Connection, ConnectionHandler } from '../core/transport/network';
import type { ConnInfo } from './member/effects';
import { taskRefusal } from './member/task-refusal';

/** A smaller secret has mostly been sent before a refusal could reach its client. */
export const LARGE_BYTES = 256 * 1024;

interface Sink {
  onMessage(conn: ConnInfo, message: Message): void;
  /** A large secret is about to arrive. Returns false if the task was refused. */
  onTaskHead(conn: ConnInfo, message: MessageOf<'TaskRequest'>, secretBytes: number): boolean;
  onTask(
    conn: ConnInfo,
    connection: Connection,
    form: FrameForm,
    message: MessageOf<'TaskRequest'>,
    secret: Uint8Array,
  ): void;
  owesAnswer(connId: number): boolean;
  onClose(connId: number): void;
}

export function connectionHandler(
  connId: number,
  connection: Connection,
  maxSecretBytes: number,
  sink: Sink,
): ConnectionHandler {
  const { localAddress, remoteAddress } = connection;
  const conn: ConnInfo = { id: connId, localAddress, remoteHost: hostOf(remoteAddress) };
  let task: { message: MessageOf<'TaskRequest'>; form: FrameForm; bytes: number } | null = null;
  const secretBlocks = new ByteBlocks();
  return {
    onMessage: (message, form, bodyLength) => {
      if (message.kind !== 'TaskRequest') return sink.onMessage(conn, message);
      const isLarge = form === 'envelope' && bodyLength > LARGE_BYTES && bodyLength <= maxSecretBytes;
      if (isLarge && !sink.onTaskHead(conn, message, bodyLength)) return;
      task = { message, form, bytes: bodyLength };
    },
    onBody: (chunk) => {
      if (!task || task.bytes > maxSecretBytes) return; // refused: read to the end of the frame, but not kept
      const before = secretBlocks.heldBytes;
      secretBlocks.append(chunk, task.bytes - secretBlocks.length);
      connection.hold(secretBlocks.heldBytes - before);
    },
    onEnd: () => {
      if (!task) return;
      const { message, form, bytes } = task;
      task = null;
      if (bytes > maxSecretBytes) return connection.send(tooLarge(message, bytes, maxSecretBytes));
      const { heldBytes } = secretBlocks;
      const chunks = secretBlocks.take();
      const secret = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
      connection.hold(-heldBytes);
      sink.onTask(conn, connection, form, message, secret);
    },
    onUnknown: (error, message) => {
      if (message?.kind === 'TaskRequest') connection.send(taskRefusal(message.request_id, error));
      else connection.sendError(error);
    },
    owesAnswer: () => sink.owesAnswer(connId),
    onClose: () => {
      // The connection may linger for a second to send our last messages.
      secretBlocks.take();
      sink.onClose(connId);
    },
  };
}

function tooLarge(message: MessageOf<'TaskRequest'>, bytes: number, maxBytes: number): Message {
  const text = `the secret has ${bytes} bytes, max_secret_bytes is ${maxBytes}`;
  return taskRefusal(message.request_id, { code: 'secret_too_large', message: text });
}
