import { encodeEnvelopeHead, encodeMessage } from '../../../src/core/transport/wire/frame';
import { FrameWatch, listen } from '../../../src/core/transport/network';
import { SLICE_MS, Turns } from '../../../src/core/transport/turns';
import type { MessageOf } from '../../../src/core/protocol';
import { type Accepted, cleanUp, Ear, leaveUnread, listening, rawClient, type RawClient } from './sockets';

afterEach(cleanUp);

const request: MessageOf<'TaskRequest'> = {
  kind: 'TaskRequest',
  client_name: 'c',
  request_id: 1,
  assigned_by_leader: 1,
};
const claim60Mb = Buffer.concat([Buffer.from([3, 147, 135, 0]), Buffer.from('{"TaskRequest":{"secret_image_data":[')]);

test('an address in use is named', async () => {
  const { address, listener } = await listening();
  const second = listen({ host: '127.0.0.1', port: listener.port, onConnection: () => new Ear() });
  await expect(second).rejects.toMatchObject({ code: 'address_in_use', message: expect.stringContaining(address) });
});

test('an address of another machine is a configuration error', async () => {
  const other = listen({ host: '192.0.2.1', port: 7001, onConnection: () => new Ear() });
  await expect(other).rejects.toMatchObject({ code: 'bad_config', message: expect.stringContaining('192.0.2.1:7001') });
});

test('50 half headers are closed by the frame timeout; idle and quick connections are not', async () => {
  const { accepted, listener } = await listening({ watch: new FrameWatch({ frameTimeoutMs: 100 }) });
  const idle = await rawClient(listener.port);
  await accepted.next();
  const slow = await Promise.all(Array.from({ length: 50 }, () => rawClient(listener.port)));
  slow.forEach(({ socket }, i) => socket.write(i % 2 ? Buffer.from([0, 0]) : claim60Mb));
  for (const { messages, closed } of slow) {
    expect(await messages.next()).toMatchObject({ kind: 'Error', code: 'frame_timeout' });
    await closed;
  }
  for (let i = 0; i < 50; i++) expect(await (await accepted.next()).ear.closes.next()).toBe('timeout');
  idle.socket.write(encodeMessage({ kind: 'LeaderQuery' }));
  await new Promise((resolve) => setTimeout(resolve, 120));
  expect(listener.connectionCount).toBe(1);
});

test('the timeout runs from the first byte of a frame, for each frame', async () => {
  const { accepted, listener } = await listening({ watch: new FrameWatch({ frameTimeoutMs: 300 }) });
  const client = await rawClient(listener.port);
  const drip = await rawClient(listener.port);
  const started = performance.now();
  const frame = encodeMessage({ kind: 'Alive', from_id: 1, term: 1 });
  // One always has an unfinished frame but finishes each; the other keeps adding a byte.
  const timer = setInterval(() => {
    client.socket.write(Buffer.concat([frame.subarray(10), frame.subarray(0, 10)]));
    drip.socket.write(Buffer.from('1,'));
  }, 20);
  client.socket.write(frame.subarray(0, 10));
  drip.socket.write(claim60Mb);
  await drip.closed;
  expect(performance.now() - started).toBeGreaterThan(250);
  await new Promise((resolve) => setTimeout(resolve, 300));
  clearInterval(timer);
  const [first] = [await accepted.next()];
  expect(first.ear.closeCount).toBe(0);
});

test('waiting for turns does not prolong the timeout', async () => {
  let nowMs = 0;
  // Each piece of work uses up its turn: of two that arrive together, the second one waits.
  const turns = new Turns({ monotonicMs: () => (nowMs += SLICE_MS) });
  const { listener } = await listening({ watch: new FrameWatch({ frameTimeoutMs: 100 }), turns });
  const first = await rawClient(listener.port);
  const drip = await rawClient(listener.port);
  drip.socket.write(claim60Mb);
  const timer = setInterval(() => {
    first.socket.write(encodeMessage({ kind: 'Alive', from_id: 1, term: 1 }));
    drip.socket.write(Buffer.from('1,'));
  }, 5);
  await drip.closed;
  clearInterval(timer);
  expect(await drip.messages.next()).toMatchObject({ kind: 'Error', code: 'frame_timeout' });
});

