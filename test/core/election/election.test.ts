import { ELECTION_TIMEOUT_MS, Electorate, HEARTBEAT_MS } from './electorate';

const follow = (leaderId: number, term: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => index + 1).map((id) =>
    id === leaderId ? `${id}: leading ${term}/${leaderId}` : `${id}: following ${term}/${leaderId}`,
  );

describe('an election', () => {
  it.each([
    [1, [50], 1],
    [2, [50, 50], 1],
    [3, [50, 50, 50], 1],
    [3, [50, 20, 50], 2],
    [3, [50, 50, 49.9], 3],
    [4, [90, 10, 10, 10], 2],
    [5, [5, 4, 3, 2, 1], 5],
  ])('of %i servers with loads %j that start together gives one leader, %i, in no time', (count, loads, leaderId) => {
    const cluster = Electorate.of(count, loads);
    cluster.wake();
    expect(cluster.state()).toEqual(follow(leaderId, 1, count));
    expect(cluster.get(leaderId).activeLeaderId).toBe(leaderId);
    cluster.pass(60_000);
    expect(cluster.state()).toEqual(follow(leaderId, 1, count));
  });

  it('does not wait for a server that is down or leaving', () => {
    const cluster = Electorate.of(4, [50, 50, 0, 0]);
    for (const id of [1, 2, 4]) cluster.up.delete(`${id} 3`);
    cluster.leaving.add(4);
    cluster.tell(2, () => {});
    expect(cluster.state(1, 2)).toEqual(['1: leading 1/1', '2: following 1/1']);
  });

  it('waits for a silent server that is up, but no longer than its timeout', () => {
    const cluster = Electorate.of(3, [10, 50, 50]);
    cluster.hold = ({ from }) => from === 3;
    cluster.wake();
    cluster.pass(HEARTBEAT_MS); // the leader check goes unanswered, too
    expect(cluster.get(1).mode).toBe('candidate');
    cluster.pass(ELECTION_TIMEOUT_MS - 1);
    expect(cluster.get(1).mode).toBe('candidate');
    cluster.pass(1);
    expect(cluster.state(1, 2)).toEqual(['1: leading 1/1', '2: following 1/1']);
  });

  it('ends at once when the awaited server goes down', () => {
    const cluster = Electorate.of(3, [10, 50, 50]);
    cluster.hold = ({ from, message }) => from === 3 && message.kind !== 'LeaderCheckResponse';
    cluster.wake();
    expect(cluster.get(1).mode).toBe('candidate');
    cluster.crash(3);
    expect(cluster.state()).toEqual(follow(1, 1, 2));
  });

  it('samples the load once per candidacy: it may change meanwhile', () => {
    const cluster = Electorate.of(2, [10, 50]);
    cluster.hold = ({ message }) => message.kind === 'Election';
    cluster.wake();
    cluster.loads.set(1, 99);
    cluster.release();
    expect(cluster.state()).toEqual(follow(1, 1, 2));
  });
});

describe('a sitting leader', () => {
  it('stays leader when a candidate of a later term draws it into an election', () => {
    const cluster = Electorate.led(3);
    cluster.loads.set(1, 100).set(2, 0).set(3, 0);
    const election = { kind: 'Election', from_id: 3, priority: 0, term: 2, incarnation: 'x' } as const;
    cluster.tell(1, (leader) => leader.onElection(election, cluster.nowMs));
    expect(cluster.state(1, 2)).toEqual(['1: leading 2/1', '2: following 2/1']);
  });

  it('answers a candidate in an older term with its leadership', () => {
    const cluster = Electorate.led(2);
    for (const term of [0, 1]) {
      const election = { kind: 'Election', from_id: 2, priority: 0, term, incarnation: 'x' } as const;
      cluster.tell(1, (leader) => leader.onElection(election, cluster.nowMs));
    }
    expect(cluster.sent).toEqual(['1>2 Coordinator', '1>2 Coordinator']);
    expect(cluster.state()).toEqual(follow(1, 1, 2));
  });

  it('is joined by a restarting server, however idle that is', () => {
    const cluster = Electorate.led(3, 2);
    cluster.loads.set(1, 0);
    cluster.restart(1);
    cluster.meet([1, 3]);
    cluster.meet([1, 2]);
    expect(cluster.state()).toEqual(follow(2, 1, 3));
    expect(cluster.count('Election')).toBe(0);
  });
});

