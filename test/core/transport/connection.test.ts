import dns from 'node:dns';
import type { Socket } from 'node:net';
import { encodeEnvelopeHead, encodeMessage } from '../../../src/core/transport/wire/frame';
import { isSelfConnected } from '../../../src/core/transport/dial';
import { dial } from '../../../src/core/transport/network';
import type { MessageOf } from '../../../src/core/protocol';
import { framed } from './recorder';
import { cleanUp, Ear, leaveUnread, listening, Queue, rawClient, rawServer } from './sockets';

afterEach(cleanUp);

const request: MessageOf<'TaskRequest'> = {
  kind: 'TaskRequest',
  client_name: 'c',
  request_id: 1,
  assigned_by_leader: 1,
};
const response: MessageOf<'TaskResponse'> = { kind: 'TaskResponse', request_id: 1, success: true, error_message: null };
const query = { kind: 'LeaderQuery' } as const;

test('messages and bodies go both ways, and those sent before the dial succeeded arrive', async () => {
  const { accepted, address } = await listening();
  const ear = new Ear();
  const dialed = dial(address, { connectTimeoutMs: 5000, handler: ear });
  dialed.send(query);
  const body = dialed.sendBody(request, 5);
  body.write(Buffer.from('abc'));
  body.write(Buffer.from('de'));
  await ear.opens.next();
  const server = await accepted.next();
  expect(await server.ear.messages.next()).toEqual(query);
  expect(await server.ear.messages.next()).toEqual(request);
  await server.ear.bodies.next();
  expect((await server.ear.bodies.next()).toString()).toBe('abcde');
  expect(dialed.remoteAddress).toBe(address);
  expect(server.connection.remoteAddress).toBe(dialed.localAddress);
  server.connection.send({ kind: 'Alive', from_id: 1, term: 2 });
  expect(await ear.messages.next()).toEqual({ kind: 'Alive', from_id: 1, term: 2 });
  expect(server.connection.bytesRead).toBe(dialed.bytesWritten);
  dialed.destroy();
  expect(ear.closeCount).toBe(0);
  expect(await ear.closes.next()).toBe('destroyed');
  expect(await server.ear.closes.next()).toBe('closed');
  dialed.send(query);
  dialed.destroy();
  expect([ear.closeCount, server.ear.closeCount]).toEqual([1, 1]);
});

test('frames never interleave: frames sent during a body wait for its end, in order', async () => {
  const { accepted, address } = await listening();
  const ear = new Ear();
  const dialed = dial(address, { connectTimeoutMs: 5000, handler: ear });
  const first = dialed.sendBody(request, 4);
  dialed.send({ kind: 'Alive', from_id: 1, term: 1 });
  const second = dialed.sendBody({ ...request, request_id: 2 }, 3);
  dialed.send({ kind: 'Alive', from_id: 1, term: 2 });
  expect(second.write(Buffer.from('xy'))).toBe(false);
  const server = await accepted.next();
  first.write(Buffer.from('ab'));
  expect(await server.ear.messages.next()).toEqual(request);
  expect(server.ear.messages.size).toBe(0);
  expect(dialed.bufferedBytes).toBeGreaterThan(0);
  let isSecondDrained = false;
  const drained = second.drained().then(() => (isSecondDrained = true));
  await first.drained();
  expect(isSecondDrained).toBe(false);
  first.write(Buffer.from('cd'));
  await drained;
  expect(await server.ear.messages.next()).toMatchObject({ term: 1 });
  expect(await server.ear.messages.next()).toMatchObject({ request_id: 2 });
  expect(server.ear.messages.size).toBe(0);
  second.write(Buffer.from('z'));
  expect(await server.ear.messages.next()).toMatchObject({ term: 2 });
  const bodies = [await server.ear.bodies.next(), await server.ear.bodies.next(), await server.ear.bodies.next()];
  expect(bodies.map(String)).toEqual(['abcd', '', 'xyz']);
  expect(() => second.write(Buffer.from('!'))).toThrow(expect.objectContaining({ code: 'internal' }));
});

test('a body is alone unless something waits after it, or before it in this process', async () => {
  const { accepted, listener } = await listening();
  const client = await rawClient(listener.port);
  const { connection } = await accepted.next();
  expect(connection.isBodyAlone).toBe(false);
  const first = connection.sendBody(response, 4);
  first.write(Buffer.from('ab'));
  expect(connection.isBodyAlone).toBe(true);
  connection.send(query);
  expect(connection.isBodyAlone).toBe(false);
  first.write(Buffer.from('cd'));
  await client.messages.next();
  await client.messages.next();
  client.socket.pause();
  while (connection.unsentBytes === 0) {
    connection.sendFrame(encodeMessage({ kind: 'Error', code: 'x', message: 'x'.repeat(60_000) }));
    await new Promise((resolve) => setImmediate(resolve));
  }
  connection.sendBody(response, 4).write(Buffer.from('ab'));
  expect(connection.isBodyAlone).toBe(false);
});

