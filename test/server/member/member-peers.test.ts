import type { Message } from '../../../src/core/protocol';
import type { Effect } from '../../../src/server/member/effects';
import { conn, events, HEARTBEAT_MS, linkMessages, only, replies, Rig, saidTo, task, TIMINGS } from './member-rig';

const heartbeat = new Rig().beat(2, { term: 99, leader_id: 2, incarnation: 'forged', hears: [] });

/** Messages that only a peer may send, or that must never be sent to a server. */
const FORGED: Message[] = [
  { kind: 'Election', from_id: 2, priority: -1, term: 99, incarnation: 'forged' },
  { kind: 'Alive', from_id: 2, term: 1 },
  { kind: 'Yield', from_id: 2, term: 1 },
  { kind: 'Coordinator', leader_id: 2, term: 99 },
  heartbeat,
  { kind: 'Leave', from_id: 2, term: 1 },
  { kind: 'LeaderCheckResponse', check_id: 101, term: 99, leader_id: 2, lives: true },
  { kind: 'LeaderResponse', term: 99, leader_id: 2, leader_address: 'evil:1' },
  {
    kind: 'TaskAssignmentResponse',
    term: 99,
    leader_id: 2,
    request_id: 1,
    assigned_server_id: 2,
    assigned_server_address: null,
    relay_id: 101,
  },
  { kind: 'TaskResponse', request_id: 1, success: true, error_message: null },
  { kind: 'TaskStatusResponse', request_id: 1, assigned_server_id: 2, assigned_server_address: 'evil:1' },
  { kind: 'HistoryAdd', ...task(1), assigned_server_id: 2, timestamp: 0 },
  { kind: 'HistoryRemove', ...task(5) },
  { kind: 'HistorySyncResponse', from_server_id: 2, history_entries: [['c', 1, 2, 0]] },
  { kind: 'Error', code: 'x', message: 'y' },
];

describe.each([
  ['a leader', () => Rig.leader()],
  ['a follower', () => Rig.follower()],
  ['a server that just started', () => new Rig()],
])('%s on an accepted connection', (_, create) => {
  it.each(FORGED.map((message) => [message.kind, message] as const))('believes no %s', (_kind, message) => {
    const rig = create();
    rig.say(7, { kind: 'Subscribe', from_id: 2 }); // a caller does not become a peer by answering
    if (rig.member.detector.canAsk(2))
      rig.peer(2, { kind: 'HistoryAdd', ...task(5), assigned_server_id: 2, timestamp: 0 });
    const before = rig.snapshot();
    const effects = rig.say(7, message);
    expect(effects).toEqual([
      {
        type: 'send',
        connIds: [7],
        messages: [{ kind: 'Error', code: 'not_a_peer', message: expect.stringContaining(message.kind) }],
      },
    ]);
    expect(rig.snapshot()).toEqual(before);
  });
});

