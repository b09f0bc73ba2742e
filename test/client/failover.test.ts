import { setImmediate as nextTurn } from 'node:timers/promises';
import { ClusterError } from '../../src/core/errors';
import { PauseWatch } from '../../src/core/system/pause-watch';
import { systemClock } from '../../src/core/system/system-clock';
import type { Connection } from '../../src/core/transport/network';
import { randomBytes } from '../imaging/pictures';
import { clientOf, closeAll, startServers } from './clients';
import { carrierOf, type Heard, type Script, type ScriptedServer } from './scripted-server';

const image = { name: 'small.png', bytes: randomBytes(1000) };
const large = { name: 'large.png', bytes: randomBytes(400_000) };

/** The clients' clock in tests in which time passes between two requests. */
let aheadMs = 0;
const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + aheadMs };

let pauses = new PauseWatch(clock);

/** Time passes in which this process ran. */
function pass(ms: number): void {
  for (let passed = 0; passed < ms; passed += 250) {
    aheadMs += 250;
    pauses.look();
  }
}

/** This process stands still. */
function standStill(ms: number): void {
  aheadMs += ms;
}

beforeEach(() => {
  aheadMs = 0;
  pauses = new PauseWatch(clock);
});
afterEach(closeAll);

/**
 * Starts a bad server 1 and a good server 2; both assign every task to 1 unless it is excluded, so that each task
 * reaches the bad one first.
 */
async function badAndGood(onTask: Script['onTask']): Promise<[ScriptedServer, ScriptedServer]> {
  const servers: ScriptedServer[] = [];
  const onAsk: Script['onAsk'] = (ask, self) => {
    const isExcluded = ask.message.excluded_server_ids?.includes(1) ?? false;
    self.assign(ask, servers[isExcluded ? 1 : 0]!, 1);
  };
  servers.push(...(await startServers({ onAsk, onTask }, { onAsk })));
  return [servers[0]!, servers[1]!];
}

/** Other bytes of the same length. */
function other(secret: Uint8Array): Buffer {
  return Buffer.from(secret.map((byte) => byte ^ 0x55));
}

/** Sends the head of a TaskResponse and the first `bytes` of its carrier; returns a function that sends the rest. */
function begin({ connection, message, secret }: Heard, bytes: number): () => void {
  const carrier = carrierOf(secret);
  const { request_id } = message as { request_id: number };
  const writer = connection.sendBody(
    { kind: 'TaskResponse', request_id, success: true, error_message: null },
    carrier.length,
  );
  writer.write(carrier.subarray(0, bytes));
  return () => void writer.write(carrier.subarray(bytes));
}

describe('a server that fails: the task goes to another one', () => {
  const failings: Record<string, Script['onTask']> = {
    'closes before it answers': ({ connection }) => connection.destroy(),
    'closes inside the carrier': (task) => {
      begin(task, 500);
      setImmediate(() => task.connection.destroy());
    },
    'sends what is no frame': ({ connection }) => connection.sendFrame(Buffer.from('\0\0\0\u0009nonsense!')),
    'sends a frame of absurd length': ({ connection }) => connection.sendFrame(Buffer.alloc(64, 0xff)),
    'sends an answer without its fields': ({ connection }) =>
      connection.sendFrame(Buffer.from('\0\0\0\u0013{"TaskResponse":{}}')),
  };

  it.each(Object.keys(failings))('%s', async (name) => {
    const [bad, good] = await badAndGood(failings[name]!);
    const record = await clientOf([bad, good]).request(image, 1);
    expect(record).toMatchObject({ success: true, assigned_server_id: 2, retry_count: 1, hedged: false });
    expect(record.latency_ms).toBeLessThan(1000);
    await bad.until(() => bad.connections.length < 2);
  });

  it('is dead when it is assigned', async () => {
    const [bad, good] = await badAndGood(() => undefined);
    const client = clientOf([bad, good]);
    await bad.close();
    expect(await client.request(image, 1)).toMatchObject({ success: true });
    expect(good.all('TaskRequest').length).toBe(1);
  });

  it.each([
    ['nowhere', false],
    ['127.0.0.1:0', false],
    ['', false],
    ['no-such-host.invalid:80', true],
  ])('is assigned at "%s"', async (address, isTried) => {
    const [server, other] = await startServers(
      { onAsk: (ask, self) => self.assign(ask, { id: 9, address }) },
      { onAsk: (ask, self) => self.assign(ask, { id: 9, address }) },
    );
    const record = await clientOf([server!, other!]).request(image, 1);
    expect(record).toMatchObject({ success: true });
    expect(record.retry_count > 0).toBe(isTried);
  });
});