test('a reader that does not read makes the writer wait, and closing wakes it', async () => {
  let socket: Socket | undefined;
  const { address } = await rawServer((each) => (socket = each.pause()));
  const ear = new Ear();
  const dialed = dial(address, { connectTimeoutMs: 5000, handler: ear });
  await ear.opens.next();
  const size = 64 * 1024 * 1024;
  const body = dialed.sendBody(response, size);
  const chunk = Buffer.alloc(1024 * 1024);
  let written = 0;
  while (body.write(chunk) && written < size) written += chunk.length;
  expect(dialed.bufferedBytes).toBeGreaterThan(0);
  const drained = body.drained();
  dialed.destroy();
  await drained;
  expect(await ear.closes.next()).toBe('destroyed');
  socket?.destroy();
});

test('a reader that reads again lets the writer continue', async () => {
  const sockets = new Queue<Socket>();
  const { address } = await rawServer((each) => sockets.push(each.pause()));
  const dialed = dial(address, { connectTimeoutMs: 5000, handler: new Ear() });
  const socket = await sockets.next();
  let readBytes = 0;
  socket.on('data', (each) => (readBytes += each.length)).pause();
  const chunk = Buffer.alloc(1024 * 1024, 1);
  const body = dialed.sendBody(response, 16 * chunk.length);
  let waits = 0;
  for (let i = 0; i < 16; i++) {
    if (body.write(chunk)) continue;
    waits++;
    socket.resume();
    await body.drained();
  }
  expect(waits).toBeGreaterThan(0);
  while (readBytes < dialed.bytesWritten) await new Promise((resolve) => socket.once('data', resolve));
  expect(readBytes).toBeGreaterThan(16 * chunk.length);
});

test('an unknown message is answered with an Error and the connection stays', async () => {
  const { accepted, listener } = await listening();
  const client = await rawClient(listener.port);
  client.socket.write(Buffer.concat([framed('"Nope"'), encodeMessage(query)]));
  expect(await client.messages.next()).toMatchObject({ kind: 'Error', code: 'unknown_message' });
  const { ear } = await accepted.next();
  expect(await ear.messages.next()).toEqual(query);
  expect(ear.closeCount).toBe(0);
});

test.each([
  ['garbage', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'frame_too_large'],
  ['bad JSON', framed('{"x'), 'bad_frame'],
])('%s is answered with an Error, then the connection is closed', async (_name, bytes, code) => {
  const { accepted, listener } = await listening();
  const client = await rawClient(listener.port);
  client.socket.write(bytes);
  expect(await client.messages.next()).toMatchObject({ kind: 'Error', code });
  const { connection, ear } = await accepted.next();
  expect((await ear.errors.next()).code).toBe(code);
  expect(await ear.closes.next()).toBe('protocol');
  expect(connection.closed).toBe(true);
  await client.closed;
  expect(ear.closeCount).toBe(1);
});

test('the Error reaches a client in the middle of a large write', async () => {
  const { listener } = await listening({
    limits: { maxFrameBytes: 1e8, maxJsonBytes: 1000, maxSecretBytes: 10, maxDepth: 4 },
  });
  const client = await rawClient(listener.port);
  const frame = framed(`{"TaskAck":"${'x'.repeat(8_000_000)}"}`);
  client.socket.write(frame);
  expect(await client.messages.next()).toMatchObject({ kind: 'Error', code: 'frame_too_large' });
  await client.closed;
});

