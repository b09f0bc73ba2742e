import { taskKey } from '../../../src/core/balancing/task-key';
import type { MessageOf } from '../../../src/core/protocol';
import type { Effect } from '../../../src/server/member/effects';
import { conn, events, linkMessages, only, replies, Rig, task } from './member-rig';

const RELAY_TIMEOUT_MS = 100;

const request = (id: number, more: Partial<MessageOf<'TaskAssignmentRequest'>> = {}) => ({
  kind: 'TaskAssignmentRequest' as const,
  ...task(id),
  ...more,
});

const answers = (effects: Effect[], connId = 7) => replies(effects, connId, 'TaskAssignmentResponse');

const proposal = { assigned_server_id: 1, assigned_server_address: 'one:1', leader_id: null };

describe('the leader', () => {
  it('sends clients away that state their deadline when all have enough to do, and lets them in in turn', () => {
    const rig = Rig.leader({ workers: 1, queueLimit: 1 });
    const ask = (id: number, client_name: string, timeout_ms?: number) =>
      only(answers(rig.say(7, request(id, { client_name, timeout_ms }))));
    const full = Array.from({ length: 9 }, (_, id) => ask(id, `c${id}`, 10_000)).at(-1)!;
    expect(full).toMatchObject({ assigned_server_id: null, assigned_server_address: null, leader_id: 1 });
    expect(full.retry_after_ms).toBeGreaterThan(0);
    expect(ask(20, 'original').assigned_server_id).not.toBeNull();
  });

  it('assigns with the server, its address, the leader and the term', () => {
    const rig = Rig.leader();
    const effects = rig.say(7, request(1));
    const [answer] = answers(effects);
    expect(answer).toEqual({
      kind: 'TaskAssignmentResponse',
      request_id: 1,
      assigned_server_id: expect.any(Number),
      assigned_server_address: { 1: 'one:1', 2: 'two:2', 3: 'three:3' }[answer!.assigned_server_id!],
      leader_id: 1,
      term: 1,
    });
    expect(only(events(effects, 'assigned'))).toMatchObject({ term: 1, to: answer!.assigned_server_id, ...task(1) });
  });

  it('spreads tasks; ties go to the server assigned to longest ago', () => {
    const rig = Rig.leader();
    const ids = Array.from({ length: 6 }, (_, index) => rig.assign(7, index).assigned_server_id);
    expect(ids.slice(0, 3).sort()).toEqual([1, 2, 3]);
    expect(ids.slice(3)).toEqual(ids.slice(0, 3));
  });

  it('gives a repeated request the same server, and records no second assignment', () => {
    const rig = Rig.leader();
    const first = rig.assign(7, 1);
    const again = rig.say(8, request(1)); // also from another connection
    expect(only(answers(again, 8))).toEqual(first);
    expect(events(again, 'assigned')).toEqual([]);
  });

  it('gives it another if that one is excluded; exclusions that leave none are ignored', () => {
    const rig = Rig.leader();
    const first = rig.assign(7, 1).assigned_server_id!;
    const second = rig.assign(7, 1, [first]).assigned_server_id!;
    expect(second).not.toBe(first);
    expect(rig.assign(7, 2, [1, 2, 3])).toMatchObject({ assigned_server_id: expect.any(Number), leader_id: 1 });
  });

  it('does not assign a task again that has just ended', () => {
    const rig = Rig.leader();
    for (const kind of ['HistoryAdd', 'HistoryRemove'] as const) {
      rig.peer(3, { kind, ...task(1), assigned_server_id: 3, timestamp: 0 });
    }
    expect(rig.assign(7, 1).assigned_server_id).toBe(3);
    expect(rig.status().outstanding).toEqual({ 1: 0, 2: 0, 3: 0 });
  });

  it('reassigns the tasks of a server that is down at once', () => {
    const rig = Rig.leader();
    rig.peer(3, { kind: 'HistoryAdd', ...task(1), assigned_server_id: 3, timestamp: 0 });
    const effects = rig.linkClosed(3, true);
    const { to } = only(events(effects, 'assigned'));
    expect([1, 2]).toContain(to);
    const query = rig.say(7, { kind: 'TaskStatusQuery', ...task(1) });
    expect(only(replies(query, 7, 'TaskStatusResponse')).assigned_server_id).toBe(to);
    expect(rig.status().outstanding).toMatchObject({ 3: 0, [to]: 1 });
  });

  it('assigns nothing to a server that is starting, leaving or does not hear us', () => {
    const rig = Rig.leader();
    rig.peer(2, rig.beat(2, { phase: 'starting', term: 1, leader_id: 1 }));
    rig.peer(3, rig.beat(3, { hears: [], term: 1, leader_id: 1 }));
    expect([1, 2, 3].map((id) => rig.assign(7, id).assigned_server_id)).toEqual([1, 1, 1]);
    const other = Rig.leader();
    for (const from_id of [2, 3]) other.peer(from_id, { kind: 'Leave', from_id, term: 1 });
    expect([1, 2].map((id) => other.assign(7, id).assigned_server_id)).toEqual([1, 1]);
  });

  it('without a configured address, sends the one at which the client reached it', () => {
    const rig = Rig.alone({ address: null });
    expect(rig.assign(7, 1).assigned_server_address).toBe('here:1');
  });
});