describe('servers that break the protocol', () => {
  const nonsense: Script['onTask'] = ({ connection }) => connection.sendFrame(Buffer.from('\0\0\0\u0009nonsense!'));
  const failure_reason = 'Server error: broke the protocol: a frame begins with byte 110';

  it('all of them: the task fails after the second, with the reason', async () => {
    const servers = await startServers({ onTask: nonsense }, { onTask: nonsense }, { onTask: nonsense });
    const record = await clientOf(servers).request(image, 1);
    expect(record).toMatchObject({ success: false, failure_reason, retry_count: 2 });
    expect(record.latency_ms).toBeLessThan(1000);
    expect(servers.reduce((sum, server) => sum + server.all('TaskRequest').length, 0)).toBe(2);
  });

  it('the only one gets the task once more', async () => {
    const [server] = await startServers({ onTask: nonsense });
    const record = await clientOf([server!]).request(image, 1);
    expect(record).toMatchObject({ success: false, failure_reason });
    expect(server!.all('TaskRequest').length).toBe(2);
  });
});

describe('a slow server', () => {
  it('never answers: another one gets the task, too, and the first is told to stop', async () => {
    const [bad, good] = await badAndGood(() => undefined);
    const record = await clientOf([bad, good]).request(image, 1);
    expect(record).toMatchObject({ success: true, hedged: true, retry_count: 0 });
    expect(record.latency_ms).toBeGreaterThanOrEqual(100);
    expect((await bad.got('TaskCancel'))[0]!.message).toMatchObject({ request_id: 1 });
    expect(good.all('TaskCancel')).toEqual([]);
  });

  it('answers late with little: the rest is drained, the connection stays', async () => {
    let finish = (): void => undefined;
    const [bad, good] = await badAndGood((task, self) => {
      if (task.message.request_id === 1) finish = begin(task, 500);
      else self.answer(task);
    });
    const client = clientOf([bad, good]);
    expect(await client.request(image, 1)).toMatchObject({ success: true, hedged: true });
    finish();
    const others = [2, 3, 4, 5].map((id) => client.request(image, id));
    for (const other of others) expect(await other).toMatchObject({ success: true });
    expect(bad.connections.length + good.connections.length).toBe(2);
  });

  it('answers late with much: the connection is closed', async () => {
    let finish = (): void => undefined;
    const [bad, good] = await badAndGood((task) => void (finish = begin(task, 100_000)));
    const client = clientOf([bad, good]);
    expect(await client.request(large, 1)).toMatchObject({ success: true, hedged: true });
    // A client that has read all of it ends the stream without a reset, which comes with the next bytes only.
    await nextTurn();
    finish();
    await bad.until(() => bad.connections.length === 0);
    expect(client.connectionCount).toBe(1);
  });

  it('nobody answers: the timeout, and a cancel', async () => {
    const [server] = await startServers({ onTask: () => undefined });
    const client = clientOf([server!], { requestTimeoutMs: 300 });
    const record = await client.request(image, 1);
    expect(record).toMatchObject({ outcome: 'failure', failure_reason: 'Request timeout after 0.3s', success: false });
    expect(record.latency_ms).toBeGreaterThanOrEqual(300);
    expect(record.latency_ms).toBeLessThan(600);
    expect(record.bytes_received).toBeGreaterThan(0);
    await server!.got('TaskCancel');
  });

  it('was silent for a second: reconnects next time', async () => {
    const [server] = await startServers({ onTask: () => undefined });
    const client = clientOf([server!], { requestTimeoutMs: 1200 });
    await client.request(image, 1);
    await server!.until(() => server!.connections.length === 0);
    server!.script.onTask = (task, self) => self.answer(task);
    expect(await client.request(image, 2)).toMatchObject({ success: true });
    expect(server!.acceptedCount).toBe(2);
  });

  it('does not assign: after a while the task is sent without an assignment', async () => {
    const [server] = await startServers({ onAsk: () => undefined });
    const client = clientOf([server!]);
    const record = await client.request(image, 1);
    expect(record).toMatchObject({ success: true, assigned_server_id: null });
    expect(record.latency_ms).toBeGreaterThanOrEqual(250);
    const second = await client.request(image, 2);
    expect(second.latency_ms).toBeLessThan(250);
  });
});

