import type { MessageOf } from '../../../src/core/protocol';
import { encodeEnvelopeHead, encodeMessage } from '../../../src/core/transport/wire/frame';
import { type ConnectionHandler, FrameWatch } from '../../../src/core/transport/network';
import { type Accepted, cleanUp, Ear, listening, Queue, type RawClient, rawClient } from './sockets';

afterEach(cleanUp);

const query = encodeMessage({ kind: 'LeaderQuery' });
const response: MessageOf<'TaskResponse'> = { kind: 'TaskResponse', request_id: 1, success: true, error_message: null };
const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A client that has sent a query and ended its stream right after it. */
async function half(bytes: Buffer = query, watch = new FrameWatch()): Promise<Accepted & RawClient & Owed> {
  const accepted = new Queue<Accepted>();
  const owed = { isOwed: true };
  const { listener } = await listening({
    watch,
    onConnection: (connection) => {
      const ear: ConnectionHandler & Ear = Object.assign(new Ear(), { owesAnswer: () => owed.isOwed });
      connection.openTaskCount = 1;
      accepted.push({ connection, ear });
      return ear;
    },
  });
  const client = await rawClient(listener.port);
  client.socket.allowHalfOpen = true;
  client.socket.end(bytes);
  const server = await accepted.next();
  await server.ear.messages.next();
  return { ...client, ...server, owed };
}

interface Owed {
  owed: { isOwed: boolean };
}

test('a client that ends its stream after a query gets its answers, then the end', async () => {
  const { connection, ear, messages, closed, owed } = await half();
  await later(50);
  expect(ear.closeCount).toBe(0);
  connection.openTaskCount = 0;
  await later(20);
  expect(ear.closeCount).toBe(0);
  owed.isOwed = false;
  connection.send({ kind: 'Alive', from_id: 1, term: 1 });
  // Both are sent in one step of the server.
  connection.send({ kind: 'Alive', from_id: 1, term: 2 });
  expect(await messages.next()).toMatchObject({ term: 1 });
  expect(await messages.next()).toMatchObject({ term: 2 });
  await closed;
  expect(await ear.closes.next()).toBe('closed');
});

test('an answer with a large body is written to its end', async () => {
  const { connection, ear, socket, closed, owed } = await half();
  let readBytes = 0;
  socket.removeAllListeners('data').on('data', (chunk: Buffer) => void (readBytes += chunk.length));
  const body = Buffer.alloc(30_000_000);
  connection.sendBody(response, body.length).write(body);
  owed.isOwed = false;
  connection.openTaskCount = 0;
  await closed;
  expect(readBytes).toBe(encodeEnvelopeHead(response, body.length).length + body.length);
  expect(await ear.closes.next()).toBe('closed');
});

test('a client that does not read it is disconnected by the watch', async () => {
  const { connection, ear, socket, owed } = await half(query, new FrameWatch({ writeStallMs: 200 }));
  socket.pause();
  connection.sendBody(response, 30_000_000).write(Buffer.alloc(30_000_000));
  owed.isOwed = false;
  connection.openTaskCount = 0;
  await ear.closes.next();
  expect(connection.closed).toBe(true);
});

test('a stream that ends in the middle of a frame is given up at once, whatever is owed', async () => {
  const { ear } = await half(Buffer.concat([query, query.subarray(0, 6)]));
  expect(await ear.closes.next()).toBe('closed');
});

test.each(['destroy', 'resetAndDestroy'] as const)(
  'a client that is gone (%s) is detected by an answer',
  async (how) => {
    const { connection, ear, socket } = await half();
    socket[how]();
    await later(50);
    expect(ear.closeCount).toBe(0);
    for (let term = 0; ear.closeCount === 0; term++) {
      connection.send({ kind: 'Alive', from_id: 1, term });
      await later(1);
    }
    expect(await ear.closes.next()).toBe('closed');
  },
);

test('a subscriber that ends its stream is closed at once', async () => {
  const accepted = new Queue<Accepted>();
  const { listener } = await listening({
    onConnection: (connection) => {
      const ear = new Ear();
      connection.openTaskCount = 1;
      connection.isSubscriber = true;
      accepted.push({ connection, ear });
      return ear;
    },
  });
  const client = await rawClient(listener.port);
  client.socket.end(query);
  const { ear } = await accepted.next();
  expect(await ear.closes.next()).toBe('closed');
});