test('an unread connection does not time out', async () => {
  const { accepted, listener } = await listening({ watch: new FrameWatch({ frameTimeoutMs: 60 }) });
  const client = await rawClient(listener.port);
  const { connection, ear } = await accepted.next();
  client.socket.write(encodeEnvelopeHead(request, 3));
  await ear.messages.next();
  await leaveUnread(connection, client);
  client.socket.write('abc');
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(ear.closeCount).toBe(0);
  client.socket.resume();
  expect((await ear.bodies.next()).toString()).toBe('abc');
});

test('a client that does not read for too long is closed, a slow one is not', async () => {
  const { accepted, listener } = await listening({ watch: new FrameWatch({ writeStallMs: 500 }) });
  const response = { kind: 'TaskResponse', request_id: 1, success: true, error_message: null } as const;
  const begin = async (): Promise<Accepted & RawClient> => {
    const client = await rawClient(listener.port);
    const server = await accepted.next();
    client.socket.removeAllListeners('data').on('data', () => undefined);
    client.socket.pause();
    const body = server.connection.sendBody(response, 1e9);
    const chunk = Buffer.alloc(65_536);
    const pump = async (): Promise<void> => {
      while (!server.connection.closed) if (!body.write(chunk)) await body.drained();
    };
    void pump();
    return { ...client, ...server };
  };
  const [frozen, slow] = [await begin(), await begin()];
  slow.socket.on('data', () => slow.socket.pause());
  // Fast enough for a kernel that reopens a closed window only once a sixteenth of its buffer is free.
  const timer = setInterval(() => slow.socket.resume(), 5);
  expect(await frozen.ear.closes.next()).toBe('timeout');
  await new Promise((resolve) => setTimeout(resolve, 600));
  clearInterval(timer);
  expect(slow.ear.closeCount).toBe(0);
});

/** Connects clients that each send a message, in this order; returns them with the server's side of each. */
async function spoken(
  port: number,
  accepted: { next(): Promise<Accepted> },
  count: number,
): Promise<(Accepted & RawClient)[]> {
  const all: (Accepted & RawClient)[] = [];
  for (let i = 0; i < count; i++) {
    const client = await rawClient(port);
    const server = await accepted.next();
    client.socket.write(encodeMessage({ kind: 'LeaderQuery' }));
    await server.ear.messages.next();
    all.push({ ...client, ...server });
  }
  return all;
}

test('at the limit the longest idle connection is closed', async () => {
  const { accepted, listener } = await listening({ maxConnections: 4 });
  const clients = await spoken(listener.port, accepted, 4);
  const [a, b, c, d] = clients as [Accepted & RawClient, ...(Accepted & RawClient)[]];
  a.socket.write(encodeMessage({ kind: 'LeaderQuery' }));
  await a.ear.messages.next();
  (b as Accepted).connection.isSubscriber = true;
  (c as Accepted).connection.openTaskCount = 1;
  await spoken(listener.port, accepted, 1);
  expect(await (d as Accepted).ear.closes.next()).toBe('destroyed');
  expect([a, b, c].map((each) => (each as Accepted).ear.closeCount)).toEqual([0, 0, 0]);
  await spoken(listener.port, accepted, 1);
  expect(await a.ear.closes.next()).toBe('destroyed');
  expect(listener.connectionCount).toBe(4);
});

test('places for peers are kept free', async () => {
  const { accepted, listener } = await listening({ maxConnections: 5, reservedPlaces: 2 });
  const [first, second] = await spoken(listener.port, accepted, 4);
  expect(await first?.ear.closes.next()).toBe('destroyed');
  expect(listener.connectionCount).toBe(3);
  if (second) second.connection.isSubscriber = true;
  await spoken(listener.port, accepted, 1);
  expect(listener.connectionCount).toBe(4);
});

test('the new connection is closed if none can be dropped', async () => {
  const { accepted, listener } = await listening({ maxConnections: 2 });
  const peers = await spoken(listener.port, accepted, 2);
  for (const { connection } of peers) connection.isSubscriber = true;
  const late = await rawClient(listener.port);
  await late.closed;
  expect(listener.connectionCount).toBe(2);
});

