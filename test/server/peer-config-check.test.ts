import type { Effect } from '../../src/server/effects';
import { conn, events, HEARTBEAT_MS, only, replies, Rig, TIMINGS } from './member-rig';

const PATIENCE_MS = 2 * TIMINGS.failureTimeoutMs;

const told = (effects: Effect[]): string[] => events(effects, 'mismatch').map(({ reason }) => reason);

const refused = (message: string) => ({ kind: 'Error', code: 'refused', message }) as const;

/** A server that begins, with an open link to 2 on which nothing was said. */
function opened(): Rig {
  const rig = new Rig();
  rig.step({ type: 'linkOpened', peerId: 2, link: rig.link(2) });
  return rig;
}

describe('another server at the address of a peer', () => {
  const LINE = 'Server 5 answers at two:2, expected server 2 by the configuration';

  it('is told once, whatever the link does', () => {
    const rig = opened();
    expect(told(rig.peer(2, rig.beat(5)))).toEqual([LINE]);
    expect(told(rig.peer(2, rig.beat(5)))).toEqual([]);
    rig.linkClosed(2, false);
    rig.pass(HEARTBEAT_MS);
    expect(told(rig.connect(2, { from_id: 5 }))).toEqual([]);
    expect(told(rig.peer(2, rig.beat(6)))).toEqual([
      'Server 6 answers at two:2, expected server 2 by the configuration',
    ]);
  });

  it('is news again when the peer was up in between', () => {
    const rig = opened();
    rig.peer(2, rig.beat(5));
    rig.peer(2, rig.beat(2));
    expect(told(rig.peer(2, rig.beat(5)))).toEqual([LINE]);
  });

  it('makes no more than ten lines, however many numbers it gives itself', () => {
    const rig = opened();
    const lines = Array.from({ length: 1000 }, (_, index) => told(rig.peer(2, rig.beat(10 + index)))).flat();
    expect(lines).toHaveLength(10);
    expect(lines.at(-1)).toMatch(/further problems of the same kind are suppressed$/);
  });
});

describe('a peer that refuses this server', () => {
  /** What a server without this one in its list answers. */
  const [answer] = replies(new Rig().say(7, { kind: 'Subscribe', from_id: 4 }), 7, 'Error');

  it('is told once: before the first Heartbeat, which never comes', () => {
    const rig = new Rig({ id: 4 });
    rig.step({ type: 'linkOpened', peerId: 2, link: rig.link(2) });
    expect(told(rig.peer(2, answer!))).toEqual(['Server 2 (two:2) does not have this server in its peers']);
    expect(told(rig.peer(2, answer!))).toEqual([]);
    expect(rig.member.detector.canAsk(2)).toBe(false);
  });

  it('is told in its own words when it has another reason, on one line', () => {
    const rig = opened();
    expect(told(rig.peer(2, refused(`too many\n\x1b[2J${'x'.repeat(1000)}`)))).toEqual([
      expect.stringMatching(
        /^Server 2 \(two:2\) does not talk to this server: "too many\\u000a\\u001b\[2Jx{10,120}…"$/,
      ),
    ]);
  });

  it('is not told for other errors', () => {
    const rig = Rig.follower();
    expect(
      told(rig.peer(2, { kind: 'Error', code: 'unknown_message', message: 'no peer 1 is configured here' })),
    ).toEqual([]);
  });
});

describe('a caller under an id that is not configured', () => {
  it('is told once for each host and id, and never again', () => {
    const rig = Rig.alone();
    const line = (id: number, host: string) =>
      `A server at ${host} has id ${id}, which is not among the peers of this server`;
    const subscribe = (from_id: number, connId: number): string[] =>
      told(rig.say(connId, { kind: 'Subscribe', from_id }));
    expect(subscribe(4, 7)).toEqual([line(4, '10.0.0.7')]);
    expect(subscribe(4, 7)).toEqual([]);
    expect(subscribe(5, 7)).toEqual([line(5, '10.0.0.7')]);
    expect(subscribe(4, 8)).toEqual([line(4, '10.0.0.8')]);
    rig.step({ type: 'connClosed', connId: 7 });
    rig.pass(60_000);
    expect(subscribe(4, 7)).toEqual([]);
  });

  it('that is this very server’s is another server with the same one', () => {
    const rig = Rig.alone();
    expect(told(rig.say(7, { kind: 'Subscribe', from_id: 1 }))).toEqual([
      'Two servers have id 1: this one, and one at 10.0.0.7',
    ]);
  });

  it('makes no more than a hundred lines, and leaves those of peers alone', () => {
    const rig = opened();
    const say = (index: number): Effect[] =>
      rig.step({ type: 'connMessage', conn: conn(index), message: { kind: 'Subscribe', from_id: index } });
    expect(Array.from({ length: 5000 }, (_, index) => told(say(10 + index))).flat()).toHaveLength(101);
    expect(told(rig.peer(2, rig.beat(5)))).toHaveLength(1);
  });
});

