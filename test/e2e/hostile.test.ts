import { readFileSync } from 'node:fs';
import path from 'node:path';
import { systemClock } from '../../src/core/system/system-clock';
import { Cluster } from '../support/cluster';
import { inCluster, settled } from '../support/in-cluster';
import { startLoad, type Load } from '../support/client-load';
import { MB, MemoryWatch } from '../support/memory';
import { inFolder, PROGRAM } from '../support/program';
import { envelopeHead, frame, plain, RawConnection, taskRequest, type RawFrame } from '../support/raw';
import { expectHeld, verdicts } from '../support/verdicts';

const SMALL = { name: 'small.png', bytes: readFileSync(path.join(__dirname, '../../test_images/small.png')) };
const CLIENTS = 2;
const HELD_MS = 1500;
const MAX_GROWTH_MB = 250;
const MAX_LATENCY_MS = 1000;
const CLAIMED_BYTES = 60_000_000;
const MAX_SECRET_BYTES = 7_340_032;

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const error = (code: string) => ({ Error: { code, message: expect.any(String) } });

async function expectRefused(connection: RawConnection, code: string): Promise<void> {
  expect((await connection.next()).message).toEqual(error(code));
  await connection.closed();
}

async function expectGoesOn(connection: RawConnection): Promise<void> {
  expect(await connection.ask('LeaderQuery')).toHaveProperty('LeaderResponse.leader_id');
}

function responseOf({ message }: RawFrame): Record<string, unknown> {
  return (message as { TaskResponse: Record<string, unknown> }).TaskResponse;
}