describe('a silently dead connection, as after a firewall forgot it', () => {
  /**
   * Starts the servers of `badAndGood`, with a leader; server 1 hears nothing on the connections that exist when `die`
   * is called.
   */
  async function mortal(leaderId: 1 | 2) {
    const dead = new Set<Connection>();
    const [one, two] = await badAndGood((task, self) => dead.has(task.connection) || self.answer(task));
    for (const { script } of [one, two]) {
      script.onAsk = (ask, self) => {
        if (dead.has(ask.connection)) return;
        const isExcluded = ask.message.excluded_server_ids?.includes(1) ?? false;
        self.assign(ask, isExcluded ? two : one, leaderId);
      };
    }
    return { one, two, die: () => one.connections.forEach((connection) => dead.add(connection)) };
  }

  it('is replaced for the first ask a second later, although the earlier one is no longer awaited', async () => {
    const { one, two, die } = await mortal(1);
    const client = clientOf([one, two], { clock, pauses });
    for (let id = 1; one.all('TaskAssignmentRequest').length < 2; id++) await client.request(image, id);
    die();
    expect(await client.request(image, 11)).toMatchObject({ success: true });
    expect(two.all('TaskRequest').length).toBeGreaterThan(0);
    pass(1000);
    expect(await client.request(image, 12)).toMatchObject({ success: true, assigned_server_id: 1, hedged: false });
    expect([one.acceptedCount, two.acceptedCount]).toEqual([2, 1]);
    await one.until(() => one.connections.length === 1);
  });

  it('is replaced for the first task a second later, although the earlier one was cancelled after 100 ms', async () => {
    const { one, two, die } = await mortal(2);
    const client = clientOf([two], { clock, pauses });
    await client.request(image, 1);
    die();
    expect(await client.request(image, 2)).toMatchObject({ success: true, hedged: true });
    expect(one.connections.length).toBe(1);
    pass(1000);
    expect(await client.request(image, 3)).toMatchObject({ success: true, assigned_server_id: 1, hedged: false });
    expect([one.acceptedCount, two.acceptedCount]).toEqual([2, 1]);
    await one.until(() => one.connections.length === 1);
  });

  it('or one to a slow server: earlier requests are answered on it, then it is closed', async () => {
    let answer = (): void => undefined;
    const [server] = await startServers({
      onTask: (task, self) => {
        if (task.message.request_id === 1) answer = () => self.answer(task);
        else self.answer(task);
      },
    });
    const client = clientOf([server!], { clock, pauses });
    const first = client.request(image, 1);
    await server!.got('TaskRequest');
    pass(1000);
    expect(await client.request(image, 2)).toMatchObject({ success: true });
    expect(server!.connections.length).toBe(2);
    answer();
    expect(await first).toMatchObject({ success: true, retry_count: 0 });
    const acks = await server!.got('TaskAck', 2);
    expect(acks[0]!.connection).not.toBe(acks[1]!.connection);
    await server!.until(() => server!.connections.length === 1);
    expect(await client.request(image, 3)).toMatchObject({ success: true });
    expect([server!.acceptedCount, server!.all('TaskRequest').length]).toEqual([2, 3]);
  });

  it('a connection is not silent because this process stood still', async () => {
    const answers: (() => void)[] = [];
    const [server] = await startServers({ onTask: (task, self) => void answers.push(() => self.answer(task)) });
    const client = clientOf([server!], { clock, pauses });
    const first = client.request(image, 1);
    await server!.got('TaskRequest');
    standStill(12_500);
    const second = client.request(image, 2);
    await server!.got('TaskRequest', 2);
    for (const answer of answers) answer();
    expect(await first).toMatchObject({ success: true, retry_count: 0, hedged: false });
    expect(await second).toMatchObject({ success: true });
    expect(server!.acceptedCount).toBe(1);
  });

  it('or one to a slow server: earlier requests are cancelled on it', async () => {
    const [server] = await startServers({ onTask: (task, self) => task.message.request_id === 1 || self.answer(task) });
    const client = clientOf([server!], { clock, pauses });
    const first = client.request(image, 1);
    const [task] = await server!.got('TaskRequest');
    pass(1000);
    await client.request(image, 2);
    client.abandon();
    expect(await first).toMatchObject({ outcome: 'interrupted' });
    const others = server!.connections.filter((connection) => connection !== task!.connection);
    await server!.until(() => server!.connections.length === 1);
    expect(server!.connections).toEqual(others);
  });
});