describe('two servers with the id of this one', () => {
  const LINE = 'Two servers have id 1: server 2 (two:2) hears one that is not this one';

  /** 2 and 3 go on saying that they hear 1; only 3 listens here. */
  function rival(): Rig {
    const rig = new Rig();
    rig.say(7, { kind: 'Subscribe', from_id: 3 });
    rig.connect(2);
    rig.connect(3);
    return rig;
  }

  it('are told when a peer goes on hearing this server without listening to it', () => {
    const rig = rival();
    expect(told(rig.passWithPeers(PATIENCE_MS - 500))).toEqual([]);
    expect(told(rig.passWithPeers(20 * PATIENCE_MS))).toEqual([LINE]);
  });

  it('are not told when the peer listens after all', () => {
    const rig = rival();
    rig.passWithPeers(PATIENCE_MS - 500);
    rig.say(8, { kind: 'Subscribe', from_id: 2 });
    expect(told(rig.passWithPeers(PATIENCE_MS))).toEqual([]);
    rig.step({ type: 'connClosed', connId: 8 }); // from now on it counts anew
    expect(told(rig.passWithPeers(PATIENCE_MS - 500))).toEqual([]);
  });

  it('are not told of a peer that is not heard for a time, or restarts', () => {
    const rig = rival();
    rig.passWithPeers(PATIENCE_MS - 500);
    rig.pass(TIMINGS.failureTimeoutMs);
    rig.connect(2);
    expect(told(rig.passWithPeers(PATIENCE_MS - 500))).toEqual([]);
    expect(told(rig.peer(2, rig.beat(2, { incarnation: 'new' })))).toEqual([]);
    expect(told(rig.peer(2, rig.beat(2, { incarnation: 'new' })))).toEqual([]);
  });

  it('are not told for the time in which this process was stopped', () => {
    const rig = rival();
    rig.passWithPeers(1000);
    rig.nowMs += 60_000;
    expect(told([...rig.step({ type: 'tick' }), ...rig.passWithPeers(PATIENCE_MS - 500)])).toEqual([]);
  });
});

describe('two servers with the id of a peer', () => {
  const LINE = 'Two servers have id 2: one at 10.0.0.7, and one at 10.0.0.8';

  /** 2 is up and listens; then another host listens in its name. */
  function twoHosts(): Rig {
    const rig = new Rig();
    rig.connect(2);
    rig.connect(3);
    rig.say(9, { kind: 'Subscribe', from_id: 3 });
    rig.say(7, { kind: 'Subscribe', from_id: 2 });
    rig.say(8, { kind: 'Subscribe', from_id: 2 });
    return rig;
  }

  it('are told when both go on listening while the peer lives on', () => {
    const rig = twoHosts();
    expect(told(rig.passWithPeers(PATIENCE_MS - 500))).toEqual([]);
    expect(told(rig.passWithPeers(20 * PATIENCE_MS))).toEqual([LINE]);
  });

  it('are told when both listened before the peer was heard', () => {
    const rig = new Rig();
    rig.say(9, { kind: 'Subscribe', from_id: 3 });
    for (const connId of [7, 8]) rig.say(connId, { kind: 'Subscribe', from_id: 2 });
    rig.connect(2);
    rig.connect(3);
    expect(told(rig.passWithPeers(2 * PATIENCE_MS))).toEqual([LINE]);
  });

  it('are not told when the peer has moved to another host: the connection of its former life may stay', () => {
    const rig = twoHosts();
    expect(told(rig.passWithPeers(5 * PATIENCE_MS, { incarnation: 'new' }))).toEqual([]);
  });

  it('are not told when one of them goes', () => {
    const rig = twoHosts();
    rig.passWithPeers(PATIENCE_MS - 500);
    rig.step({ type: 'connClosed', connId: 7 });
    expect(told(rig.passWithPeers(2 * PATIENCE_MS))).toEqual([]);
  });

  it('are not told for several connections of one host', () => {
    const rig = new Rig();
    rig.say(9, { kind: 'Subscribe', from_id: 3 });
    for (const id of [7, 8]) {
      const message = { kind: 'Subscribe', from_id: 2 } as const;
      rig.step({ type: 'connMessage', conn: conn(id, '10.0.0.2'), message });
    }
    rig.connect(2);
    rig.connect(3);
    expect(told(rig.passWithPeers(5 * PATIENCE_MS))).toEqual([]);
  });
});

it('a mismatch changes nothing that is sent, and nobody’s state', () => {
  const rig = opened();
  const before = rig.snapshot();
  const effects = [...rig.peer(2, rig.beat(5)), ...rig.peer(2, refused('no peer 1 is configured here'))];
  expect(effects.map(({ type }) => type)).toEqual(['event', 'event']);
  const answer = rig.say(7, { kind: 'Subscribe', from_id: 4 });
  expect(only(replies(answer, 7, 'Error'))).toMatchObject({ code: 'refused', message: 'no peer 4 is configured here' });
  expect(answer.map(({ type }) => type).sort()).toEqual(['event', 'send']);
  expect(rig.snapshot()).toEqual(before);
});