test('a client that neither reads nor closes is gone soon after its fault', async () => {
  const { accepted, listener } = await listening();
  const client = await rawClient(listener.port);
  client.socket.allowHalfOpen = true;
  client.socket.pause();
  client.socket.write(Buffer.from('nonsense!'));
  const { ear } = await accepted.next();
  expect(await ear.closes.next()).toBe('protocol');
  const started = performance.now();
  while (listener.connectionCount > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(performance.now() - started).toBeLessThan(4000);
});

test('no Error is inserted into a body that is being written', async () => {
  const { accepted, listener } = await listening();
  const client = await rawClient(listener.port);
  const received: Buffer[] = [];
  client.socket.removeAllListeners('data');
  client.socket.on('data', (chunk) => received.push(chunk));
  const { connection, ear } = await accepted.next();
  connection.sendBody(response, 100).write(Buffer.alloc(10, 7));
  await connection.drained();
  client.socket.write('nonsense!');
  expect(await ear.closes.next()).toBe('protocol');
  await client.closed;
  const head = encodeEnvelopeHead(response, 100);
  expect(Buffer.concat(received).length).toBeLessThanOrEqual(head.length + 10);
});

test('reports a peer that closed in the middle of a frame', async () => {
  const { accepted, listener } = await listening();
  const client = await rawClient(listener.port);
  client.socket.end(encodeEnvelopeHead(request, 100));
  const { ear } = await accepted.next();
  expect(await ear.messages.next()).toEqual(request);
  expect(await ear.closes.next()).toBe('closed');
  expect(ear.bodies.size).toBe(0);
});

test('a handler that destroys gets no more messages of the same chunk', async () => {
  const heard: string[] = [];
  const closed = new Promise<string>((resolve) => {
    void listening({
      onConnection: (connection) => ({
        onMessage: (message) => {
          heard.push(message.kind);
          connection.destroy();
        },
        onBody: () => undefined,
        onEnd: () => heard.push('end'),
        onClose: resolve,
      }),
    }).then(async ({ listener }) => {
      const client = await rawClient(listener.port);
      client.socket.write(Buffer.concat([encodeMessage(query), encodeMessage(query)]));
    });
  });
  expect(await closed).toBe('destroyed');
  expect(heard).toEqual(['LeaderQuery']);
});

test('end() flushes what was sent', async () => {
  const { accepted, listener } = await listening();
  const client = await rawClient(listener.port);
  const { connection, ear } = await accepted.next();
  for (let term = 0; term < 1000; term++) connection.send({ kind: 'Alive', from_id: 1, term });
  connection.end();
  await client.closed;
  for (let term = 0; term < 1000; term++) expect(await client.messages.next()).toMatchObject({ term });
  expect(await ear.closes.next()).toBe('destroyed');
});

test('endWhenWritten() finishes the body and queued messages, and receives nothing more', async () => {
  const { accepted, listener } = await listening();
  const client = await rawClient(listener.port);
  const { connection, ear } = await accepted.next();
  const body = connection.sendBody(response, 6);
  body.write(Buffer.from('abc'));
  connection.send({ kind: 'Alive', from_id: 1, term: 1 });
  void connection.endWhenWritten(60_000);
  client.socket.write(encodeMessage(query));
  expect(await client.messages.next()).toEqual(response);
  body.write(Buffer.from('def'));
  expect(await client.messages.next()).toMatchObject({ kind: 'Alive' });
  await client.closed;
  expect(await ear.closes.next()).toBe('destroyed');
  expect(ear.messages.size).toBe(0);
});

test('endWhenWritten() waits for a body no longer than given', async () => {
  const { accepted, listener } = await listening();
  const client = await rawClient(listener.port);
  const { connection, ear } = await accepted.next();
  connection.sendBody(response, 6).write(Buffer.from('abc'));
  void connection.endWhenWritten(0);
  await client.closed;
  expect(await ear.closes.next()).toBe('destroyed');
});

test('a listener that ends closes idle connections at once, without resetting the last messages', async () => {
  const { accepted, listener } = await listening();
  const [idle, asking] = [await rawClient(listener.port), await rawClient(listener.port)];
  await accepted.next();
  const { connection } = await accepted.next();
  await leaveUnread(connection, asking);
  asking.socket.write(encodeMessage(query));
  connection.send({ kind: 'Alive', from_id: 1, term: 1 });
  const started = performance.now();
  const ended = listener.end(60_000);
  asking.socket.resume();
  await ended;
  await Promise.all([idle.closed, asking.closed]);
  expect(performance.now() - started).toBeLessThan(1000);
  let last = await asking.messages.next();
  while (asking.messages.size > 0) last = await asking.messages.next();
  expect(last).toMatchObject({ kind: 'Alive' });
});

test('a port without a listener refuses', async () => {
  const { listener, address } = await listening();
  await listener.close();
  const ear = new Ear();
  const dialed = dial(address, { connectTimeoutMs: 5000, handler: ear });
  dialed.send(query);
  expect(ear.closeCount).toBe(0);
  expect(await ear.closes.next()).toBe('refused');
  expect(dialed.closed).toBe(true);
});

test('names are resolved, and an unknown one is unreachable', async () => {
  const { listener } = await listening();
  const ears = [new Ear(), new Ear()] as const;
  dial(`localhost:${listener.port}`, { connectTimeoutMs: 5000, handler: ears[0] });
  dial(`no-such-host.invalid:${listener.port}`, { connectTimeoutMs: 5000, handler: ears[1] });
  await ears[0].opens.next();
  expect(await ears[1].closes.next()).toMatch(/unreachable|timeout/);
});

test('a dial that takes too long times out', async () => {
  const ear = new Ear();
  // A lookup that never answers stands for a host that drops packets.
  const lookup = jest.spyOn(dns, 'lookup').mockImplementation((() => undefined) as never);
  const dialed = dial('silent.invalid:9', { connectTimeoutMs: 30, handler: ear });
  expect(await ear.closes.next()).toBe('timeout');
  expect(dialed.closed).toBe(true);
  lookup.mockRestore();
});

test('a self-connected socket is detected by its two ends', () => {
  const end = { localAddress: '127.0.0.1', localPort: 40_000, remoteAddress: '127.0.0.1' };
  expect(isSelfConnected({ ...end, remotePort: 40_000 })).toBe(true);
  expect(isSelfConnected({ ...end, remotePort: 40_001 })).toBe(false);
  expect(isSelfConnected({ ...end, remoteAddress: '127.0.0.2', remotePort: 40_000 })).toBe(false);
});