describe('answers', () => {
  it.each([
    ['another secret', (secret: Buffer) => carrierOf(other(secret))],
    ['another length', (secret: Buffer) => carrierOf(secret.subarray(1))],
    [
      'one bit wrong',
      (secret: Buffer) => carrierOf(Buffer.concat([secret.subarray(0, -1), Buffer.of(secret.at(-1)! ^ 1)])),
    ],
    ['a truncated carrier', (secret: Buffer) => carrierOf(secret).subarray(0, -20)],
    ['half a carrier', (secret: Buffer) => carrierOf(secret).subarray(0, 4000)],
    ['garbage', () => randomBytes(5000)],
    ['nothing', () => Buffer.alloc(0)],
    ['something after the carrier', (secret: Buffer) => Buffer.concat([carrierOf(secret), Buffer.of(0)])],
  ])('%s: another server does the task, and the wrong one is named', async (_name, body) => {
    const [bad, good] = await badAndGood((task, self) => self.answer(task, body(task.secret)));
    const client = clientOf([bad, good]);
    const record = await client.request(image, 1);
    expect(record).toMatchObject({
      success: true,
      failure_reason: null,
      assigned_server_id: 2,
      retry_count: 1,
      wrong_carriers: [1],
    });
    expect(bad.all('TaskAck')).toEqual([]);
    // The connection is intact and stays in use; the server is avoided for a second.
    bad.script.onTask = (task) => bad.answer(task);
    const second = await client.request(image, 2);
    expect(second).toMatchObject({ success: true, assigned_server_id: 2 });
    expect(second).not.toHaveProperty('wrong_carriers');
    expect(good.all('TaskRequest')).toHaveLength(2);
    expect(bad.connections.length).toBe(1);
  });

  it('wrong carriers of all servers: verification failed', async () => {
    const onTask: Script['onTask'] = (task, self) => self.answer(task, carrierOf(other(task.secret)));
    const servers = await startServers({ onTask }, { onTask });
    const record = await clientOf(servers).request(image, 1);
    expect(record).toMatchObject({ success: false, failure_reason: 'Verification failed' });
    expect([...record.wrong_carriers!].sort()).toEqual([1, 2]);
  });

  it('a large wrong carrier is not read to its end', async () => {
    const [bad, good] = await badAndGood((task, self) => self.answer(task, carrierOf(other(task.secret))));
    const record = await clientOf([bad, good]).request(large, 1);
    expect(record).toMatchObject({ success: true, wrong_carriers: [1] });
    const right = await clientOf([good]).request(large, 2);
    expect(record.bytes_received - right.bytes_received).toBeLessThan(1_000_000);
    await bad.until(() => bad.connections.length === 0);
  });

  it.each(['overloaded', 'starting', 'leaving'])('%s: retried a little later', async (code) => {
    let refusals = 2;
    const [server] = await startServers({
      onTask: (task, self) => (refusals-- > 0 ? self.refuse(task, code, 'not now') : self.answer(task)),
    });
    expect(await clientOf([server!]).request(image, 1)).toMatchObject({ success: true, retry_count: 2 });
  });

  it('overloaded until the deadline', async () => {
    const [server] = await startServers({ onTask: (task, self) => self.refuse(task, 'overloaded', 'full') });
    const client = clientOf([server!], { requestTimeoutMs: 300 });
    expect(await client.request(image, 1)).toMatchObject({ success: false, failure_reason: 'Server overloaded' });
  });

  it('an error of the task: its message, and no retry', async () => {
    const [bad, good] = await badAndGood((task, self) => self.refuse(task, 'secret_too_large', 'too large by 1 byte'));
    let seen: string | undefined;
    const onServerError = (code: string | undefined): void => void (seen = code);
    const record = await clientOf([bad, good]).request(image, 1, { onServerError });
    expect(record).toMatchObject({ failure_reason: 'Server error: too large by 1 byte', retry_count: 0 });
    expect(seen).toBe('secret_too_large');
    expect(good.all('TaskRequest')).toEqual([]);
  });

  it('an Error about the frame counts for the only request in flight', async () => {
    const [bad, good] = await badAndGood(({ connection }) =>
      connection.fail(new ClusterError('frame_too_large', 'at most 100 bytes'), 'protocol'),
    );
    const record = await clientOf([bad, good]).request(image, 1);
    expect(record).toMatchObject({ failure_reason: 'Server error: at most 100 bytes', retry_count: 0 });
  });

  it('to other requests are ignored', async () => {
    const [server] = await startServers({
      onAsk: (ask, self) => {
        const { message } = ask;
        self.assign({ ...ask, message: { ...message, request_id: 99 } }, { id: 9, address: '127.0.0.1:1' });
        self.assign(ask, self);
      },
      onTask: (task, self) => {
        self.answer(task, carrierOf(randomBytes(77)), task.message.request_id + 1);
        self.answer(task);
        self.answer(task);
      },
    });
    const client = clientOf([server!]);
    for (const id of [1, 2, 3])
      expect(await client.request(image, id)).toMatchObject({ success: true, retry_count: 0 });
  });

  it('of unknown kinds are ignored', async () => {
    const [server] = await startServers({
      onTask: (task, self) => {
        task.connection.sendFrame(Buffer.from('\0\0\0\u000e{"Gossip":"x"}'));
        task.connection.send({ kind: 'LeaderResponse', leader_id: 3, term: 1, leader_address: null });
        self.answer(task);
      },
    });
    expect(await clientOf([server!]).request(image, 1)).toMatchObject({ success: true, retry_count: 0 });
  });
});

