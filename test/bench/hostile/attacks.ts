import { Flood, SMALL_MESSAGES } from '../../support/flood';
import { envelopeHead, plain, RawConnection, taskRequest } from '../../support/raw';
import { FakePeer } from './fake-peer';

/** The target of an attack: loopback only, and for a limited time. */
export interface Target {
  /** The attacked server: the leader, if there is one. */
  address: string;
  id: number;
  /** The other servers. */
  peers: { id: number; address: string }[];
  /** The server that is not started, if `fakePeer` takes its place. */
  fake?: { id: number; port: number };
  /** Resolves when the attack is to end. */
  over: Promise<void>;
}

export interface Attack {
  /** The point of the issue that asked for the defence. */
  point: number;
  name: string;
  servers: 1 | 3;
  /** Soft and hard limit of open files of the servers. */
  openFiles?: number;
  /** If true, server 3 is not started: the attack takes its place. */
  fakePeer?: true;
  /** Attacks until `over`; returns the bytes sent. */
  run(target: Target): Promise<number>;
}

const FLOODERS = 4;
const DEAF = 40;
const MB = 1024 * 1024;

/** Looks like the first bytes of TLS. */
const HELLO = Buffer.concat([Buffer.from('16030100f4010000f00303', 'hex'), Buffer.alloc(40)]);

const floods: Attack[] = Object.keys(SMALL_MESSAGES).map((kind) => ({
  point: 3,
  name: `flood of ${kind}, ${FLOODERS} connections`,
  servers: 3,
  run: (target) => flood(target, kind, FLOODERS, true),
}));

export const ATTACKS: Attack[] = [
  { point: 1, name: 'TLS hello, then reset', servers: 1, run: resets },
  { point: 2, name: '1,100 idle connections, nofile 1,024', servers: 1, openFiles: 1024, run: idle },
  ...floods,
  {
    point: 3,
    name: `${DEAF} connections that read no Errors`,
    servers: 3,
    run: (target) => flood(target, 'missing fields', DEAF, false),
  },
  { point: 4, name: '2,000 forged subscriptions', servers: 3, run: subscriptions },
  { point: 5, name: 'a peer says term 2^53 - 1', servers: 3, fakePeer: true, run: hugeTerm },
  { point: 6, name: '130 tasks with 1,024 control characters as names', servers: 3, run: longNames },
  { point: 7, name: '74 readers that take nothing, timeout_ms 3,600,000', servers: 1, run: slowReaders },
];

async function flood(target: Target, kind: string, connections: number, reads: boolean): Promise<number> {
  const attackers = await Flood.start(target.address, kind, connections, { reads });
  await target.over;
  const { sentBytes } = attackers;
  attackers.stop();
  return sentBytes;
}

/** Opens one connection after the other, in eight lanes. */
async function resets({ address, over }: Target): Promise<number> {
  let isOver = false;
  void over.then(() => (isOver = true));
  let sentBytes = 0;
  const row = async (): Promise<void> => {
    while (!isOver) {
      const connection = await RawConnection.open(address).catch(() => null);
      if (connection === null) await pause(10);
      else await new Promise((done) => connection.socket.write(HELLO, () => done(connection.socket.resetAndDestroy())));
      sentBytes += HELLO.length;
    }
  };
  await Promise.all(Array.from({ length: 8 }, row));
  return sentBytes;
}

async function idle({ address, over }: Target): Promise<number> {
  const opened = await openMany(address, 1100);
  await over;
  for (const connection of opened) connection.destroy();
  return 0;
}

async function subscriptions({ address, peers, over }: Target): Promise<number> {
  const opened = await openMany(address, 2000);
  const frames = peers.map(({ id }) => plain({ Subscribe: { from_id: id } }));
  opened.forEach((connection, index) => connection.send(frames[index % frames.length]!).socket.on('data', () => {}));
  await over;
  for (const connection of opened) connection.destroy();
  return opened.length * frames[0]!.length;
}

async function hugeTerm({ address, id, peers, fake, over }: Target): Promise<number> {
  const others = [{ id, address }, ...peers.filter((peer) => peer.id !== fake!.id)];
  const peer = await FakePeer.start(fake!.id, fake!.port, others, Number.MAX_SAFE_INTEGER);
  await over;
  await peer.stop();
  return peer.sentBytes;
}

async function longNames({ address, over }: Target): Promise<number> {
  const secret = Buffer.alloc(64 * 1024);
  const opened = await openMany(address, 130);
  opened.forEach((connection, index) => {
    const task = taskRequest('\u0001'.repeat(1020) + String(index).padStart(4, '0'), index);
    connection.socket.on('data', () => connection.send(Buffer.concat([envelopeHead(task, secret.length), secret])));
    connection.send(Buffer.concat([envelopeHead(task, secret.length), secret]));
  });
  await over;
  const sentBytes = opened.reduce((sum, { socket }) => sum + socket.bytesWritten, 0);
  for (const connection of opened) connection.destroy();
  return sentBytes;
}

async function slowReaders({ address, over }: Target): Promise<number> {
  const secret = Buffer.alloc(7 * MB);
  const opened = await openMany(address, 74);
  for (const [index, connection] of opened.entries()) {
    const { TaskRequest } = taskRequest('slow', index);
    const task = { TaskRequest: { ...TaskRequest, timeout_ms: 3_600_000 } };
    connection.stopReading().send(envelopeHead(task, secret.length)).send(secret);
  }
  await over;
  for (const connection of opened) connection.destroy();
  return opened.length * secret.length;
}

/** Opens as many connections as the server accepts. */
async function openMany(address: string, count: number): Promise<RawConnection[]> {
  const opened = Array.from({ length: count }, () => RawConnection.open(address).catch(() => null));
  return (await Promise.all(opened)).filter((connection) => connection !== null);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
