import { eventText } from '../../../src/server/event-text';
import type { Effect, Input } from '../../../src/server/member/effects';
import { conn, events, executions, only, replies, Rig, saidTo, task } from './member-rig';

const NEWS_MS = 5;

const outcome = (rig: Rig, executionId: number, how: 'answered' | 'failed' | 'cancelled' = 'answered') =>
  rig.step({ type: 'executed', executionId, outcome: how });

/** A secret of 5 MB begins to arrive over a connection of this number. */
const head = (id: number, timeout_ms: number): Input => ({
  type: 'taskHead',
  conn: conn(id),
  message: { kind: 'TaskRequest', ...task(id), assigned_by_leader: 1, timeout_ms },
  secretBytes: 5_000_000,
});

/** Makes a server with 1 and 2 on both workers and 3 and 4 in both places of the queue, a connection each. */
function full(): Rig {
  const rig = Rig.alone();
  for (const id of [1, 2, 3, 4]) rig.submit(id, id);
  return rig;
}

describe('a task', () => {
  it('is executed at once while a worker is free, otherwise in order of arrival', () => {
    const rig = Rig.alone();
    expect([1, 2, 3, 4].flatMap((id) => executions(rig.submit(id, id)))).toEqual(['execute 1', 'execute 2']);
    expect(executions(outcome(rig, 2))).toEqual(['execute 3']);
    expect(executions(outcome(rig, 1, 'failed'))).toEqual(['execute 4']);
  });

  it("is executed with its connection, its request and the client's deadline", () => {
    const rig = Rig.alone();
    expect(rig.submit(5, 1, 800)).toContainEqual({
      type: 'execute',
      executionId: 1,
      connId: 5,
      requestId: 1,
      deadlineMs: rig.nowMs + 800,
    });
    expect(rig.submit(6, 2)).toContainEqual(expect.objectContaining({ executionId: 2, deadlineMs: Infinity }));
  });

  it('is reported once when it ends, with its outcome', () => {
    const rig = Rig.alone();
    rig.submit(5, 1);
    expect(only(events(outcome(rig, 1), 'executed'))).toMatchObject({
      ...task(1),
      outcome: 'answered',
      incarnation: 'me',
    });
    expect(outcome(rig, 1)).toEqual([]);
    expect(rig.status()).toMatchObject({ active: 0, tasks_done: 1 });
  });

  it.each([
    ['starting', () => new Rig(), 'starting'],
    ['leaving', () => left(), 'leaving'],
    ['full', full, 'overloaded'],
  ])('is refused at once by a server that is %s, and its bytes are released', (_, create, code) => {
    const rig = create();
    const effects = rig.submit(9, 90, 5000);
    expect(executions(effects)).toEqual(['discard 90']);
    expect(only(replies(effects, 9, 'TaskResponse'))).toMatchObject({
      request_id: 90,
      success: false,
      error_code: code,
    });
  });

  function left(): Rig {
    const rig = Rig.alone();
    rig.submit(5, 1);
    rig.step({ type: 'leave' });
    return rig;
  }

  it('without a deadline waits its turn at a server that is starting: its client would not come back', () => {
    const rig = new Rig({ queueLimit: 1 });
    for (const id of [1, 2, 3]) expect(executions(rig.submit(5, id))).toEqual([]);
    expect(rig.status()).toMatchObject({ active: 0, queued: 3 });
    expect(only(replies(rig.submit(9, 90), 9, 'TaskResponse'))).toMatchObject({ error_code: 'overloaded' });
    expect(executions(rig.pass(5000))).toEqual([]);
    expect(executions(rig.step({ type: 'prepared' }))).toEqual(['execute 1', 'execute 2']);
    expect(executions(outcome(rig, 1))).toEqual(['execute 3']);
  });

  it('that waits at a server that leaves before it is ready is refused', () => {
    const rig = new Rig();
    rig.submit(5, 1);
    const effects = rig.step({ type: 'leave' });
    expect(executions(effects)).toEqual(['discard 1']);
    expect(only(replies(effects, 5, 'TaskResponse'))).toMatchObject({ request_id: 1, error_code: 'leaving' });
    expect(effects.at(-1)).toMatchObject({ type: 'stopped' });
  });

  it('is refused at once if it could not be done in time, by what tasks of its size took before', () => {
    const rig = Rig.alone({ queueLimit: 100 });
    for (const id of [1, 2, 3]) rig.submit(id, id, 10_000);
    rig.pass(5000);
    outcome(rig, 1);
    const [refusal] = replies(rig.submit(9, 90, 10_000), 9, 'TaskResponse');
    expect(refusal).toMatchObject({ error_code: 'overloaded', retry_after_ms: 1000 });
    // A client that states no deadline would not come back.
    expect(executions(rig.submit(9, 91))).toEqual([]);
  });

  it('with a large secret is refused before this has arrived, or has its place until it has', () => {
    const rig = Rig.alone({ workers: 1, queueLimit: 1 });
    const begin = (id: number): Effect[] => rig.step(head(id, 60_000));
    expect(executions(rig.submit(1, 1, 60_000))).toEqual(['execute 1']);
    expect(begin(2)).toEqual([]);
    expect(only(replies(begin(3), 3, 'TaskResponse'))).toMatchObject({ request_id: 3, error_code: 'overloaded' });
    rig.step({ type: 'connClosed', connId: 2 });
    expect(begin(3)).toEqual([]);
    // A secret that stopped arriving holds no place.
    rig.pass(2001);
    expect(begin(4)).toEqual([]);
  });

  it('is accepted while a worker is free, however many heads have come before', () => {
    const rig = Rig.alone({ workers: 1, queueLimit: 1 });
    for (let id = 1; id <= 300; id++) rig.step(head(id, 60_000));
    expect(executions(rig.submit(999, 999, 60_000))).toEqual(['execute 999']);
  });

  it('with a large secret is judged again when that has arrived: heads take no more places than there are', () => {
    const rig = Rig.alone({ workers: 1, queueLimit: 1 });
    const ids = Array.from({ length: 100 }, (_, index) => index + 1);
    for (const id of ids) expect(rig.step(head(id, 60_000))).toEqual([]);
    const effects = ids.flatMap((id) => rig.submit(id, id, 60_000, 5_000_000));
    expect(executions(effects)).toEqual(['execute 1', ...ids.slice(2).map((id) => `discard ${id}`)]);
    expect(rig.status()).toMatchObject({ active: 1, queued: 1 });
    expect(only(replies(effects, 3, 'TaskResponse'))).toMatchObject({ error_code: 'overloaded' });
  });

  it('with a large secret that took too long to arrive is refused', () => {
    const rig = Rig.alone({ workers: 1, queueLimit: 9 });
    rig.step(head(2, 5000));
    rig.submit(1, 1, 60_000, 5_000_000);
    rig.nowMs += 4500;
    expect(executions(rig.submit(2, 2, 5000, 5_000_000))).toEqual(['discard 2']);
  });

  it('refused for lack of room is one event a second, not one per refusal', () => {
    const rig = full();
    const overloaded = [1, 2, 3].flatMap((id) => events(rig.submit(9, 90 + id), 'overloaded'));
    expect(overloaded).toHaveLength(1);
    expect(eventText(overloaded[0]!, 1)!.text).toContain('2 running, 2 queued');
    rig.nowMs += 999;
    expect(events(rig.submit(9, 98), 'overloaded')).toEqual([]);
    rig.nowMs += 1;
    expect(events(rig.submit(9, 99), 'overloaded')).toHaveLength(1);
  });

  it('finds room again as soon as another has ended', () => {
    const rig = full();
    outcome(rig, 1);
    expect(replies(rig.submit(9, 90), 9, 'TaskResponse')).toEqual([]);
  });
});