describe('two leaderships that meet', () => {
  /** Makes a cluster in which 1 and 2 were elected apart from 3 and 4. */
  function divided(): Electorate {
    const cluster = Electorate.of(4);
    for (const a of [1, 2])
      for (const b of [3, 4]) for (const pair of [`${a} ${b}`, `${b} ${a}`]) cluster.up.delete(pair);
    cluster.wake();
    return cluster;
  }

  it('of one term become that of the lower id', () => {
    const cluster = divided();
    expect(cluster.state(1, 3)).toEqual(['1: leading 1/1', '3: leading 1/3']);
    cluster.meet([1, 3], [1, 4], [2, 3], [2, 4]);
    expect(cluster.state()).toEqual(follow(1, 1, 4));
  });

  it('are resolved even if only one pair of servers can talk across', () => {
    const cluster = divided();
    cluster.meet([1, 3]);
    cluster.pass(60_000);
    expect(cluster.ids.map((id) => cluster.get(id).leadership)).toEqual(Array(4).fill({ term: 1, leaderId: 1 }));
  });

  it('of different terms become the later one, even if its leader has the higher id', () => {
    const cluster = divided();
    cluster.crash(3);
    expect(cluster.state(4)).toEqual(['4: leading 2/4']);
    cluster.meet([1, 4], [2, 4]);
    expect(cluster.state()).toEqual(['1: following 2/4', '2: following 2/4', '4: leading 2/4']);
  });
});

describe('the leader leaves', () => {
  it('and the others elect another at once, without it', () => {
    const cluster = Electorate.led(3);
    cluster.loads.set(1, 0);
    cluster.leaving.add(1);
    for (const id of [2, 3]) cluster.get(id).onLeave(1);
    cluster.wake();
    expect(cluster.state()).toEqual(['1: following 2/2', '2: leading 2/2', '3: following 2/2']);
    expect(cluster.sent).not.toContain('2>1 Election');
  });

  it('and a leaving follower changes nothing', () => {
    const cluster = Electorate.led(3);
    cluster.leaving.add(3);
    for (const id of [1, 2]) cluster.tell(id, (election) => election.onLeave(3));
    expect(cluster.state()).toEqual(follow(1, 1, 3));
    expect(cluster.sent).toEqual([]);
  });
});

describe('deferring to a better candidate', () => {
  /** Makes a cluster in which 2 stands, 1 objects, and 1's own candidacy is held up. */
  function deferring(): Electorate {
    const cluster = Electorate.of(3, [10, 20, 30]);
    cluster.hold = ({ from, message }) => from === 1 && ['Coordinator', 'Heartbeat'].includes(message.kind);
    cluster.wake();
    expect(cluster.get(2).mode).toBe('deferring');
    return cluster;
  }

  it('and it dies: the next best is elected at once', () => {
    const cluster = deferring();
    cluster.crash(1);
    expect(cluster.state()).toEqual(['2: leading 2/2', '3: following 2/2']);
  });

  it('and nothing comes of it: asks again after the time of a candidacy', () => {
    const cluster = Electorate.of(2, [10, 20]);
    cluster.hold = () => true;
    cluster.wake();
    cluster.pass(HEARTBEAT_MS);
    cluster.tell(2, (election) => election.onAlive({ kind: 'Alive', from_id: 1, term: 1 }, cluster.nowMs));
    cluster.sent.length = 0;
    cluster.pass(ELECTION_TIMEOUT_MS - 1);
    expect([cluster.get(2).mode, cluster.sent.includes('2>1 LeaderCheck')]).toEqual(['deferring', false]);
    cluster.pass(1);
    expect([cluster.get(2).mode, cluster.sent.includes('2>1 LeaderCheck')]).toEqual(['checking', true]);
  });

  it('happens only on an objection to this very candidacy', () => {
    const cluster = Electorate.of(2, [10, 20]);
    cluster.hold = ({ message }) => message.kind !== 'LeaderCheck' && message.kind !== 'LeaderCheckResponse';
    cluster.wake();
    expect(cluster.get(2).mode).toBe('candidate');
    cluster.tell(2, (election) => election.onAlive({ kind: 'Alive', from_id: 1, term: 0 }, 0));
    expect(cluster.get(2).mode).toBe('candidate');
    cluster.tell(2, (election) => election.onAlive({ kind: 'Alive', from_id: 1, term: 1 }, 0));
    expect(cluster.get(2).mode).toBe('deferring');
  });
});
