import type { MessageOf } from '../../../src/core/protocol';
import { ELECTION_TIMEOUT_MS, Electorate, FAILURE_TIMEOUT_MS, HEARTBEAT_MS } from './electorate';

const isAnswer = (message: { kind: string }): boolean => message.kind === 'LeaderCheckResponse';

const candidacy = (from_id: number, term: number, priority = 0): MessageOf<'Election'> => ({
  kind: 'Election',
  from_id,
  term,
  priority,
  incarnation: 'x',
});

const answer = (
  check_id: number,
  term: number,
  leader_id: number | null,
  lives: boolean,
): MessageOf<'LeaderCheckResponse'> => ({
  kind: 'LeaderCheckResponse',
  check_id,
  term,
  leader_id,
  lives,
});

describe('asking before standing', () => {
  it('a cut between one follower and the leader starts no term: the follower goes through a peer', () => {
    const cluster = Electorate.led(3);
    cluster.cut(1, 3);
    expect(cluster.state()).toEqual(['1: leading 1/1', '2: following 1/1', '3: following 1/1']);
    expect([cluster.get(3).viaPeerId, cluster.get(2).viaPeerId]).toEqual([2, null]);
    expect(cluster.count('Election')).toBe(0);
  });

  it('asks again every heartbeat, for as long as necessary', () => {
    const cluster = Electorate.led(3);
    cluster.cut(1, 3);
    cluster.sent.length = 0;
    cluster.pass(10 * HEARTBEAT_MS);
    expect(cluster.count('LeaderCheck')).toBe(10);
    expect([cluster.state(3), cluster.get(3).viaPeerId]).toEqual([['3: following 1/1'], 2]);
    expect(cluster.count('Election')).toBe(0);
  });

  it('ends when its own link is back', () => {
    const cluster = Electorate.led(3);
    cluster.cut(1, 3);
    cluster.meet([1, 3]);
    cluster.sent.length = 0;
    cluster.pass(10 * HEARTBEAT_MS);
    expect([cluster.sent, cluster.get(3).viaPeerId]).toEqual([[], null]);
  });

  it('a crash noticed early by one and late by another makes no dead server the leader', () => {
    const cluster = Electorate.led(3);
    cluster.crash(1, [3]);
    // 2 answers the candidacy of 3 with its own, and still waits for the dead one: no server leads, dead or alive.
    expect(cluster.state()).toEqual(['2: candidate 2/-', '3: deferring 2/-']);
    cluster.notice(1, [2]);
    expect(cluster.state()).toEqual(['2: leading 2/2', '3: following 2/2']);
  });

  it('waits for every answer: the last one may say that the leader is alive', () => {
    const cluster = Electorate.led(4);
    cluster.hold = ({ from, message }) => from === 3 && isAnswer(message);
    cluster.cut(1, 4);
    expect(cluster.get(4).mode).toBe('following'); // 2 has already said yes
    const other = Electorate.led(3);
    other.hold = ({ message }) => isAnswer(message);
    other.cut(1, 3);
    other.pass(HEARTBEAT_MS - 1);
    expect(other.get(3).mode).toBe('checking');
    other.release();
    expect([other.state(3), other.get(3).viaPeerId]).toEqual([['3: following 1/1'], 2]);
  });

  it('stands after a heartbeat without an answer', () => {
    const cluster = Electorate.led(3);
    cluster.hold = ({ message }) => isAnswer(message);
    cluster.cut(1, 3);
    cluster.pass(HEARTBEAT_MS);
    expect(cluster.get(3).leadership.term).toBe(2);
  });

  it('asks a peer whose link is being dialed as soon as it can', () => {
    const cluster = Electorate.led(3);
    cluster.unlinked.add('3 2');
    cluster.cut(1, 3);
    expect([cluster.get(3).mode, cluster.count('LeaderCheck')]).toEqual(['checking', 0]);
    cluster.unlinked.clear();
    cluster.tell(3, (election) => election.onAskable(2));
    expect([cluster.count('LeaderCheck'), cluster.get(3).viaPeerId]).toEqual([1, 2]);
  });

  it('does not wait for a peer that is down with its link', () => {
    const cluster = Electorate.led(3);
    cluster.hold = ({ message }) => isAnswer(message);
    cluster.cut(1, 3);
    cluster.up.delete('3 2');
    cluster.tell(3, (election) => election.onLinkLost(2));
    expect(cluster.state(3)).toEqual(['3: leading 2/3']);
  });

  it('a yes about another leadership does not count', () => {
    const cluster = Electorate.led(3);
    cluster.hold = ({ message }) => isAnswer(message);
    cluster.cut(1, 3);
    const [late] = cluster.late;
    const { check_id } = late!.message as MessageOf<'LeaderCheckResponse'>;
    cluster.tell(3, (election) => election.onCheckResponse(answer(check_id, 0, 2, true), 2, 0));
    expect(cluster.get(3).leadership.term).toBe(2);
  });

  it('follows a greater leadership that an answer says is alive', () => {
    const cluster = Electorate.led(3);
    cluster.hold = ({ message }) => isAnswer(message);
    cluster.cut(1, 3);
    cluster.hold = () => true;
    cluster.tell(3, (election) => election.onCheckResponse(answer(-1, 7, 2, true), 2, 0));
    expect(cluster.state(3)).toEqual(['3: following 7/2']);
  });
});

