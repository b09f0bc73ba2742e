import type { Effect } from '../../../src/server/member/effects';
import { conn, events, HEARTBEAT_MS, only, replies, Rig, TIMINGS } from './member-rig';

const PATIENCE_MS = 2 * TIMINGS.failureTimeoutMs;

const told = (effects: Effect[]): string[] => events(effects, 'mismatch').map(({ reason }) => reason);

const refused = (message: string) => ({ kind: 'Error', code: 'refused', message }) as const;

/** Makes a starting server with an open link to 2 on which nothing has been sent. */
function opened(): Rig {
  const rig = new Rig();
  rig.step({ type: 'linkOpened', peerId: 2, link: rig.link(2) });
  return rig;
}

describe('another server at the address of a peer', () => {
  const LINE = 'Server 5 answers at two:2, expected server 2 by the configuration';

  it('is reported once, whatever the link does', () => {
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

  it('is reported again if the peer was up in between', () => {
    const rig = opened();
    rig.peer(2, rig.beat(5));
    rig.peer(2, rig.beat(2));
    expect(told(rig.peer(2, rig.beat(5)))).toEqual([LINE]);
  });

  it('causes at most ten lines, however many ids it claims', () => {
    const rig = opened();
    const lines = Array.from({ length: 1000 }, (_, index) => told(rig.peer(2, rig.beat(10 + index)))).flat();
    expect(lines).toHaveLength(10);
    expect(lines.at(-1)).toMatch(/further problems of the same kind are suppressed$/);
  });
});

describe('a peer that refuses this server', () => {
  /** The answer of a server that does not list this one. */
  const [answer] = replies(new Rig().say(7, { kind: 'Subscribe', from_id: 4 }), 7, 'Error');

  it('is reported once: before the first Heartbeat, which never comes', () => {
    const rig = new Rig({ id: 4 });
    rig.step({ type: 'linkOpened', peerId: 2, link: rig.link(2) });
    expect(told(rig.peer(2, answer!))).toEqual(['Server 2 (two:2) does not have this server in its peers']);
    expect(told(rig.peer(2, answer!))).toEqual([]);
    expect(rig.member.detector.canAsk(2)).toBe(false);
  });

  it('is quoted on one line when it has another reason', () => {
    const rig = opened();
    expect(told(rig.peer(2, refused(`too many\n\x1b[2J${'x'.repeat(1000)}`)))).toEqual([
      expect.stringMatching(
        /^Server 2 \(two:2\) does not talk to this server: "too many\\u000a\\u001b\[2Jx{10,120}…"$/,
      ),
    ]);
  });

  it('is not reported for other errors', () => {
    const rig = Rig.follower();
    expect(
      told(rig.peer(2, { kind: 'Error', code: 'unknown_message', message: 'no peer 1 is configured here' })),
    ).toEqual([]);
  });
});

describe('a caller under an unknown id', () => {
  it('is reported once for each host and id, and never again', () => {
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

  it('with this very server’s id is another server with the same one', () => {
    const rig = Rig.alone();
    expect(told(rig.say(7, { kind: 'Subscribe', from_id: 1 }))).toEqual([
      'Two servers have id 1: this one, and one at 10.0.0.7',
    ]);
  });

  it('causes at most a hundred lines, and leaves those of peers alone', () => {
    const rig = opened();
    const say = (index: number): Effect[] =>
      rig.step({ type: 'connMessage', conn: conn(index), message: { kind: 'Subscribe', from_id: index } });
    expect(Array.from({ length: 5000 }, (_, index) => told(say(10 + index))).flat()).toHaveLength(101);
    expect(told(rig.peer(2, rig.beat(5)))).toHaveLength(1);
  });
});

describe('two servers with the id of this one', () => {
  const LINE = 'Two servers have id 1: server 2 (two:2) hears one that is not this one';

  /** Makes a server that 2 and 3 claim to hear again and again, while only 3 is subscribed here. */
  function rival(): Rig {
    const rig = new Rig();
    rig.say(7, { kind: 'Subscribe', from_id: 3 });
    rig.connect(2);
    rig.connect(3);
    return rig;
  }

  it('are reported when a peer keeps hearing this server without being subscribed', () => {
    const rig = rival();
    expect(told(rig.passWithPeers(PATIENCE_MS - 500))).toEqual([]);
    expect(told(rig.passWithPeers(20 * PATIENCE_MS))).toEqual([LINE]);
  });

  it('are not reported if the peer subscribes after all', () => {
    const rig = rival();
    rig.passWithPeers(PATIENCE_MS - 500);
    rig.say(8, { kind: 'Subscribe', from_id: 2 });
    expect(told(rig.passWithPeers(PATIENCE_MS))).toEqual([]);
    rig.step({ type: 'connClosed', connId: 8 }); // the time starts again
    expect(told(rig.passWithPeers(PATIENCE_MS - 500))).toEqual([]);
  });

  it('are not reported for a peer that is not heard for a time, or restarts', () => {
    const rig = rival();
    rig.passWithPeers(PATIENCE_MS - 500);
    rig.pass(TIMINGS.failureTimeoutMs);
    rig.connect(2);
    expect(told(rig.passWithPeers(PATIENCE_MS - 500))).toEqual([]);
    expect(told(rig.peer(2, rig.beat(2, { incarnation: 'new' })))).toEqual([]);
    expect(told(rig.peer(2, rig.beat(2, { incarnation: 'new' })))).toEqual([]);
  });

  it('are not reported for the time in which this process was stopped', () => {
    const rig = rival();
    rig.passWithPeers(1000);
    rig.nowMs += 60_000;
    expect(told([...rig.step({ type: 'tick' }), ...rig.passWithPeers(PATIENCE_MS - 500)])).toEqual([]);
  });
});

describe('two servers with the id of a peer', () => {
  const LINE = 'Two servers have id 2: one at 10.0.0.7, and one at 10.0.0.8';

  /** Makes a server with 2 up and subscribed; then another host subscribes under the same id. */
  function twoHosts(): Rig {
    const rig = new Rig();
    rig.connect(2);
    rig.connect(3);
    rig.say(9, { kind: 'Subscribe', from_id: 3 });
    rig.say(7, { kind: 'Subscribe', from_id: 2 });
    rig.say(8, { kind: 'Subscribe', from_id: 2 });
    return rig;
  }

  it('are reported when both stay subscribed while the peer lives on', () => {
    const rig = twoHosts();
    expect(told(rig.passWithPeers(PATIENCE_MS - 500))).toEqual([]);
    expect(told(rig.passWithPeers(20 * PATIENCE_MS))).toEqual([LINE]);
  });

  it('are reported when both subscribed before the peer was heard', () => {
    const rig = new Rig();
    rig.say(9, { kind: 'Subscribe', from_id: 3 });
    for (const connId of [7, 8]) rig.say(connId, { kind: 'Subscribe', from_id: 2 });
    rig.connect(2);
    rig.connect(3);
    expect(told(rig.passWithPeers(2 * PATIENCE_MS))).toEqual([LINE]);
  });

  it('are not reported if the peer moved to another host: its old connection may remain', () => {
    const rig = twoHosts();
    expect(told(rig.passWithPeers(5 * PATIENCE_MS, { incarnation: 'new' }))).toEqual([]);
  });

  it('are not reported if one of them disconnects', () => {
    const rig = twoHosts();
    rig.passWithPeers(PATIENCE_MS - 500);
    rig.step({ type: 'connClosed', connId: 7 });
    expect(told(rig.passWithPeers(2 * PATIENCE_MS))).toEqual([]);
  });

  it('are not reported for several connections of one host', () => {
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

it('a mismatch changes neither what is sent nor anybody’s state', () => {
  const rig = opened();
  const before = rig.snapshot();
  const effects = [...rig.peer(2, rig.beat(5)), ...rig.peer(2, refused('no peer 1 is configured here'))];
  expect(effects.map(({ type }) => type)).toEqual(['event', 'event']);
  const answer = rig.say(7, { kind: 'Subscribe', from_id: 4 });
  expect(only(replies(answer, 7, 'Error'))).toMatchObject({ code: 'refused', message: 'no peer 4 is configured here' });
  expect(answer.map(({ type }) => type).sort()).toEqual(['event', 'send']);
  expect(rig.snapshot()).toEqual(before);
});