describe('a queued task', () => {
  it('whose timeout has passed is not executed', () => {
    const rig = Rig.alone();
    for (const [id, timeoutMs] of [
      [1, 9000],
      [2, 9000],
      [3, 500],
      [4, 9000],
    ] as const)
      rig.submit(id, id, timeoutMs);
    rig.nowMs += 500;
    const effects = outcome(rig, 1);
    expect(executions(effects)).toEqual(['execute 4', 'discard 3']);
    expect(events(effects, 'executed').map((event) => event.outcome)).toEqual(['answered', 'expired']);
  });

  it('that arrived with no time left is not executed', () => {
    expect(executions(Rig.alone().submit(5, 1, 0))).toEqual(['discard 1']);
    expect(executions(Rig.alone().submit(5, 1, -7))).toEqual(['discard 1']);
  });

  it('whose connection closed is not executed, and makes room', () => {
    const rig = full();
    const effects = rig.step({ type: 'connClosed', connId: 3 });
    expect([executions(effects), only(events(effects, 'executed')).outcome]).toEqual([
      ['discard 3'],
      'connection closed',
    ]);
    expect(executions(outcome(rig, 1))).toEqual(['execute 4']);
  });
});

describe('a running task', () => {
  it('whose connection closed is stopped, and its worker gets the next', () => {
    const rig = full();
    expect(executions(rig.step({ type: 'connClosed', connId: 1 }))).toEqual(['discard 1', 'execute 3']);
    expect(outcome(rig, 1)).toEqual([]); // its end comes late
  });
});

