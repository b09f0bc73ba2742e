import type { MessageOf } from '../../../src/core/protocol';
import type { Effect } from '../../../src/server/member/effects';
import {
  events,
  executions,
  HEARTBEAT_MS,
  linkMessages,
  only,
  replies,
  Rig,
  saidTo,
  task,
  TIMINGS,
} from './member-rig';

/** Stops this process for `ms`: its overdue timer fires before its sockets are read. */
function stopped(rig: Rig, ms: number): Effect[] {
  rig.nowMs = rig.member.wakeAtMs + ms;
  return rig.step({ type: 'tick' });
}

function answerChecks(rig: Rig, asked: Effect[], more: Partial<MessageOf<'LeaderCheckResponse'>>): Effect[] {
  return linkMessages(asked, 'LeaderCheck').flatMap(({ peerId, message: { check_id } }) =>
    rig.peer(peerId, { kind: 'LeaderCheckResponse', check_id, term: 1, leader_id: 1, lives: false, ...more }),
  );
}

describe('a tick that is late by more than a heartbeat', () => {
  it('declares nobody down: every silence starts now', () => {
    const rig = Rig.leader();
    const effects = stopped(rig, 60_000);
    expect(only(events(effects, 'resumed')).late_ms).toBe(60_000);
    expect(events(effects, 'peer_down')).toEqual([]);
    const down = events(rig.pass(TIMINGS.failureTimeoutMs - 1), 'peer_down');
    expect(down).toEqual([]);
    expect(events(rig.pass(1), 'peer_down').map(({ peer_id, reason }) => [peer_id, reason])).toEqual([
      [2, 'silent'],
      [3, 'silent'],
    ]);
  });

  it('makes a leader ask its peers who leads, and assign nothing before it knows', () => {
    const rig = Rig.leader();
    const asked = stopped(rig, HEARTBEAT_MS + 1);
    expect(linkMessages(asked, 'LeaderCheck').map(({ peerId }) => peerId)).toEqual([2, 3]);
    expect(rig.assign(7, 1)).toMatchObject({ leader_id: null, assigned_server_id: 1 }); // only a proposal
    expect(only(replies(rig.say(7, { kind: 'LeaderQuery' }), 7, 'LeaderResponse')).leader_id).toBeNull();
    answerChecks(rig, asked, {});
    // Clients may have given up long ago on a question that is read so soon.
    expect(rig.assign(7, 1)).toMatchObject({ leader_id: null, assigned_server_id: 1 });
    rig.pass(10);
    expect(rig.assign(7, 2)).toMatchObject({ leader_id: 1, term: 1 });
  });

  it('makes it ask even if it finds a request first', () => {
    const rig = Rig.leader();
    rig.nowMs = rig.member.wakeAtMs + 2 * HEARTBEAT_MS;
    const effects = rig.say(7, { kind: 'TaskAssignmentRequest', ...task(1) });
    expect(events(effects, 'assigned')).toEqual([]);
    expect(linkMessages(effects, 'LeaderCheck')).toHaveLength(2);
  });

  it('makes a replaced leader step down and forget its assignments', () => {
    const rig = Rig.leader();
    for (const id of [1, 2, 3]) rig.assign(7, id);
    const asked = stopped(rig, 1.5 * HEARTBEAT_MS);
    const effects = answerChecks(rig, asked.slice(), { term: 2, leader_id: 3, lives: true });
    expect(only(events(effects, 'stepped_down'))).toMatchObject({ term: 2, leader_id: 3 });
    expect(rig.status()).toMatchObject({ leader_id: 3, term: 2, outstanding: { 1: 0, 2: 0, 3: 0 } });
  });

  it('delays executions until sockets were read and the leader is known', () => {
    const rig = Rig.leader();
    for (const id of [1, 2, 3, 4]) rig.submit(id, id, 60_000);
    const asked = stopped(rig, 2 * HEARTBEAT_MS);
    const ended = rig.step({ type: 'executed', executionId: 1, outcome: 'answered' });
    expect(executions(ended)).toEqual([]);
    expect(executions(rig.say(3, { kind: 'TaskCancel', ...task(3) }))).toEqual(['discard 3']); // it was still in a socket
    expect(executions(answerChecks(rig, asked, {}))).toEqual([]);
    expect(executions(rig.pass(20))).toEqual(['execute 4']);
  });

  it('delays executions for as long as the leader is unknown', () => {
    const rig = Rig.leader({ workers: 1 });
    for (const id of [1, 2]) rig.submit(id, id, 60_000);
    const asked = stopped(rig, 2 * HEARTBEAT_MS);
    rig.step({ type: 'executed', executionId: 1, outcome: 'answered' });
    expect(executions(rig.pass(HEARTBEAT_MS / 2))).toEqual([]);
    expect(executions(answerChecks(rig, asked, {}))).toEqual(['execute 2']);
  });

  it('resumes leading after a heartbeat if nobody answers', () => {
    const rig = Rig.leader();
    stopped(rig, 2 * HEARTBEAT_MS);
    rig.pass(HEARTBEAT_MS - 1);
    expect(rig.status().leader_id).toBeNull();
    rig.pass(1);
    expect(rig.status()).toMatchObject({ leader_id: 1, term: 1 });
  });

  it('has no effect if it is late by a heartbeat or less', () => {
    const rig = Rig.leader();
    const effects = stopped(rig, HEARTBEAT_MS);
    expect(events(effects, 'resumed')).toEqual([]);
    expect(linkMessages(effects, 'LeaderCheck')).toEqual([]);
    expect(rig.assign(7, 1).leader_id).toBe(1);
  });
});