describe('a follower', () => {
  it('forwards a request to the leader, marks it as relayed, and fills in the client', () => {
    const rig = Rig.follower();
    const { run_id: _, ...named } = request(1);
    const effects = rig.say(7, { ...named, excluded_server_ids: [3] });
    expect(only(linkMessages(effects, 'TaskAssignmentRequest'))).toEqual({
      peerId: 2,
      message: {
        ...named,
        run_id: '10.0.0.7',
        excluded_server_ids: [3],
        relay: { id: expect.any(Number), hops_left: expect.any(Number) },
      },
    });
    expect(answers(effects)).toEqual([]);
  });

  function relayed(rig: Rig, requestId = 1): number {
    const effects = rig.say(7, request(requestId));
    return only(linkMessages(effects, 'TaskAssignmentRequest')).message.relay!.id;
  }

  const fromLeader = (relay_id: number, assigned_server_id: number | null): MessageOf<'TaskAssignmentResponse'> => ({
    kind: 'TaskAssignmentResponse',
    request_id: 1,
    assigned_server_id,
    assigned_server_address: 'as the leader knows it',
    leader_id: 2,
    term: 1,
    relay_id,
  });

  it('relays the answer, and fills in the address itself', () => {
    const rig = Rig.follower();
    const id = relayed(rig);
    expect(only(answers(rig.peer(2, fromLeader(id, 3))))).toEqual({
      kind: 'TaskAssignmentResponse',
      request_id: 1,
      assigned_server_id: 3,
      assigned_server_address: 'three:3',
      leader_id: 2,
      term: 1,
    });
    expect(rig.peer(2, fromLeader(id, 3))).toEqual([]); // only once
  });

  it('proposes itself after 100 ms; a later answer is ignored', () => {
    const rig = Rig.follower();
    const id = relayed(rig);
    expect(answers(rig.pass(RELAY_TIMEOUT_MS - 1))).toEqual([]);
    expect(only(answers(rig.pass(1)))).toMatchObject(proposal);
    expect(rig.peer(2, fromLeader(id, 3))).toEqual([]);
  });

  it.each<[string, (rig: Rig, id: number) => Effect[]]>([
    ['the link to the leader is lost', (rig) => rig.linkClosed(2, false)],
    ['the leader is gone', (rig) => rig.linkClosed(2, true)],
    ['the leader knows no server', (rig, id) => rig.peer(2, fromLeader(id, null))],
  ])('proposes itself at once when %s', (_, happens) => {
    const rig = Rig.follower();
    expect(only(answers(happens(rig, relayed(rig))))).toMatchObject(proposal);
  });

  it('answers nobody whose connection is closed', () => {
    const rig = Rig.follower();
    const id = relayed(rig);
    rig.step({ type: 'connClosed', connId: 7 });
    expect(rig.peer(2, fromLeader(id, 3))).toEqual([]);
    expect(answers(rig.pass(200))).toEqual([]);
  });

  it('keeps the requests of several clients apart', () => {
    const rig = Rig.follower();
    const [first, second] = [relayed(rig, 1), relayed(rig, 2)];
    expect(only(answers(rig.peer(2, fromLeader(second, 3)))).request_id).toBe(2);
    expect(only(answers(rig.peer(2, fromLeader(first, 1)))).request_id).toBe(1);
  });
});

describe('a relayed request', () => {
  it('is answered by the leader with the id of the relay', () => {
    const rig = Rig.leader();
    const effects = rig.say(7, request(1, { relay: { id: 55, hops_left: 0 } }));
    expect(only(answers(effects))).toMatchObject({ relay_id: 55, leader_id: 1 });
  });

  it('without hops left goes back without a server: the first follower proposes one', () => {
    const rig = Rig.follower();
    const effects = rig.say(7, request(1, { relay: { id: 55, hops_left: 0 } }));
    expect(linkMessages(effects, 'TaskAssignmentRequest')).toEqual([]);
    expect(only(answers(effects))).toMatchObject({ assigned_server_id: null, leader_id: null, relay_id: 55 });
  });

  it('has one hop less each time, so that no cycle of servers relays forever', () => {
    let hopsLeft: number | undefined;
    for (let hop = 0; hop < 10; hop++) {
      const rig = Rig.follower();
      const relay = hopsLeft === undefined ? undefined : { id: 55, hops_left: hopsLeft };
      const passed = linkMessages(rig.say(7, request(1, { relay })), 'TaskAssignmentRequest');
      if (passed.length === 0) return;
      const { hops_left } = only(passed).message.relay!;
      if (hopsLeft !== undefined) expect(hops_left).toBe(hopsLeft - 1);
      hopsLeft = hops_left;
    }
    throw new Error('it is relayed on and on');
  });
});