describe('on a dialed link', () => {
  it('believes a Heartbeat only under the id configured for that address', () => {
    const rig = new Rig();
    rig.step({ type: 'linkOpened', peerId: 2, link: rig.link(2) });
    rig.peer(2, rig.beat(3, { term: 9, leader_id: 3 }));
    expect([rig.member.detector.canAsk(2), rig.member.detector.canAsk(3)]).toEqual([false, false]);
    expect(rig.member.election.leadership).toEqual({ term: 0, leaderId: null });
  });

  it.each<[string, Message]>([
    ['Election', { kind: 'Election', from_id: 3, priority: -1, term: 9, incarnation: 'x' }],
    ['Alive', { kind: 'Alive', from_id: 3, term: 1 }],
    ['Yield', { kind: 'Yield', from_id: 3, term: 1 }],
  ])("believes no %s in another server's name", (_, message) => {
    const rig = Rig.candidate();
    rig.peer(2, { kind: 'Yield', from_id: 2, term: 1 });
    const { mode, leadership } = rig.member.election;
    expect(rig.peer(2, message)).toEqual([]);
    expect([rig.member.election.mode, rig.member.election.leadership]).toEqual([mode, leadership]);
    rig.peer(3, { kind: 'Yield', from_id: 3, term: 1 });
    expect(rig.member.election.leads).toBe(true);
  });

  it('believes nothing before the Heartbeat with the incarnation', () => {
    const rig = new Rig();
    rig.step({ type: 'linkOpened', peerId: 2, link: rig.link(2) });
    const before = rig.snapshot();
    for (const message of FORGED.filter(({ kind }) => kind !== 'Heartbeat')) rig.peer(2, message);
    expect(rig.snapshot()).toEqual(before);
  });

  it('believes nothing that arrives late on an old link', () => {
    const rig = Rig.follower();
    const oldLink = rig.link(2);
    rig.nowMs += 500;
    rig.linkClosed(2, false);
    const before = rig.snapshot();
    for (const message of FORGED) {
      expect(rig.step({ type: 'linkMessage', peerId: 2, link: oldLink, message })).toEqual([]);
    }
    expect(rig.step({ type: 'linkClosed', peerId: 2, link: oldLink, refused: true })).toEqual([]);
    expect(rig.snapshot()).toEqual(before);
  });

  it('elects no server that does not hear it', () => {
    const rig = Rig.follower();
    rig.peer(3, rig.beat(3, { hears: [2], term: 1, leader_id: 2 }));
    rig.peer(3, { kind: 'Coordinator', leader_id: 3, term: 9 });
    rig.peer(3, rig.beat(3, { hears: [2], term: 9, leader_id: 3 }));
    expect(rig.member.election.leadership).toEqual({ term: 1, leaderId: 2 });
  });

  it('follows a greater leadership at once, and stops assigning', () => {
    const rig = Rig.leader();
    for (const id of [1, 2, 3]) rig.assign(8, id);
    const effects = rig.peer(3, { kind: 'Coordinator', leader_id: 3, term: 2 });
    expect(only(events(effects, 'stepped_down'))).toMatchObject({ term: 2, leader_id: 3 });
    expect(only(events(effects, 'leader'))).toMatchObject({ term: 2, leader_id: 3 });
    expect(rig.status().outstanding).toEqual({ 1: 1, 2: 1, 3: 1 }); // until they expire
    const asked = rig.say(8, { kind: 'TaskAssignmentRequest', ...task(4) });
    expect([events(asked, 'assigned'), saidTo(asked, 8)]).toEqual([[], []]);
    expect(only(linkMessages(asked, 'TaskAssignmentRequest')).peerId).toBe(3);
  });
});