describe('TaskCancel', () => {
  const cancel = (id: number) => ({ kind: 'TaskCancel' as const, ...task(id) });

  it.each([
    ['a running task', 1, ['discard 1', 'execute 3']],
    ['a queued task', 3, ['discard 3']],
  ])('ends %s on its own connection', (_, id, expected) => {
    const rig = full();
    const effects = rig.say(id, cancel(id));
    expect([executions(effects), only(events(effects, 'executed')).outcome]).toEqual([expected, 'cancelled']);
  });

  it.each<[string, (rig: Rig) => unknown]>([
    ['from another connection', (rig) => rig.say(9, cancel(1))],
    [
      'from another connection of the same host',
      (rig) => rig.step({ type: 'connMessage', conn: conn(9, '10.0.0.1'), message: cancel(1) }),
    ],
    ['of another request', (rig) => rig.say(1, cancel(2))],
    ['of another run', (rig) => rig.say(1, { ...cancel(1), run_id: 'other' })],
    ['of another client', (rig) => rig.say(1, { ...cancel(1), client_name: 'other' })],
    ['of a task that ended', (rig) => (outcome(rig, 2), rig.say(2, cancel(2)))],
  ])('%s changes nothing', (_, happens) => {
    const rig = full();
    const effects = happens(rig);
    expect(effects).toEqual([]);
    expect(rig.status().active).toBe(2);
  });
});

describe('peers', () => {
  it('are told what was accepted and what ended, together and soon', () => {
    const rig = Rig.alone();
    rig.say(7, { kind: 'Subscribe', from_id: 2 });
    rig.submit(5, 1);
    rig.submit(5, 2);
    const effects = [...outcome(rig, 1), ...rig.pass(NEWS_MS)];
    expect(saidTo(effects, 7)).toEqual(['HistoryAdd', 'HistoryAdd', 'HistoryRemove']);
    expect(only(effects.filter(({ type }) => type === 'send')).type).toBe('send');
    expect(replies(effects, 7, 'HistoryAdd')[0]).toMatchObject({ ...task(1), assigned_server_id: 1 });
    expect(only(replies(effects, 7, 'HistoryRemove'))).toEqual({ kind: 'HistoryRemove', ...task(1) });
    expect(saidTo(rig.pass(100), 7)).toEqual([]);
  });

  it.each<[string, (rig: Rig) => unknown]>([
    ['answered', (rig) => outcome(rig, 1)],
    ['failed', (rig) => outcome(rig, 1, 'failed')],
    ['cancelled', (rig) => rig.say(5, { kind: 'TaskCancel', ...task(1) })],
    ['given up', (rig) => rig.step({ type: 'connClosed', connId: 5 })],
  ])('and its own ledger forget a task that was %s', (_, end) => {
    const rig = Rig.alone();
    rig.submit(5, 1);
    rig.pass(NEWS_MS);
    expect([rig.member.assigner.ledger.size, rig.status().outstanding]).toEqual([1, { 1: 1, 2: 0, 3: 0 }]);
    end(rig);
    rig.pass(NEWS_MS);
    expect([rig.member.assigner.ledger.size, rig.status().outstanding]).toEqual([0, { 1: 0, 2: 0, 3: 0 }]);
  });

  it('report tasks that are counted until a whole list replaces them', () => {
    const rig = Rig.leader();
    for (const id of [1, 2]) rig.peer(2, { kind: 'HistoryAdd', ...task(id), assigned_server_id: 3, timestamp: 0 });
    expect(rig.status().outstanding).toEqual({ 1: 0, 2: 2, 3: 0 }); // news from 2 is about 2, whatever id it names
    rig.peer(2, { kind: 'HistorySyncResponse', from_server_id: 3, history_entries: [['c', 2, 3, 0]], run_ids: ['r'] });
    expect(rig.status().outstanding).toEqual({ 1: 0, 2: 1, 3: 0 });
    rig.peer(2, { kind: 'HistoryRemove', ...task(2) });
    expect(rig.status().outstanding).toEqual({ 1: 0, 2: 0, 3: 0 });
  });
});

test('the status reports the current state', () => {
  const rig = Rig.follower();
  rig.step({ type: 'load', sample: { cpuPercent: 50, memoryUsedPercent: 20 } });
  for (const id of [1, 2, 3]) rig.submit(id, id);
  rig.nowMs += 900;
  rig.linkClosed(3, true);
  expect(rig.status()).toEqual({
    kind: 'StatusResponse',
    server_id: 1,
    address: 'one:1',
    phase: 'ready',
    incarnation: 'me',
    version: '1.2.3',
    uptime_secs: 0.9,
    term: 1,
    leader_id: 2,
    load: 0.5 * 50 + 0.3 * 100 + 0.2 * 20,
    workers: 2,
    active: 2,
    queued: 1,
    tasks_done: 0,
    outstanding: { 1: 3, 2: 0, 3: 0 },
    peers: [
      { id: 2, address: 'two:2', up: true },
      { id: 3, address: 'three:3', up: false },
    ],
  });
});