describe('a follower that reaches its leader through a peer', () => {
  /** 1 leads 2, 2 hears 3, 3 hears 4. */
  function line(): Electorate {
    const cluster = Electorate.led(4);
    for (const [a, b] of [
      [2, 4],
      [1, 4],
      [1, 3],
    ] as const)
      cluster.cut(a, b);
    cluster.pass(HEARTBEAT_MS);
    return cluster;
  }
  const isAnswerTo = (id: number) => (sent: { to: number; message: { kind: string } }) =>
    sent.to === id && isAnswer(sent.message);

  it('stays what it is while it asks again: others reach the leader through it', () => {
    const cluster = line();
    const before = cluster.state();
    cluster.hold = isAnswerTo(3);
    cluster.pass(HEARTBEAT_MS);
    expect([cluster.state(), cluster.get(3).viaPeerId]).toEqual([before, 2]);
    cluster.release();
    cluster.pass(60 * HEARTBEAT_MS);
    expect(cluster.state()).toEqual(before);
  });

  it('gives the leader up when nobody has proved it alive for a failure timeout, and not before', () => {
    const cluster = line();
    const { term } = cluster.get(4).leadership;
    cluster.hold = isAnswerTo(4);
    cluster.pass(FAILURE_TIMEOUT_MS - HEARTBEAT_MS);
    expect(cluster.state(4)).toEqual([`4: following ${term}/1`]);
    cluster.pass(2 * HEARTBEAT_MS);
    expect(cluster.get(4).leadership.term).toBe(term + 1);
  });

  it('a late answer proves the leader alive from when the question was asked', () => {
    const cluster = line();
    const { term } = cluster.get(4).leadership;
    cluster.hold = isAnswerTo(4);
    cluster.pass(FAILURE_TIMEOUT_MS - HEARTBEAT_MS);
    const [first] = cluster.late.splice(0);
    cluster.tell(4, (election) =>
      election.onCheckResponse(first!.message as MessageOf<'LeaderCheckResponse'>, 3, cluster.nowMs),
    );
    cluster.pass(FAILURE_TIMEOUT_MS - HEARTBEAT_MS - 1);
    expect(cluster.state(4)).toEqual([`4: following ${term}/1`]);
    cluster.pass(2 * HEARTBEAT_MS);
    expect(cluster.get(4).leadership.term).toBe(term + 1);
  });

  it('loses the leader at once with the peer', () => {
    const cluster = line();
    const { term } = cluster.get(4).leadership;
    cluster.crash(3);
    expect(cluster.state(1, 2, 4)).toEqual([
      `1: leading ${term}/1`,
      `2: following ${term}/1`,
      `4: leading ${term + 1}/4`,
    ]);
  });

  it('two that reach a dead leader through each other do not keep it alive', () => {
    const cluster = Electorate.led(4);
    // Each was told of the leader by the other, and has no link of its own to it.
    for (const gone of [1, 2]) {
      for (const id of [3, 4]) cluster.up.delete(`${id} ${gone}`);
      cluster.crash(gone, []);
    }
    cluster.tell(3, (election) => election.onLeadership({ term: 7, leaderId: 1 }, 4, cluster.nowMs));
    expect([cluster.get(3).viaPeerId, cluster.get(4).viaPeerId]).toEqual([4, 3]);
    cluster.pass(FAILURE_TIMEOUT_MS + HEARTBEAT_MS);
    expect(cluster.state(3, 4)).toEqual(['3: leading 8/3', '4: following 8/3']);
  });

  it('is given a failure timeout after a pause', () => {
    const cluster = line();
    const { term } = cluster.get(4).leadership;
    cluster.hold = isAnswerTo(4);
    cluster.nowMs += 10 * HEARTBEAT_MS;
    cluster.tell(4, (election) => election.onResume(cluster.nowMs));
    cluster.pass(FAILURE_TIMEOUT_MS - HEARTBEAT_MS);
    expect(cluster.state(4)).toEqual([`4: following ${term}/1`]);
  });
});