describe('a subscriber', () => {
  it('receives a Heartbeat and the whole list first, then every Heartbeat', () => {
    const rig = Rig.alone();
    rig.submit(5, 1);
    const effects = rig.say(7, { kind: 'Subscribe', from_id: 2 });
    const isNews = (kind: string): boolean => kind === 'HistoryAdd' || kind === 'HistoryRemove';
    const said = saidTo(effects, 7);
    expect(said.filter((kind) => !isNews(kind))).toEqual(['Heartbeat', 'HistorySyncResponse', 'Coordinator']);
    // News sent before the list must not be sent again after it.
    expect(said.slice(said.indexOf('HistorySyncResponse')).filter(isNews)).toEqual([]);
    expect(rig.pass(10)).toEqual([]);
    expect(only(replies(effects, 7, 'HistorySyncResponse'))).toMatchObject({
      from_server_id: 1,
      history_entries: [['c', 1, 1, expect.any(Number)]],
      run_ids: ['r'],
    });
    expect(saidTo(rig.pass(HEARTBEAT_MS), 7)).toContain('Heartbeat');
  });

  it('under an unknown id is refused and receives nothing', () => {
    const rig = Rig.alone();
    for (const from_id of [1, 4]) {
      const effects = rig.say(7, { kind: 'Subscribe', from_id });
      expect(only(replies(effects, 7, 'Error'))).toMatchObject({
        code: 'refused',
        message: expect.stringContaining(`${from_id}`),
      });
    }
    expect(saidTo(rig.pass(3 * HEARTBEAT_MS), 7)).toEqual([]);
  });

  it('never replaces an earlier one', () => {
    const rig = Rig.alone();
    for (const connId of [7, 8]) rig.say(connId, { kind: 'Subscribe', from_id: 2 });
    const effects = rig.pass(HEARTBEAT_MS);
    expect([saidTo(effects, 7), saidTo(effects, 8)]).toEqual([['Heartbeat'], ['Heartbeat']]);
  });

  it('receives nothing after its connection is closed', () => {
    const rig = Rig.alone();
    rig.say(7, { kind: 'Subscribe', from_id: 2 });
    rig.step({ type: 'connClosed', connId: 7 });
    expect(saidTo(rig.pass(3 * HEARTBEAT_MS), 7)).toEqual([]);
  });

  describe('when its places are taken', () => {
    const FAR = '192.0.2.1';
    const subscribe = (rig: Rig, connId: number, remoteHost = '10.0.0.2', from_id = 2): Effect[] =>
      rig.step({ type: 'connMessage', conn: conn(connId, remoteHost), message: { kind: 'Subscribe', from_id } });
    const isRefused = (effects: Effect[], connId: number): boolean => replies(effects, connId, 'Error').length === 1;
    const closed = (effects: Effect[]): number[] =>
      effects.flatMap((effect) => (effect.type === 'close' ? [effect.connId] : []));
    /** A rig whose peer 2 is at 10.0.0.2 and hears this server, or not. */
    const rigOf = (hears: boolean): Rig => {
      const rig = new Rig();
      rig.step({ type: 'peerHosts', peerId: 2, hosts: ['10.0.0.2'] });
      rig.connect(3);
      rig.connect(2, { hears: hears ? [1] : [] });
      return rig;
    };

    it('is refused while the peer says that it hears us: a later one replaces no earlier one', () => {
      const rig = rigOf(true);
      for (const connId of [1, 2, 3, 4]) expect(isRefused(subscribe(rig, connId), connId)).toBe(false);
      const refused = subscribe(rig, 5);
      expect([isRefused(refused, 5), closed(refused)]).toEqual([true, []]);
      for (const connId of [1, 2, 3, 4]) expect(saidTo(rig.passWithPeers(HEARTBEAT_MS), connId)).toContain('Heartbeat');
      expect(saidTo(rig.passWithPeers(HEARTBEAT_MS), 5)).toEqual([]);
      rig.step({ type: 'connClosed', connId: 2 });
      expect(isRefused(subscribe(rig, 5), 5)).toBe(false);
    });

    it.each([
      ['does not hear us', (rig: Rig) => void rig.peer(2, rig.beat(2, { hears: [] }))],
      ['is down', (rig: Rig) => void rig.linkClosed(2, true)],
      ['is silent', (rig: Rig) => void rig.pass(TIMINGS.failureTimeoutMs)],
      ['restarted', (rig: Rig) => void rig.peer(2, rig.beat(2, { incarnation: 'new', hears: [] }))],
      ['is dialed anew', (rig: Rig) => void (rig.pass(100), rig.linkClosed(2, false))],
    ])('replaces the earliest while the peer %s', (_, happen) => {
      const rig = rigOf(true);
      for (const connId of [1, 2, 3, 4]) subscribe(rig, connId);
      happen(rig);
      for (const [connId, victim] of [
        [5, 1],
        [6, 2],
      ] as const) {
        const effects = subscribe(rig, connId);
        expect([isRefused(effects, connId), closed(effects)]).toEqual([false, [victim]]);
        expect(saidTo(effects, connId)).toContain('Heartbeat');
      }
      const beats = rig.pass(HEARTBEAT_MS);
      expect([1, 2].map((connId) => saidTo(beats, connId))).toEqual([[], []]);
      expect(saidTo(beats, 5)).toContain('Heartbeat');
    });

    it('takes nothing from others: other hosts and other peers have their own places', () => {
      const rig = rigOf(false);
      for (const connId of [1, 2, 3, 4]) subscribe(rig, connId, '10.0.0.2');
      for (let connId = 10; connId < 1037; connId++) {
        const gone = closed(subscribe(rig, connId, FAR));
        expect(gone).toEqual(connId < 14 ? [] : [connId - 4]);
      }
      expect(isRefused(subscribe(rig, 5000, FAR, 3), 5000)).toBe(false);
      const beats = rig.pass(HEARTBEAT_MS);
      for (const connId of [1, 2, 3, 4, 1036, 5000]) expect(saidTo(beats, connId)).toContain('Heartbeat');
    });

    it('knows the host by any of its addresses once it is resolved, in any spelling', () => {
      const rig = rigOf(true);
      for (const connId of [1, 2, 3, 4]) subscribe(rig, connId, '[::ffff:a00:9]');
      expect(isRefused(subscribe(rig, 5, '10.0.0.9'), 5)).toBe(true);
      rig.step({ type: 'peerHosts', peerId: 2, hosts: ['fe80::1', '10.0.0.9'] });
      expect(isRefused(subscribe(rig, 5, '10.0.0.9'), 5)).toBe(true);
      expect(isRefused(subscribe(rig, 5, FAR), 5)).toBe(false);
      rig.step({ type: 'connClosed', connId: 1 });
      expect(isRefused(subscribe(rig, 6, '[fe80::1%eth0]'), 6)).toBe(false);
      expect(isRefused(subscribe(rig, 7, '[fe80::1]'), 7)).toBe(true);
    });

    it('treats all loopback addresses as one host', () => {
      const rig = rigOf(true);
      rig.step({ type: 'peerHosts', peerId: 2, hosts: ['127.0.1.1'] });
      for (const [index, host] of ['127.0.0.1', '[::1]', '127.3.2.1', '127.0.1.1'].entries()) {
        expect(isRefused(subscribe(rig, 1 + index, host), 1 + index)).toBe(false);
      }
      expect(isRefused(subscribe(rig, 5, '127.0.0.1'), 5)).toBe(true);
    });

    it('counts a connection once, and for one peer only', () => {
      const rig = rigOf(true);
      expect(saidTo(subscribe(rig, 1), 1)).toEqual(expect.arrayContaining(['Heartbeat', 'HistorySyncResponse']));
      // The list may be long: asking again does not get it again.
      expect(saidTo(subscribe(rig, 1), 1)).toEqual(['Heartbeat']);
      expect(isRefused(subscribe(rig, 1, '10.0.0.2', 3), 1)).toBe(true);
    });
  });

  it('is a hint that dialing that peer may work now', () => {
    const rig = Rig.alone();
    rig.nowMs += 50;
    const effects = rig.say(7, { kind: 'Subscribe', from_id: 2 });
    expect(effects).toContainEqual({ type: 'dial', peerId: 2, link: rig.link(2) });
  });
});