describe('an attacker of the leader, while clients work', () => {
  let cluster: Cluster;
  let load: Load;
  let memory: MemoryWatch;
  let leader: { term: number; leaderId: number };
  let address: string;
  let endCluster: () => void;
  let ended: Promise<void>;

  beforeAll(async () => {
    await new Promise<void>((started, failed) => {
      ended = inCluster({ servers: 3 }, async (running) => {
        cluster = running;
        started();
        await new Promise<void>((resolve) => (endCluster = resolve));
      });
      ended.catch(failed);
    });
    leader = await cluster.agreement();
    address = cluster.address(leader.leaderId);
    load = startLoad({ addresses: cluster.addresses, clients: CLIENTS, image: SMALL, thinkMs: 10 });
    await cluster.until('the clients are under way', () => load.records.length >= 100);
    memory = new MemoryWatch(cluster.ids.map((id) => cluster.processes.get(id)!.pid!));
  }, 30_000);

  afterAll(async () => {
    memory.stop();
    await load.stop();
    endCluster();
    await ended;
  }, 30_000);

  /** Runs an attack that the clients must not notice; closes the connections it opened afterwards. */
  async function unnoticed(attack: (opened: RawConnection[]) => Promise<void>): Promise<void> {
    const before = load.records.length;
    const opened: RawConnection[] = [];
    try {
      await attack(opened);
      const sinceMs = systemClock.unixMs();
      const isServed = (): boolean =>
        load.records.filter(({ start_time }) => start_time >= sinceMs).length >= 3 * CLIENTS;
      await cluster.until('requests that began under attack end', isServed, 10_000);
    } finally {
      for (const connection of opened) connection.destroy();
    }
    const records = load.records.slice(before);
    const slowest = Math.max(...records.map(({ latency_ms }) => latency_ms));
    console.log(
      `${expect.getState().currentTestName}: ${records.length} requests, slowest ${slowest.toFixed(0)} ms, ` +
        `memory +${memory.grownMb.join('/')} MB`,
    );
    expect(records.filter(({ success }) => !success)).toEqual([]);
    expect(slowest).toBeLessThan(MAX_LATENCY_MS);
    expect(Math.max(...memory.grownMb)).toBeLessThan(MAX_GROWTH_MB);
    expect(cluster.agreed(cluster.ids)).toEqual(leader);
  }

  const open = async (opened: RawConnection[], count = 1): Promise<RawConnection[]> => {
    const more = await RawConnection.openMany(address, count);
    opened.push(...more);
    return more;
  };

  test('200 connections claim 60 MB and never finish', async () => {
    await unnoticed(async (opened) => {
      const task = JSON.stringify(taskRequest('Hostile', 1)).slice(0, -2);
      const beginnings = [
        frame(`${task},"secret_image_data":[${'7,'.repeat(4000)}`, CLAIMED_BYTES),
        frame(`${task},"secret_image_data":"${'A'.repeat(8000)}`, CLAIMED_BYTES),
        Buffer.concat([envelopeHead(taskRequest('Hostile', 1), CLAIMED_BYTES), Buffer.alloc(8000)]),
        frame(`{"TaskRequest":{"client_name":"${'x'.repeat(8000)}`, CLAIMED_BYTES),
      ];
      const connections = await open(opened, 200);
      connections.forEach((connection, index) => connection.send(beginnings[index % beginnings.length]!));
      await later(HELD_MS);
    });
  }, 30_000);

  test('50 half headers', async () => {
    await unnoticed(async (opened) => {
      for (const connection of await open(opened, 50)) connection.send(Buffer.from([0, 1]));
      await later(HELD_MS);
    });
  }, 30_000);

  test('answers garbage, HTTP and TLS with an error and closes', async () => {
    await unnoticed(async (opened) => {
      const hello = Buffer.from('16030100c8010000c40303', 'hex');
      const words: [Buffer, string][] = [
        [Buffer.from('GET / HTTP/1.1\r\nHost: example.com\r\n\r\n'), 'frame_too_large'],
        [Buffer.concat([hello, Buffer.alloc(200, 7)]), 'frame_too_large'],
        [Buffer.alloc(4096, 0xff), 'frame_too_large'],
        [Buffer.alloc(4096), 'bad_frame'],
        [frame(Buffer.alloc(100, 0x99)), 'bad_frame'],
        [frame('{"LeaderQuery":'), 'bad_frame'],
        [frame(Buffer.from([0x22, 0xff, 0xfe, 0x22])), 'bad_frame'],
        [frame(Buffer.from([1, 0, 0, 0, 200, 0x7b])), 'bad_frame'],
        [envelopeHead({ LeaderQuery: {} }, 1000), 'bad_frame'],
      ];
      for (const [bytes, code] of words) {
        const [connection] = await open(opened);
        await expectRefused(connection!.send(bytes), code);
      }
    });
  }, 30_000);

  test('[ × 60 million, bare and in every place where a large frame is read', async () => {
    await unnoticed(async (opened) => {
      const beginnings: [string, string, RegExp][] = [
        ['', '[', /^bad_frame$/],
        ['{"a":', '[', /^frame_too_large$/],
        ['"', '[', /^frame_too_large$/],
        ['{"TaskRequest":', '[', /^frame_too_large$/],
        ['{"TaskRequest":{"secret_image_data":', '[', /^bad_(frame|message)$/],
        ['{"TaskRequest":{"secret_image_data":[', ' ', /^(bad_frame|bad_message|frame_too_large)$/],
        ['{"TaskRequest":{"secret_image_data":[', '1,', /^(bad_frame|bad_message|frame_too_large|secret_too_large)$/],
        ['{"TaskRequest":{"secret_image_data":"', 'A', /^(bad_frame|bad_message|frame_too_large|secret_too_large)$/],
        ['{"TaskRequest":{"client_name":"', 'x', /^frame_too_large$/],
        ['{"TaskRequest":{"x":', '{"x":', /^frame_too_large$/],
      ];
      for (const [begin, filler, code] of beginnings) {
        const [connection] = await open(opened);
        connection!.send(frame(begin, CLAIMED_BYTES));
        await connection!.stream(Buffer.from(filler.repeat(65_536 / filler.length)), CLAIMED_BYTES - begin.length);
        const { message } = await connection!.next(20_000);
        expect((message as { Error: { code: string } }).Error.code).toMatch(code);
        await connection!.closed();
      }
    });
  }, 60_000);

  test('deep nesting in small frames', async () => {
    await unnoticed(async (opened) => {
      for (const bytes of [
        `{"LeaderQuery":${'['.repeat(60_000)}`,
        `${'{"a":'.repeat(13_000)}1`,
        `{"TaskRequest":{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}}`,
        `{"LeaderQuery":{"a":${'['.repeat(17)}${']'.repeat(17)}}}`,
      ]) {
        const [connection] = await open(opened);
        await expectRefused(connection!.send(frame(bytes)), 'bad_frame');
      }
      const [head] = await open(opened);
      const deep = Buffer.from('['.repeat(60_000));
      const sizes = Buffer.from([1, 0, 0, 0, 0]);
      sizes.writeUInt32BE(deep.length, 1);
      await expectRefused(head!.send(frame(Buffer.concat([sizes, deep, Buffer.alloc(100)]))), 'bad_frame');
    });
  }, 30_000);

  test('forged peer messages are not believed', async () => {
    await unnoticed(async (opened) => {
      const term = 1_000_000_000;
      const [other, another] = cluster.ids.filter((id) => id !== leader.leaderId);
      const heartbeat = {
        timestamp: 1,
        load: 0,
        term,
        incarnation: 'ff',
        workers: 4,
        phase: 'ready',
        hears: [1, 2, 3],
      };
      const task = { run_id: 'load', client_name: 'Client_1', request_id: 1 };
      const forged = [other, another, leader.leaderId, 99].flatMap((id) => [
        { Election: { from_id: id, priority: -1, term, incarnation: 'ff' } },
        { Election: { from_id: id, priority: -1, term: 2 ** 48, incarnation: 'ff' } },
        { Alive: { from_id: id, term } },
        { Yield: { from_id: id, term } },
        { Coordinator: { leader_id: id, term } },
        { Heartbeat: { from_id: id, leader_id: id, ...heartbeat } },
        { Heartbeat: { from_id: id, leader_id: id, ...heartbeat, phase: 'leaving' } },
        { Leave: { from_id: id, term: leader.term } },
        { LeaderCheckResponse: { check_id: 1, term, leader_id: id, lives: true } },
        { HistoryAdd: { ...task, assigned_server_id: id, timestamp: 1 } },
        { HistoryRemove: task },
        { HistorySyncResponse: { from_server_id: id, history_entries: [['Client_1', 1, id, 1]], run_ids: ['load'] } },
        { TaskAssignmentResponse: { request_id: 1, assigned_server_id: id, leader_id: id, term, relay_id: 1 } },
      ]);
      for (const each of cluster.addresses) {
        const connections = await RawConnection.openMany(each, 2);
        opened.push(...connections);
        const [quiet, subscriber] = connections as [RawConnection, RawConnection];
        for (const message of forged) expect(await quiet.ask(message)).toEqual(error('not_a_peer'));
        await expectGoesOn(quiet);
        // A connection that subscribed as a peer cannot send peer messages either.
        subscriber.send(plain({ Subscribe: { from_id: cluster.ids.find((id) => cluster.address(id) !== each) } }));
        for (const message of forged) subscriber.send(plain(message));
      }
      await later(HELD_MS);
    });
  }, 30_000);

  test('100 forged subscriptions as each peer that never read', async () => {
    await unnoticed(async (opened) => {
      for (const id of cluster.ids) {
        for (const connection of await open(opened, 100)) {
          connection.stopReading().send(plain({ Subscribe: { from_id: id } }));
        }
      }
      await later(2 * HELD_MS);
    });
  }, 30_000);

  test("cancels and acks of others' tasks change nothing", async () => {
    await unnoticed(async (opened) => {
      const connections = await open(opened, 2);
      const untilMs = performance.now() + HELD_MS;
      while (performance.now() < untilMs) {
        const next = Math.max(...load.records.map(({ request_id }) => request_id));
        for (let ahead = 0; ahead < 20; ahead++) {
          for (const client_name of ['Client_1', 'Client_2']) {
            const name = { run_id: 'load', client_name, request_id: next + ahead };
            for (const connection of connections) {
              connection.send(Buffer.concat([plain({ TaskCancel: name }), plain({ TaskAck: name })]));
            }
          }
        }
        await later(5);
      }
      for (const connection of connections) await expectGoesOn(connection);
    });
  }, 30_000);

  test('refuses empty secrets, and the connection stays open', async () => {
    await unnoticed(async (opened) => {
      const [connection] = await open(opened);
      const task = taskRequest('Empty', 1);
      const ofData = (secret_image_data: unknown) => plain({ TaskRequest: { ...task.TaskRequest, secret_image_data } });
      for (const bytes of [envelopeHead(task, 0), ofData([]), ofData(''), ofData(null), plain(task)]) {
        const answer = responseOf(await connection!.send(bytes).next());
        expect(answer).toMatchObject({ request_id: 1, success: false, error_message: expect.stringMatching(/empty/) });
      }
      await expectGoesOn(connection!);
    });
  }, 30_000);

  test('refuses secrets of 8 MB with the limit, in both forms, and the connection stays open', async () => {
    await unnoticed(async (opened) => {
      const [connection] = await open(opened);
      const bytes = 8_000_000;
      const refusal = {
        request_id: 5,
        success: false,
        error_code: 'secret_too_large',
        error_message: expect.stringMatching(new RegExp(`${bytes}\\b.*${MAX_SECRET_BYTES}`)),
      };
      connection!.send(envelopeHead(taskRequest('Large', 5), bytes));
      await connection!.stream(Buffer.alloc(MB), bytes);
      expect(responseOf(await connection!.next())).toMatchObject(refusal);
      const begin = `${JSON.stringify(taskRequest('Large', 5)).slice(0, -2)},"secret_image_data":`;
      const integers = Buffer.from(`${begin}[${'7,'.repeat(bytes - 1)}7]}}`);
      connection!.send(frame(integers));
      expect(responseOf(await connection!.next())).toMatchObject(refusal);
      connection!.send(frame(`${begin}"${Buffer.alloc(bytes).toString('base64')}"}}`));
      expect(responseOf(await connection!.next())).toMatchObject(refusal);
      await expectGoesOn(connection!);
    });
  }, 30_000);

  test('answers unknown and incomplete messages with an Error, and the connection stays open', async () => {
    await unnoticed(async (opened) => {
      const [connection] = await open(opened);
      const wrong: [unknown, string][] = [
        [{ Nonsense: { a: 1 } }, 'unknown_message'],
        ['Nonsense', 'unknown_message'],
        [{ __proto__: null, constructor: {} }, 'unknown_message'],
        [{}, 'bad_message'],
        [{ TaskStatusQuery: { client_name: 7, request_id: 1 } }, 'bad_message'],
        [{ TaskStatusQuery: { client_name: 'x'.repeat(2000), request_id: 1 } }, 'bad_message'],
        [{ TaskAssignmentRequest: { client_name: 'x', request_id: -1 } }, 'bad_message'],
        [{ TaskAssignmentRequest: { client_name: 'x', request_id: 1e300 } }, 'bad_message'],
        [{ LeaderQuery: {}, StatusQuery: {} }, 'bad_message'],
        [{ TaskRequest: [] }, 'bad_message'],
      ];
      for (const [message, code] of wrong) expect(await connection!.ask(message)).toEqual(error(code));
      connection!.send(Buffer.concat([envelopeHead({ Nonsense: {} }, 100_000), Buffer.alloc(100_000)]));
      expect((await connection!.next()).message).toEqual(error('unknown_message'));
      await expectGoesOn(connection!);
    });
  }, 30_000);

  test('a restarted peer is heard although forged subscriptions fill its name', async () => {
    const follower = cluster.ids.find((id) => id !== leader.leaderId)!;
    const opened: RawConnection[] = [];
    try {
      await cluster.kill(follower);
      await open(opened, 100);
      for (const connection of opened) connection.stopReading().send(plain({ Subscribe: { from_id: follower } }));
      await expectGoesOn((await open(opened))[0]!);
      cluster.restart(follower);
      const starts = (): number => cluster.events(follower).filter(({ event }) => event === 'started').length;
      await cluster.until('the follower started again', () => starts() === 2);
      await cluster.ready([follower]);
      await cluster.until('all follow the same leader', () => cluster.agreed(cluster.ids) !== null, 8000);
      expect(cluster.agreed(cluster.ids)).toEqual(leader);
      const fromMs = systemClock.unixMs();
      const works = ({ event, time }: { event: string; time: number }): boolean =>
        event === 'executed' && time > fromMs;
      await cluster.until('the leader gives it tasks again', () => cluster.events(follower).some(works), 5000);
    } finally {
      for (const connection of opened) connection.destroy();
    }
  }, 30_000);

  test('afterwards the files satisfy S1 to S8', async () => {
    await load.stop();
    await cluster.agreement();
    await settled(cluster);
    expect(load.records.filter(({ success }) => !success)).toEqual([]);
    expectHeld(verdicts(cluster, load.records));
  }, 30_000);
});