describe('a late answer to a check', () => {
  it('is not a vote', () => {
    const cluster = Electorate.led(3);
    cluster.hold = ({ from, message }) => from === 2 && isAnswer(message);
    cluster.crash(1, [3]);
    cluster.hold = ({ from }) => from === 2;
    cluster.pass(HEARTBEAT_MS);
    expect(cluster.state(3)).toEqual(['3: candidate 2/-']); // 2 has not said anything yet
    const [late] = cluster.late.filter(({ message }) => isAnswer(message));
    cluster.tell(3, (election) => election.onCheckResponse(late!.message as MessageOf<'LeaderCheckResponse'>, 2, 0));
    expect(cluster.state(3)).toEqual(['3: candidate 2/-']);
    cluster.tell(3, (election) => election.onYield({ kind: 'Yield', from_id: 2, term: 1 })); // from an old term
    expect(cluster.get(3).mode).toBe('candidate');
    cluster.tell(3, (election) => election.onYield({ kind: 'Yield', from_id: 2, term: 2 }));
    expect(cluster.state(3)).toEqual(['3: leading 2/3']);
  });
});

test('a late vote is not an answer to a check', () => {
  const cluster = Electorate.of(3, [10, 20, 30]);
  cluster.hold = ({ from, message }) => !isAnswer(message) && message.kind !== 'LeaderCheck' && from !== 2;
  cluster.wake();
  cluster.tell(2, (election) => election.onAlive({ kind: 'Alive', from_id: 1, term: 1 }, 0));
  cluster.hold = ({ message }) => isAnswer(message);
  cluster.crash(1, [2]);
  expect(cluster.state(2)).toEqual(['2: checking 1/-']);
  cluster.tell(2, (election) => election.onYield({ kind: 'Yield', from_id: 3, term: 1 }));
  expect(cluster.state(2)).toEqual(['2: checking 1/-']);
});