describe('the Heartbeat', () => {
  it('reports changes of who is heard at once: the other cannot count on us before', () => {
    const rig = new Rig();
    rig.say(7, { kind: 'Subscribe', from_id: 2 });
    expect(only(replies(rig.connect(2), 7, 'Heartbeat')).hears).toEqual([2]);
    const lost = rig.pass(5000);
    expect(replies(lost, 7, 'Heartbeat').at(-1)!.hears).toEqual([]);
  });

  it('follows Subscribe, which a new link sends first', () => {
    const rig = new Rig();
    const effects = rig.step({ type: 'linkOpened', peerId: 2, link: rig.link(2) });
    expect(only(linkMessages(effects, 'Subscribe'))).toEqual({ peerId: 2, message: { kind: 'Subscribe', from_id: 1 } });
  });

  it('of a restarted peer ends its tasks', () => {
    const rig = Rig.follower();
    rig.peer(3, { kind: 'HistoryAdd', ...task(5), assigned_server_id: 3, timestamp: 0 });
    expect(rig.status().outstanding).toMatchObject({ 3: 1 });
    const effects = rig.peer(3, rig.beat(3, { incarnation: 'new', term: 1, leader_id: 2 }));
    expect(only(events(effects, 'peer_down'))).toMatchObject({ peer_id: 3, reason: 'restarted' });
    expect(rig.status().outstanding).toMatchObject({ 3: 0 });
  });
});