test('closes a connection whose frame exceeds frame_timeout_secs, not one that idles between frames', async () => {
  await inFolder(async (folder) => {
    const extraToml = '[limits]\nframe_timeout_secs = 0.5';
    const cluster = await Cluster.create({ command: [PROGRAM], folder, servers: 1, extraToml });
    try {
      cluster.start(1);
      await cluster.ready();
      const idle = await RawConnection.open(cluster.address(1));
      await expectGoesOn(idle);
      const beginnings = [
        Buffer.from([0, 0]),
        frame('{"Leader', 100),
        frame('{"TaskRequest":{"client_name":"x","secret_image_data":[1,2', 1_000_000),
        Buffer.concat([envelopeHead(taskRequest('Slow', 1), 1000), Buffer.alloc(10)]),
        frame(Buffer.from([1, 0, 0, 0, 100, 0x7b]), 1000),
      ];
      await Promise.all(
        beginnings.map(async (bytes) => {
          const connection = (await RawConnection.open(cluster.address(1))).send(bytes);
          const startMs = performance.now();
          // A steady trickle does not delay it: the time counts from the first byte.
          const drip = setInterval(() => bytes.length > 4 && connection.send(Buffer.from(' ')), 100);
          try {
            await expectRefused(connection, 'frame_timeout');
          } finally {
            clearInterval(drip);
          }
          expect(performance.now() - startMs).toBeGreaterThan(400);
          expect(performance.now() - startMs).toBeLessThan(1500);
        }),
      );
      await expectGoesOn(idle);
      idle.destroy();
    } finally {
      await cluster.stop();
    }
  });
}, 30_000);