describe('after a pause', () => {
  /** Resumes 3, which led and was paused; the others have not noticed, or have gone on. */
  function resumed(cluster: Electorate): void {
    cluster.tell(3, (election) => election.onResume(cluster.nowMs));
  }

  it('a leader asks, and resumes leading if there is none above it', () => {
    const cluster = Electorate.led(3, 3);
    cluster.hold = ({ message }) => isAnswer(message);
    resumed(cluster);
    expect(cluster.state(3)).toEqual(['3: confirming 1/3']);
    expect([cluster.get(3).leads, cluster.get(3).activeLeaderId]).toEqual([true, null]); // not active yet
    expect(cluster.count('LeaderCheck')).toBe(2);
    cluster.release();
    expect(cluster.state(3)).toEqual(['3: leading 1/3']);
  });

  it('a leader steps down on the first answer with a greater one, even without proof that it is alive', () => {
    const cluster = Electorate.led(3, 3);
    cluster.hold = () => true;
    resumed(cluster);
    cluster.tell(3, (election) => election.onCheckResponse(answer(-1, 2, 1, false), 2, 0));
    expect(cluster.get(3).leadership).toEqual({ term: 2, leaderId: 1 });
  });

  it('resumes after a heartbeat if nobody answers', () => {
    const cluster = Electorate.led(3, 3);
    cluster.hold = () => true;
    resumed(cluster);
    cluster.pass(HEARTBEAT_MS - 1);
    expect(cluster.get(3).mode).toBe('confirming');
    cluster.pass(1);
    expect(cluster.state(3)).toEqual(['3: leading 1/3']);
  });

  it('a lone server has nobody to ask', () => {
    const cluster = Electorate.led(1);
    cluster.tell(1, (election) => election.onResume(0));
    expect(cluster.state()).toEqual(['1: leading 1/1']);
  });

  it('an election found in the socket is answered once the leader is known', () => {
    const cluster = Electorate.led(3, 3);
    cluster.hold = () => true;
    resumed(cluster);
    cluster.tell(3, (election) => election.onElection(candidacy(2, 2), 0));
    expect(cluster.state(3)).toEqual(['3: confirming 1/3']);
    cluster.hold = () => false;
    cluster.pass(HEARTBEAT_MS);
    expect(cluster.state()).toEqual(['1: following 2/3', '2: following 2/3', '3: leading 2/3']); // the incumbent
  });

  it('an election decided long ago is forgotten', () => {
    const cluster = Electorate.led(3, 3);
    cluster.hold = () => true;
    resumed(cluster);
    cluster.tell(3, (election) => election.onElection(candidacy(2, 2), 0));
    cluster.tell(3, (election) => election.onLeadership({ term: 2, leaderId: 2 }, 2, 0));
    expect(cluster.state(3)).toEqual(['3: following 2/2']);
    cluster.pass(ELECTION_TIMEOUT_MS);
    // Only that it follows, and no answer to the candidate.
    expect(cluster.sent.filter((line) => line.startsWith('3>') && !line.endsWith('LeaderCheck'))).toEqual([
      '3>1 Heartbeat',
      '3>2 Heartbeat',
    ]);
  });
});

describe('a disowned leader', () => {
  it('does not remember after a restart: the others elect in the next term', () => {
    const cluster = Electorate.led(3);
    cluster.restart(1);
    expect(cluster.state(2, 3)).toEqual(['2: leading 2/2', '3: following 2/2']);
  });

  it('restarted unnoticed says so itself, and the others elect in the next term', () => {
    const cluster = Electorate.led(3);
    cluster.replace(1);
    cluster.heartbeat(1, 2);
    cluster.wake();
    expect(cluster.state()).toEqual(['1: leading 2/1', '2: following 2/1', '3: following 2/1']);
  });

  it('is reinstated only by its own message', () => {
    const cluster = Electorate.led(3);
    cluster.hold = ({ message }) => isAnswer(message);
    cluster.tell(2, (election) => election.onLeadership({ term: 0, leaderId: null }, 1, 0));
    expect(cluster.get(2).mode).toBe('checking');
    cluster.tell(2, (election) => election.onLeadership({ term: 1, leaderId: 1 }, 3, 0));
    expect(cluster.get(2).mode).toBe('checking');
    cluster.tell(2, (election) => election.onLeadership({ term: 1, leaderId: 1 }, 1, 0));
    expect(cluster.state(2)).toEqual(['2: following 1/1']);
  });

  it('told that it leads a term that it does not remember, does not lead it', () => {
    const cluster = Electorate.of(2);
    cluster.hold = () => true;
    cluster.wake();
    cluster.tell(1, (election) => election.onLeadership({ term: 7, leaderId: 1 }, 2, 0));
    expect(cluster.get(1).leads).toBe(false);
    expect(cluster.get(1).leadership).toEqual({ term: 7, leaderId: null });
  });
});

test('a lesser leadership changes nothing', () => {
  const cluster = Electorate.led(3);
  for (const heard of [
    { term: 0, leaderId: 3 },
    { term: 1, leaderId: 3 },
    { term: 1, leaderId: null },
  ]) {
    for (const id of [1, 2]) cluster.tell(id, (election) => election.onLeadership(heard, 3, 0));
  }
  expect([cluster.state(), cluster.sent]).toEqual([['1: leading 1/1', '2: following 1/1', '3: following 1/1'], []]);
});
