/** One hostile connection: how it connects, what it sends and in which pieces, and how it ends. */
import { connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import type { TlsPem } from '../../src/core/transport/tls';
import { damaged, type Dice, saying } from './sayings';

export interface Target {
  name: string;
  port: number;
  /** Set if the port speaks TLS: the certificates of a good client, and of one with a foreign CA. */
  tls?: { good: TlsPem; foreign: TlsPem };
}

/** Limit for a connection or a handshake; damaged ones end by the server's own timeout. */
const CONNECT_MS = 1_000;
const VOLLEY = 40;
/** Limit for connections that stay open after their last bytes. */
const STAY_MS = 400;

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Resolves when the attack is over; never rejects, whatever the other side does. */
export async function attack(target: Target, dice: Dice, hello: Buffer): Promise<void> {
  if (dice.chance(0.15)) return volley(target, dice, hello);
  const allowHalfOpen = dice.chance(0.5);
  const raw = connect({ ...from(dice), port: target.port, noDelay: true, allowHalfOpen });
  raw.on('error', noticeExhaustion);
  const isConnected = await happens(raw, 'connect');
  if (!isConnected) return void raw.destroy();
  const socket = await speaker(raw, target, dice);
  if (socket !== null) await talk(socket, dice, hello);
  await leave(raw, socket ?? raw, dice);
}

/** Opens many connections that send and close at once: the server accepts them when they have data and are gone. */
async function volley({ port }: Target, dice: Dice, hello: Buffer): Promise<void> {
  const bytes = dice.chance(0.5) ? hello : saying(dice, hello);
  const end = dice.pick(['resetAndDestroy', 'resetAndDestroy', 'end', 'destroy'] as const);
  const where = { ...from(dice), port, noDelay: true };
  const sockets = Array.from({ length: VOLLEY }, () => connect(where));
  const gone = sockets.map((socket) => {
    socket.on('error', noticeExhaustion);
    socket.on('connect', () => {
      socket.write(bytes);
      socket[end]();
    });
    return new Promise<void>((resolve) => socket.once('close', () => resolve()));
  });
  const timer = setTimeout(() => sockets.forEach((socket) => socket.destroy()), CONNECT_MS);
  await Promise.all(gone);
  clearTimeout(timer);
}

/** The socket to send through; null if it ended in the middle of its handshake. */
async function speaker(raw: Socket, { tls }: Target, dice: Dice): Promise<Socket | null> {
  if (tls === undefined || dice.chance(0.4)) return raw;
  const shows = dice.pick<ConnectionOptions>([tls.good, tls.good, tls.foreign, { ca: tls.good.ca }]);
  const maxVersion = dice.pick(['TLSv1.3', 'TLSv1.2'] as const);
  const wire = wireOver(raw, dice.chance(0.3) ? dice : null);
  const socket = connectTls({ socket: wire, ...shows, maxVersion, rejectUnauthorized: false });
  socket.on('error', () => undefined);
  if (dice.chance(0.3)) {
    await (dice.chance(0.5) ? nextTurn() : later(dice.below(8)));
    return null;
  }
  if (!(await happens(socket, 'secureConnect'))) return null;
  // TLS 1.3 has no renegotiation, and reports that to the callback.
  if (dice.chance(0.1)) socket.renegotiate({ rejectUnauthorized: false }, () => undefined);
  return socket;
}

async function talk(socket: Socket, dice: Dice, hello: Buffer): Promise<void> {
  if (dice.chance(0.2)) socket.pause();
  else socket.on('data', () => undefined);
  for (let count = dice.below(5); count > 0 && !socket.destroyed; count--) {
    await write(socket, saying(dice, hello), dice);
    if (dice.chance(0.3)) await later(dice.below(20));
  }
}

async function write(socket: Socket, bytes: Buffer, dice: Dice): Promise<void> {
  const how = dice.below(4);
  if (how > 1 || bytes.length < 2) return void socket.write(bytes);
  const pieceBytes = how === 0 && bytes.length < 300 ? 1 : 1 + dice.below(bytes.length);
  for (let start = 0; start < bytes.length && !socket.destroyed; start += pieceBytes) {
    socket.write(bytes.subarray(start, start + pieceBytes));
    await nextTurn();
  }
}

async function leave(raw: Socket, socket: Socket, dice: Dice): Promise<void> {
  switch (dice.below(5)) {
    case 0:
      reset(raw);
      break;
    case 1:
      socket.destroy();
      break;
    case 2:
      socket.end();
      await later(dice.below(STAY_MS));
      break;
    case 3:
      await later(dice.below(STAY_MS));
      break;
    default:
      socket.end();
      await later(dice.below(20));
      reset(raw);
  }
  socket.destroy();
  raw.destroy();
}

/**
 * The raw socket as TLS sees it: Node itself crashes if a socket is reset under its TLS. With dice, some of the output
 * is damaged: invalid records, in any state of the handshake or after it.
 */
export function wireOver(raw: Socket, dice: Dice | null): Duplex {
  const wire = new Duplex({
    read: () => undefined,
    write: (bytes: Buffer, _encoding, done) => {
      raw.write(dice?.chance(0.3) ? damaged(dice, bytes) : bytes);
      done();
    },
    final: (done) => {
      raw.end();
      done();
    },
  });
  raw.on('data', (bytes) => wire.push(bytes));
  raw.on('end', () => wire.push(null));
  raw.on('close', () => wire.destroy());
  return wire.on('error', () => undefined);
}

/** Resets as soon as Node can: a socket that is reset while it is ending is never closed, and its descriptor leaks. */
export function reset(raw: Socket): void {
  if (raw.writableEnded && !raw.writableFinished) raw.destroy();
  else raw.resetAndDestroy();
}

/** Resources that this process has run out of: from then on it finds nothing, and blames the servers. */
export const exhausted = new Set<string>();

function noticeExhaustion({ code = '' }: NodeJS.ErrnoException): void {
  if (['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS'].includes(code)) exhausted.add(code);
}

/**
 * Picks one of many local addresses: the ports of a single one run out within minutes, as each is kept for a minute.
 */
function from(dice: Dice): { host: string; localAddress: string } {
  return { host: '127.0.0.1', localAddress: `127.0.${dice.below(8)}.${2 + dice.below(250)}` };
}

/** Resolves to true if the event comes before the socket closes. */
function happens(socket: Socket, event: 'connect' | 'secureConnect'): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), CONNECT_MS);
    const settle = (value: boolean) => (): void => {
      clearTimeout(timer);
      resolve(value);
    };
    socket.once(event, settle(true));
    socket.once('close', settle(false));
  });
}

/** Captures the first bytes of a real TLS client. */
export function clientHello(
  listen: (onSocket: (socket: Socket) => void) => Promise<{ port: number; close(): void }>,
): Promise<Buffer> {
  return new Promise((resolve) => {
    void listen((socket) => {
      socket.once('data', (bytes: Buffer) => {
        socket.destroy();
        resolve(bytes);
      });
    }).then(({ port, close }) => {
      const client = connectTls({ host: '127.0.0.1', port });
      client.on('error', () => undefined).on('close', close);
    });
  });
}