describe('SIGTERM', () => {
  /** Subscribes 2 on connection 7. */
  function heard(rig: Rig): Rig {
    rig.say(7, { kind: 'Subscribe', from_id: 2 });
    return rig;
  }

  const isStopped = (effects: Effect[]): boolean => effects.some(({ type }) => type === 'stopped');

  it('tells the peers at once not to follow it', () => {
    const effects = heard(Rig.leader()).step({ type: 'leave' });
    expect(saidTo(effects, 7)).toEqual(['Leave', 'Heartbeat']);
    expect(only(replies(effects, 7, 'Heartbeat'))).toMatchObject({ phase: 'leaving', leader_id: null });
    expect(events(effects, 'stopping')).toHaveLength(1);
  });

  it('of a leader waits until another leads, and it assigns until then', () => {
    const rig = heard(Rig.leader());
    expect(isStopped(rig.step({ type: 'leave' }))).toBe(false);
    const other = rig.assign(8, 1);
    expect(other).toMatchObject({ leader_id: 1, term: 1 });
    expect([2, 3]).toContain(other.assigned_server_id); // never itself
    const effects = rig.peer(2, { kind: 'Coordinator', leader_id: 2, term: 2 });
    expect([isStopped(effects), events(effects, 'stopped').length]).toEqual([true, 1]);
  });

  it('of an idle follower ends at once', () => {
    expect(isStopped(Rig.follower().step({ type: 'leave' }))).toBe(true);
  });

  it('of the last server ends at once', () => {
    expect(isStopped(Rig.alone().step({ type: 'leave' }))).toBe(true);
  });

  it('lets running and queued tasks finish and reports their end', () => {
    const rig = heard(Rig.follower({ workers: 1 }));
    for (const id of [1, 2]) rig.submit(id, id);
    rig.step({ type: 'leave' });
    const first = rig.step({ type: 'executed', executionId: 1, outcome: 'answered' });
    expect([executions(first), isStopped(first)]).toEqual([['execute 2'], false]);
    const last = rig.step({ type: 'executed', executionId: 2, outcome: 'answered' });
    expect(isStopped(last)).toBe(true);
    expect(replies(last, 7, 'HistoryRemove')).toHaveLength(2);
    // The rest of the drain time is for clients that have yet to read their answers.
    expect(last.at(-1)).toEqual({ type: 'stopped', untilMs: rig.nowMs + 3000 });
  });

  it('waits for them no longer than the drain time', () => {
    const rig = Rig.follower();
    rig.submit(5, 1);
    rig.step({ type: 'leave' });
    expect(isStopped(rig.passWithPeers(2999, { term: 1, leader_id: 2 }))).toBe(false);
    expect(isStopped(rig.pass(1))).toBe(true);
  });

  it('twice has no further effect, and stopped is reported once', () => {
    const rig = Rig.follower();
    rig.submit(5, 1);
    rig.step({ type: 'leave' });
    expect(rig.step({ type: 'leave' })).toEqual([]);
    const effects = [...rig.passWithPeers(3000), ...rig.passWithPeers(3000)];
    expect(effects.filter(({ type }) => type === 'stopped')).toHaveLength(1);
  });

  it('while it asks who leads: the answer is no longer awaited', () => {
    const rig = Rig.leader();
    rig.submit(5, 1);
    // A leadership of its own that it does not remember.
    rig.peer(2, { kind: 'Coordinator', leader_id: 1, term: 3 });
    expect(rig.member.election.mode).toBe('checking');
    rig.step({ type: 'leave' });
    rig.nowMs += 1000;
    rig.step({ type: 'connClosed', connId: 9 });
    expect(rig.member.wakeAtMs).toBeGreaterThan(rig.nowMs);
  });

  it('ends it before the cover is decoded, and a late cover makes nothing ready', () => {
    const rig = new Rig();
    expect(isStopped(rig.step({ type: 'leave' }))).toBe(true);
    rig.step({ type: 'prepared' });
    expect(rig.status().phase).toBe('leaving');
  });
});

