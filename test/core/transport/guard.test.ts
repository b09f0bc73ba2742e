import { encodeMessage } from '../../../src/core/transport/wire/frame';
import { type ConnectionHandler, dial, FrameWatch } from '../../../src/core/transport/network';
import { UnexpectedErrors } from '../../../src/core/unexpected-errors';
import { cleanUp, Ear, listening, Queue, rawClient, rawServer } from './sockets';

afterEach(cleanUp);

const query = encodeMessage({ kind: 'LeaderQuery' });
const bug = (where: string) => (): never => {
  throw new TypeError(`a bug in ${where}`);
};

function watching(frameTimeoutMs = 30_000): { watch: FrameWatch; unexpected: Queue<Error> } {
  const unexpected = new Queue<Error>();
  const onUnexpected = (error: unknown): void => unexpected.push(error as Error);
  return { watch: new FrameWatch({ frameTimeoutMs, onUnexpected }), unexpected };
}

describe('an unexpected error closes its connection and no other, and is counted', () => {
  const BUGS: [string, Partial<ConnectionHandler>][] = [
    ['onMessage', { onMessage: bug('onMessage') }],
    ['onClose', { onClose: bug('onClose') }],
    ['onProtocolError', { onProtocolError: bug('onProtocolError') }],
  ];

  test.each(BUGS)('in %s', async (where, wrong) => {
    const { watch, unexpected } = watching(100);
    const closes = new Queue<string>();
    let isWrong = true;
    const onConnection = (): ConnectionHandler => {
      const ear = new Ear();
      const right: ConnectionHandler = {
        onMessage: (message) => ear.onMessage(message),
        onBody: () => undefined,
        onEnd: () => undefined,
        onClose: (reason) => closes.push(reason),
      };
      return isWrong ? { ...right, ...wrong } : right;
    };
    const { listener } = await listening({ watch, onConnection });
    const victim = await rawClient(listener.port);
    while (listener.connectionCount === 0) await new Promise((resolve) => setImmediate(resolve));
    isWrong = false;
    const other = await rawClient(listener.port);
    // For onProtocolError a stalled frame: it is found by a timer, not by an event of the socket.
    victim.socket.write(where === 'onProtocolError' ? Buffer.from([0, 0]) : query);
    if (where === 'onClose') victim.socket.end();
    expect((await unexpected.next()).message).toBe(`a bug in ${where}`);
    await victim.closed;
    if (where !== 'onClose') expect(await closes.next()).toBe('error');
    other.socket.end(query);
    expect(await closes.next()).toBe('closed');
    expect(unexpected.size).toBe(0);
    await other.closed;
    while (listener.connectionCount > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  test('before the connection has a handler', async () => {
    const { watch, unexpected } = watching();
    const { listener } = await listening({ watch, onConnection: bug('onConnection') });
    const client = await rawClient(listener.port);
    expect((await unexpected.next()).message).toBe('a bug in onConnection');
    await client.closed;
    expect(listener.connectionCount).toBe(0);
  });

  test('on a dialed connection', async () => {
    const { watch, unexpected } = watching();
    const { address } = await rawServer((socket) => socket.write(query));
    const ear = new Ear();
    ear.onMessage = bug('a client');
    dial(address, { connectTimeoutMs: 5000, handler: ear, watch });
    expect((await unexpected.next()).message).toBe('a bug in a client');
    expect(await ear.closes.next()).toBe('error');
  });
});

test('each kind is logged once, on one line, with its origin', () => {
  const told: string[] = [];
  const errors = new UnexpectedErrors((text) => told.push(text));
  for (let count = 0; count < 3; count++) errors.add(new TypeError(`of ${count}\nlines`));
  errors.add('a string');
  errors.add('another string');
  expect(errors.count).toBe(5);
  expect(told).toHaveLength(2);
  expect(told[0]).toMatch(/bug in cloudp2p, please report it: TypeError: of 0\nlines at .*guard\.test\.ts:\d+/);
  expect(told[1]).toMatch(/: string: a string$/);
});