describe('assignments', () => {
  it('to an unlisted server are followed', async () => {
    const [leader, other] = await startServers({}, {});
    leader!.script.onAsk = (ask, self) => self.assign(ask, other!, 1);
    expect(await clientOf([leader!]).request(image, 1)).toMatchObject({ success: true, assigned_server_id: 2 });
    expect(leader!.all('TaskRequest')).toEqual([]);
  });

  it('to a configured server under another name use the existing connection', async () => {
    const [server] = await startServers({ onAsk: (ask, self) => self.assign(ask, { id: 1, address: 'lab:8001' }) });
    const client = clientOf([server!], { aliases: new Map([['lab:8001', server!.address]]) });
    expect(await client.request(image, 1)).toMatchObject({ success: true, assigned_server_id: 1 });
    expect(client.connectionCount).toBe(1);
  });

  it('to a known server under another name: no second connection, no second copy of a late task', async () => {
    const none = { id: null, address: null } as unknown as { id: number; address: string };
    const servers = await startServers({}, {});
    const [one, two] = servers as [ScriptedServer, ScriptedServer];
    for (const { script, id } of servers) {
      script.onAsk = (ask, self) => self.assign(ask, none, null);
      script.onTask = ({ connection, message: { request_id }, secret }) => {
        const body = carrierOf(secret);
        const response = { request_id, success: true, error_message: null, server_id: id };
        connection.sendBody({ kind: 'TaskResponse', ...response }, body.length).write(body);
      };
    }
    const client = clientOf(servers, { clock, pauses });
    const wellKnown = new Set<number | null>();
    for (let id = 1; wellKnown.size < 2; id++) wellKnown.add((await client.request(image, id)).assigned_server_id);
    const before = servers.map((server) => server.all('TaskRequest').length);
    const names = servers.map(({ id, address }) => ({ id, address: address.replace('127.0.0.1', 'localhost') }));
    for (const { script } of servers) script.onAsk = (ask, self) => self.assign(ask, names[0]!, 1);
    one.script.onTask = () => undefined;
    pass(1000);
    expect(await client.request(image, 99)).toMatchObject({ success: true, hedged: true, assigned_server_id: 2 });
    const after = servers.map((server) => server.all('TaskRequest').length);
    expect(after).toEqual(before.map((count) => count + 1));
    expect([one.acceptedCount, two.acceptedCount]).toEqual([1, 1]);
  });

  it('without a leader: the client chooses', async () => {
    const none = { id: null, address: null } as unknown as { id: number; address: string };
    const onAsk: Script['onAsk'] = (ask, self) => self.assign(ask, none, null);
    const [one, two] = await startServers({ onAsk }, { onAsk });
    const client = clientOf([one!, two!]);
    for (let id = 1; id <= 10; id++) expect(await client.request(image, id)).toMatchObject({ success: true });
    expect(one!.all('TaskRequest').length).toBeGreaterThan(0);
    expect(two!.all('TaskRequest').length).toBeGreaterThan(0);
    expect(one!.all('TaskRequest')[0]!.message.assigned_by_leader).toBe(0);
  });
});

describe('no server at all', () => {
  it('connection refused at the deadline, nothing sent, nothing left open', async () => {
    const [one, two] = await startServers({}, {});
    const client = clientOf([one!, two!], { requestTimeoutMs: 300 });
    await Promise.all([one!.close(), two!.close()]);
    const record = await client.request(image, 1);
    expect(record).toMatchObject({ outcome: 'failure', assigned_server_id: null, bytes_sent: 0, bytes_received: 0 });
    expect(record.failure_reason).toBe('Connection refused');
    expect(record.latency_ms).toBeLessThan(600);
    expect(client.hasHeard).toBe(false);
  });

  it('one that comes back in time is found', async () => {
    const [server] = await startServers({});
    const client = clientOf([server!]);
    await server!.close();
    const running = client.request(image, 1);
    await new Promise((resolve) => setImmediate(resolve));
    await server!.open();
    expect(await running).toMatchObject({ success: true });
    expect(client.hasHeard).toBe(true);
  });
});