test('200 unfinished frames of 60 MB cost only what they sent', async () => {
  const { accepted, listener } = await listening();
  const clients = await Promise.all(Array.from({ length: 200 }, () => rawClient(listener.port)));
  const before = process.memoryUsage().rss;
  const part = Buffer.concat([claim60Mb, Buffer.from('7,'.repeat(5000))]);
  for (const { socket } of clients) socket.write(part);
  for (let i = 0; i < 200; i++) {
    const { connection } = await accepted.next();
    while (connection.bytesRead < part.length) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(listener.watch.pendingBytes).toBeGreaterThan(200 * 5000);
  expect(listener.watch.pendingBytes).toBeLessThan(200 * 25_000);
  expect(process.memoryUsage().rss - before).toBeLessThan(100e6);
});

test('at the memory bound the frame longest without progress is closed, the others finish', async () => {
  const watch = new FrameWatch({ maxPendingBytes: 40_000 });
  const { accepted, listener } = await listening({ watch });
  const begun: (Accepted & RawClient)[] = [];
  for (let i = 0; i < 3; i++) {
    const client = await rawClient(listener.port);
    const server = await accepted.next();
    client.socket.write(Buffer.concat([claim60Mb, Buffer.from('7,'.repeat(7000))]));
    while (server.connection.unfinishedBytes < 7000) await new Promise((resolve) => setImmediate(resolve));
    begun.push({ ...client, ...server });
  }
  const [oldest, middle, newest] = begun as [Accepted & RawClient, Accepted & RawClient, Accepted & RawClient];
  oldest.socket.write('7,');
  while (oldest.connection.bytesRead < claim60Mb.length + 14_002) await new Promise((resolve) => setImmediate(resolve));
  newest.socket.write('7,'.repeat(14_000));
  expect(await middle.messages.next()).toMatchObject({ kind: 'Error', code: 'overloaded' });
  expect((await middle.ear.errors.next()).retryable).toBe(true);
  expect(await middle.ear.closes.next()).toBe('protocol');
  expect([oldest.ear.closeCount, newest.ear.closeCount]).toEqual([0, 0]);
  expect(watch.pendingBytes).toBeLessThanOrEqual(40_000);
});

test('memory held for bodies counts, too', async () => {
  const watch = new FrameWatch({ maxPendingBytes: 10_000 });
  const { accepted, listener } = await listening({ watch });
  const servers: Accepted[] = [];
  for (let i = 0; i < 2; i++) {
    const client = await rawClient(listener.port);
    const server = await accepted.next();
    client.socket.write(encodeEnvelopeHead(request, 1_000_000));
    await server.ear.messages.next();
    servers.push(server);
  }
  const [first, second] = servers as [Accepted, Accepted];
  first.connection.hold(6000);
  expect(watch.pendingBytes).toBe(6000);
  second.connection.hold(6000);
  expect(await first.ear.closes.next()).toBe('protocol');
  expect(second.ear.closeCount).toBe(0);
  first.connection.hold(-6000);
  second.connection.hold(-6000);
  expect(watch.pendingBytes).toBe(0);
});

test('a closed connection holds no memory', async () => {
  const { accepted, listener } = await listening();
  const client = await rawClient(listener.port);
  const { connection, ear } = await accepted.next();
  client.socket.write(claim60Mb);
  while (listener.watch.pendingBytes === 0) await new Promise((resolve) => setImmediate(resolve));
  connection.hold(1000);
  expect(listener.watch.pendingBytes).toBeGreaterThan(1000);
  connection.destroy();
  await ear.closes.next();
  expect(listener.watch.pendingBytes).toBe(0);
  expect(listener.connectionCount).toBe(0);
});

test('closing the listener closes its connections', async () => {
  const { accepted, listener } = await listening();
  const client = await rawClient(listener.port);
  const { ear } = await accepted.next();
  await listener.close();
  expect(await ear.closes.next()).toBe('destroyed');
  await client.closed;
});