describe('a peer that leaves', () => {
  it('is not elected, and a new leader is elected at once', () => {
    const rig = Rig.follower();
    const effects = rig.peer(2, { kind: 'Leave', from_id: 2, term: 1 });
    expect(only(events(effects, 'peer_down'))).toMatchObject({ peer_id: 2, reason: 'leaving' });
    expect(linkMessages(effects, 'LeaderCheck').map(({ peerId }) => peerId)).toEqual([3]);
    const { check_id } = only(linkMessages(effects, 'LeaderCheck')).message;
    rig.peer(3, { kind: 'LeaderCheckResponse', check_id, term: 1, leader_id: null, lives: false });
    rig.peer(3, { kind: 'Yield', from_id: 3, term: 2 });
    expect(rig.status()).toMatchObject({ leader_id: 1, term: 2 });
  });
});

describe('a check whether the leader is alive', () => {
  const check = (hops_left = 8) => ({ kind: 'LeaderCheck' as const, check_id: 55, hops_left });
  const answer = (effects: Effect[]) => only(replies(effects, 7, 'LeaderCheckResponse'));

  it.each([
    ['the leader says yes', () => Rig.leader(), { lives: true, leader_id: 1, term: 1 }],
    ['who knows no leader says no', () => new Rig(), { lives: false, leader_id: null, term: 0 }],
  ])('%s at once', (_, create, expected) => {
    expect(answer(create().say(7, check()))).toMatchObject({ check_id: 55, ...expected });
  });

  it('a follower asks the leader, and says yes only on its answer', () => {
    const rig = Rig.follower();
    const asked = only(linkMessages(rig.say(7, check()), 'LeaderCheck'));
    expect([asked.peerId, asked.message.hops_left]).toEqual([2, 7]);
    const { check_id } = asked.message;
    expect(
      answer(rig.peer(2, { kind: 'LeaderCheckResponse', check_id, term: 1, leader_id: 2, lives: true })),
    ).toMatchObject({
      check_id: 55,
      lives: true,
    });
  });

  it.each<[string, (rig: Rig, check_id: number) => Effect[]]>([
    ['the leader is silent for half a heartbeat', (rig) => rig.pass(HEARTBEAT_MS / 2)],
    ['the link closes', (rig) => rig.linkClosed(2, false)],
    [
      'the leader does not lead',
      (rig, check_id) => rig.peer(2, { kind: 'LeaderCheckResponse', check_id, term: 1, leader_id: 2, lives: false }),
    ],
    [
      'another leads there',
      (rig, check_id) => rig.peer(2, { kind: 'LeaderCheckResponse', check_id, term: 2, leader_id: 3, lives: true }),
    ],
  ])('a follower says no when %s', (_, happens) => {
    const rig = Rig.follower();
    const { check_id } = only(linkMessages(rig.say(7, check()), 'LeaderCheck')).message;
    expect(answer(happens(rig, check_id)).lives).toBe(false);
  });

  it('a follower does not say no before half a heartbeat has passed', () => {
    const rig = Rig.follower();
    rig.say(7, check());
    expect(replies(rig.pass(HEARTBEAT_MS / 2 - 1), 7, 'LeaderCheckResponse')).toEqual([]);
  });

  it('a leader that leaves says no', () => {
    const rig = Rig.leader();
    rig.step({ type: 'leave' });
    expect(answer(rig.say(7, check()))).toMatchObject({ lives: false, leader_id: null });
  });

  it('without hops left, is sent to the leader, but not to a peer on the way to it', () => {
    const rig = Rig.follower();
    expect(only(linkMessages(rig.say(7, check(0)), 'LeaderCheck')).message.hops_left).toBe(0);
    const asked = rig.linkClosed(2, true); // now only 3 can reach it
    answerChecks(rig, asked, { term: 1, leader_id: 2, lives: true });
    expect(rig.member.election.viaPeerId).toBe(3);
    expect(linkMessages(rig.say(8, check(1)), 'LeaderCheck').map(({ peerId }) => peerId)).toEqual([3]);
    expect(only(replies(rig.say(9, check(0)), 9, 'LeaderCheckResponse')).lives).toBe(false);
  });

  it('a follower through a peer passes it on while it asks itself, and waits a failure timeout for that peer', () => {
    const rig = Rig.follower();
    answerChecks(rig, rig.linkClosed(2, true), { term: 1, leader_id: 2, lives: true });
    const again = linkMessages(rig.pass(HEARTBEAT_MS), 'LeaderCheck');
    expect(again.map(({ peerId }) => peerId)).toEqual([3]); // its own question, unanswered so far
    const passedOn = only(linkMessages(rig.say(7, check()), 'LeaderCheck'));
    expect(passedOn.peerId).toBe(3);
    const effects = rig.pass(HEARTBEAT_MS);
    expect(replies(effects, 7, 'LeaderCheckResponse')).toEqual([]);
    const { check_id } = passedOn.message;
    const late = rig.peer(3, { kind: 'LeaderCheckResponse', check_id, term: 1, leader_id: 2, lives: true });
    expect(answer(late)).toMatchObject({ check_id: 55, lives: true });
  });
});