describe('without a leader', () => {
  it('a server proposes itself, and says that there is no leader', () => {
    const rig = new Rig();
    rig.step({ type: 'prepared' });
    expect(rig.assign(7, 1)).toMatchObject({ ...proposal, term: 0 });
  });

  it('one that is starting proposes a ready peer, else itself: every client gets an address', () => {
    const rig = new Rig();
    expect(rig.assign(7, 1)).toMatchObject({
      assigned_server_id: 1,
      assigned_server_address: 'one:1',
      leader_id: null,
    });
    rig.connect(2, { phase: 'starting' });
    expect(rig.assign(7, 1).assigned_server_id).toBe(1);
    rig.peer(2, rig.beat(2));
    expect(rig.assign(7, 1)).toMatchObject({ assigned_server_id: 2, assigned_server_address: 'two:2' });
  });
});

describe('a client of the original, which cannot read null', () => {
  const ask = (rig: Rig) => {
    const effects = rig.say(7, { kind: 'TaskAssignmentRequest', client_name: 'c', request_id: 1 });
    return only(replies(effects, 7, 'TaskAssignmentResponse'));
  };
  const status = (rig: Rig) => {
    const effects = rig.say(7, { kind: 'TaskStatusQuery', client_name: 'c', request_id: 1 });
    return only(replies(effects, 7, 'TaskStatusResponse'));
  };

  it.each([
    ['starting', () => new Rig()],
    ['starting, and leads', () => startingLeader()],
    ['leaving', () => leavingAlone()],
    ['alone', () => Rig.alone()],
  ])('gets numbers and an address from a server that is %s', (_, create) => {
    const here = { assigned_server_id: 1, assigned_server_address: 'one:1' };
    expect(ask(create())).toMatchObject({ ...here, leader_id: 1 });
    expect(status(create())).toMatchObject(here);
  });

  it('gets the leader where there is one', () => {
    expect(ask(Rig.leader())).toMatchObject({ leader_id: 1 });
  });

  function startingLeader(): Rig {
    const rig = new Rig();
    for (const peerId of [2, 3]) rig.linkClosed(peerId, true);
    expect(rig.status()).toMatchObject({ phase: 'starting', leader_id: 1 });
    return rig;
  }

  function leavingAlone(): Rig {
    const rig = Rig.alone();
    rig.submit(5, 1);
    rig.step({ type: 'leave' });
    return rig;
  }
});

describe('a leader query', () => {
  it.each([
    ['the leader', () => Rig.leader(), { leader_id: 1, term: 1, leader_address: 'one:1' }],
    ['a follower', () => Rig.follower(), { leader_id: 2, term: 1, leader_address: 'two:2' }],
    ['a server that just started', () => new Rig(), { leader_id: null, term: 0, leader_address: null }],
  ])('is answered by %s', (_, create, expected) => {
    const effects = create().say(7, { kind: 'LeaderQuery' });
    expect(effects).toEqual([{ type: 'send', connIds: [7], messages: [{ kind: 'LeaderResponse', ...expected }] }]);
  });
});

describe('the status of a task', () => {
  it.each([
    ['that a peer has', () => Rig.follower(), 3],
    ['that a peer has, asked of the leader', () => Rig.leader(), 3],
  ])('%s is known to every server', (_, create, holder) => {
    const rig = create();
    rig.peer(holder, { kind: 'HistoryAdd', ...task(1), assigned_server_id: holder, timestamp: 0 });
    const effects = rig.say(7, { kind: 'TaskStatusQuery', ...task(1) });
    const { assigned_server_id, assigned_server_address } = only(replies(effects, 7, 'TaskStatusResponse'));
    expect([assigned_server_id, assigned_server_address]).toEqual([3, 'three:3']);
  });

  it('never names a server that is down', () => {
    const rig = Rig.follower();
    rig.peer(3, { kind: 'HistoryAdd', ...task(1), assigned_server_id: 3, timestamp: 0 });
    rig.peer(3, { kind: 'HistoryRemove', ...task(1) });
    rig.linkClosed(3, true);
    const effects = rig.say(7, { kind: 'TaskStatusQuery', ...task(1) });
    expect(only(replies(effects, 7, 'TaskStatusResponse')).assigned_server_id).toBe(1);
  });

  it('of a client without a run id is found by its host', () => {
    const rig = Rig.alone();
    const { run_id: _, ...named } = task(1);
    rig.step({
      type: 'connMessage',
      conn: conn(5, 'host'),
      message: { kind: 'TaskRequest', ...named, assigned_by_leader: 1 },
      executionId: 1,
    });
    rig.pass(5);
    const { ledger } = rig.member.assigner;
    expect([ledger.holders(taskKey(named, 'host')), ledger.holders(taskKey(task(1)))]).toEqual([[1], []]);
  });
});
