import { Attempt } from '../../../src/client/attempt/attempt';
import { ClusterView } from '../../../src/client/attempt/cluster-view';
import { Hedging } from '../../../src/client/attempt/hedging';
import { seededRandom } from '../../../src/core/random';
import { ADDRESSES, AttemptRig as Rig, BUSY, type Effect, LOST, TIMEOUT_MS, types } from './attempt-rig';

describe('a request', () => {
  it('asks, sends to the assigned server with the remaining time, and acks a verified carrier', () => {
    const rig = new Rig();
    expect(rig.effects).toEqual([
      { type: 'ask', askId: expect.any(Number), address: expect.any(String), excludedIds: [], timeoutMs: 10_000 },
    ]);
    rig.pass(40);
    const [send] = rig.assign(2) as [Effect<'send'>];
    expect(send).toMatchObject({ type: 'send', address: 'two:2', timeoutMs: TIMEOUT_MS - 40, leaderId: 1 });
    const result = {
      success: true,
      undecided: false,
      failureReason: null,
      serverAddress: 'two:2',
      retryCount: 0,
      hedged: false,
      term: 3,
    };
    expect(rig.verify()).toEqual([
      { type: 'ack', sendId: send.sendId, address: 'two:2' },
      { type: 'finish', result },
    ]);
  });

  it('asks the leader the next time', () => {
    const rig = new Rig();
    rig.view.learn('three:3', 3);
    rig.assign(2, 3);
    expect(rig.view.leaderAddress).toBe('three:3');
    expect(new Rig({ view: rig.view }).last('ask').address).toBe('three:3');
  });

  it('without a leader chooses a server itself', () => {
    const rig = new Rig();
    expect(rig.assign(2, null)).toMatchObject([{ type: 'send', leaderId: null }]);
  });

  it('prefers its own choice to an assigned server that it knows to have failed', () => {
    const rig = new Rig();
    rig.view.exclude('two:2', 0);
    expect(rig.assign(2)).toMatchObject([{ type: 'send', address: expect.not.stringMatching('two:2') }]);
  });

  it('goes direct if its ask is not answered within 250 ms, and so does everything for a second', () => {
    const rig = new Rig();
    expect(rig.pass(249)).toEqual([]);
    expect(rig.pass(1)).toMatchObject([{ type: 'send', leaderId: null }]);
    expect(rig.last('send').address).not.toBe(rig.last('ask').address);
    const at = (ms: number): string[] => {
      const attempt = new Attempt(
        { run_id: 'r', client_name: 'c', request_id: 2, image: 'a' },
        9e3,
        rig.view,
        new Hedging(0),
        Math.random,
        ms,
      );
      return types(attempt.start(ms));
    };
    expect([at(1249), at(1250)]).toEqual([['send'], ['ask']]);
    expect(rig.assign(2)).toEqual([]); // a late answer
  });
});

describe('a server that fails', () => {
  it('is excluded, and another is requested at once', () => {
    const rig = new Rig();
    rig.assign(2);
    expect(rig.fail(LOST)).toMatchObject([{ type: 'ask', excludedIds: [2] }]);
    expect(rig.last('ask').address).not.toBe('two:2');
    rig.assign(3);
    rig.verify();
    expect(rig.result).toMatchObject({ success: true, retryCount: 1, serverAddress: 'three:3' });
  });

  it('when asked is excluded, too', () => {
    const rig = new Rig();
    const { address } = rig.last('ask');
    expect(rig.loseAsk()).toMatchObject([{ type: 'ask', address: expect.not.stringMatching(address) }]);
  });

  it('when asked no longer counts: its late answer is ignored', () => {
    const rig = new Rig();
    const { askId } = rig.last('ask');
    rig.loseAsk();
    const address = { assigned_server_id: 2, assigned_server_address: 'two:2' };
    const late = { kind: 'TaskAssignmentResponse' as const, request_id: 1, ...address, leader_id: 1, term: 1 };
    expect(rig.attempt.onAssignment(askId, late, 0)).toEqual([]);
    expect(types(rig.assign(3))).toEqual(['send']);
  });

  it.each([
    ['the shortest', 0, 0.5],
    ['the longest', 0.999999, 1],
  ])('like all others: backs off from 10 ms, doubling to 250 ms, with jitter: %s', (_, jitter, factor) => {
    const rig = new Rig({ addresses: ['one:1'], random: () => jitter });
    for (const fullMs of [10, 20, 40, 80, 160, 250, 250]) {
      rig.view.exclude('one:1', rig.nowMs);
      expect(rig.loseAsk()).toEqual([]);
      expect(rig.attempt.wakeAtMs - rig.nowMs).toBeCloseTo(fullMs * factor, 3);
      expect(types(rig.pass(fullMs))).toEqual(['ask']);
    }
  });

  it('for lack of room is not asked again at once, although there are others', () => {
    const rig = new Rig();
    rig.assign(2);
    expect(rig.fail(BUSY)).toEqual([]);
    expect(rig.attempt.wakeAtMs - rig.nowMs).toBeGreaterThanOrEqual(5);
    expect(rig.attempt.wakeAtMs - rig.nowMs).toBeLessThanOrEqual(10);
    expect(rig.pass(10)).toMatchObject([{ type: 'ask', excludedIds: [2] }]);
  });

  it('because of the task itself: it is not retried', () => {
    const rig = new Rig();
    rig.assign(2);
    expect(types(rig.fail({ kind: 'error', message: 'too large: 9 of 8 bytes' }))).toEqual(['finish']);
    expect(rig.result).toMatchObject({
      success: false,
      failureReason: 'Server error: too large: 9 of 8 bytes',
      serverAddress: 'two:2',
    });
  });

  it('by breaking the protocol: one more server gets the task, then it fails, not as refused', () => {
    const rig = new Rig();
    rig.assign(2);
    expect(rig.fail({ kind: 'broken', message: 'no frame' })).toMatchObject([{ type: 'ask', excludedIds: [2] }]);
    rig.assign(3);
    rig.fail(LOST);
    rig.pass(100);
    rig.assign(1);
    expect(types(rig.fail({ kind: 'broken', message: 'no frame, too' }))).toEqual(['finish']);
    expect(rig.result).toMatchObject({
      failureReason: 'Server error: broke the protocol: no frame, too',
      serverAddress: 'one:1',
      retryCount: 3,
    });
  });

  it('by breaking the protocol twice, while another copy runs: that one may still win', () => {
    const rig = new Rig({ hedging: new Hedging(3) });
    rig.assign(2);
    const first = rig.last('send');
    rig.pass(500);
    const second = rig.last('send');
    expect(second.address).not.toBe(first.address);
    rig.fail({ kind: 'broken', message: 'no frame' }, first);
    rig.pass(1000);
    const third = rig.last('send');
    expect(third).not.toBe(second);
    expect(rig.fail({ kind: 'broken', message: 'no frame' }, second)).toEqual([]);
    rig.verify(third);
    expect(rig.result.success).toBe(true);
  });

  it('at one of its two addresses: the other one is used next', () => {
    const rig = new Rig();
    rig.view.learn('localhost:2', 2);
    rig.view.learn('two:2', 2);
    rig.assign(2);
    expect(rig.last('send').address).toBe('two:2');
    rig.fail(LOST);
    rig.pass(1000);
    expect(rig.view.usedAddress('two:2')).toBe('localhost:2');
  });

  it('with wrong bytes: another one gets the task at once, and the wrong one is avoided', () => {
    const rig = new Rig();
    rig.assign(2);
    expect(rig.corrupt()).toMatchObject([{ type: 'ask', excludedIds: [2] }]);
    expect(rig.view.isSlow('two:2', rig.nowMs)).toBe(true);
    rig.assign(3);
    rig.verify();
    expect(rig.result).toMatchObject({ success: true, serverAddress: 'three:3', retryCount: 1 });
    expect(rig.attempt.wrongAddresses).toEqual(['two:2']);
  });

  it('with wrong bytes is tried again by one task after a second, then after 2, 4 and 8', () => {
    const rig = new Rig();
    const avoidedMs: number[] = [];
    for (let nowMs = 0, probe = 0; probe < 5; probe++) {
      rig.view.sent('two:2', nowMs);
      rig.view.avoid('two:2', nowMs);
      const fromMs = nowMs;
      while (rig.view.isExcluded('two:2', nowMs)) nowMs += 10;
      avoidedMs.push(nowMs - fromMs);
    }
    expect(avoidedMs).toEqual([1000, 2000, 4000, 8000, 8000]);
  });

  it('with wrong bytes, as all others do: the request fails once each had its turn', () => {
    const rig = new Rig();
    for (const id of [2, 3, 1]) {
      expect(rig.attempt.finished).toBe(false);
      rig.assign(id);
      rig.corrupt();
    }
    expect(rig.result).toMatchObject({ success: false, failureReason: 'Verification failed', serverAddress: 'one:1' });
    expect(rig.attempt.wrongAddresses).toEqual(['two:2', 'three:3', 'one:1']);
  });

  it('with wrong bytes, and there is no other: fails the request at once', () => {
    const rig = new Rig({ addresses: ['one:1'] });
    rig.assign(1);
    expect(types(rig.corrupt())).toEqual(['finish']);
    expect(rig.result).toMatchObject({ success: false, failureReason: 'Verification failed', serverAddress: 'one:1' });
  });

  it('with wrong bytes, while another copy runs: that one may still win', () => {
    const rig = new Rig({ hedging: new Hedging(1) });
    rig.assign(2);
    const first = rig.last('send');
    rig.pass(500);
    expect(rig.count('send')).toBe(2);
    expect(rig.corrupt(first)).toEqual([]);
    rig.verify();
    expect(rig.result).toMatchObject({ success: true, hedged: true });
    expect(rig.attempt.wrongAddresses).toEqual(['two:2']);
  });

  it('with wrong bytes, and then nobody answers: that is the reason at the deadline, and its server is named', () => {
    const rig = new Rig();
    rig.assign(2);
    rig.corrupt();
    rig.assign(3);
    rig.pass(TIMEOUT_MS);
    expect(rig.result).toMatchObject({ success: false, failureReason: 'Verification failed', serverAddress: 'two:2' });
  });
});

describe('the failure reason at the deadline is what it was waiting for', () => {
  type Asked = 'assigned' | 'leaderless' | 'refused' | 'silent';
  type Sent = 'lost' | 'busy' | 'silent';
  const all = ADDRESSES;
  const alone = ['one:1'];

  /** Answers every ask and send in this way, over and over; `then`: the asks after the first. */
  function end(addresses: string[], asked: Asked, sent: Sent, then: Asked, timeoutMs: number): Rig {
    const rig = new Rig({ addresses, timeoutMs });
    for (let [asks, sends] = [0, 0]; !rig.attempt.finished;) {
      if (rig.count('ask') > asks) {
        const how = asks++ === 0 ? asked : then;
        if (how === 'refused') rig.loseAsk();
        else if (how !== 'silent') rig.assign(1, how === 'assigned' ? 1 : null);
      } else if (rig.count('send') > sends) {
        sends += 1;
        if (sent !== 'silent') rig.fail({ kind: sent });
      } else rig.pass(rig.attempt.wakeAtMs - rig.nowMs);
    }
    return rig;
  }

  it.each<[string, string[], Asked, Sent, Asked, number]>([
    ['Request timeout after 10s', all, 'assigned', 'silent', 'assigned', 10_000],
    ['Request timeout after 2.5s', all, 'assigned', 'silent', 'assigned', 2500],
    ['Request timeout after 10s', all, 'leaderless', 'silent', 'leaderless', 10_000],
    ['Request timeout after 10s', all, 'silent', 'silent', 'silent', 10_000],
    ['Connection refused', alone, 'refused', 'lost', 'refused', 10_000],
    ['Connection refused', all, 'refused', 'lost', 'refused', 10_000],
    ['Connection refused', alone, 'assigned', 'lost', 'assigned', 10_000],
    ['Server overloaded', alone, 'assigned', 'busy', 'assigned', 10_000],
    ['Server overloaded', all, 'assigned', 'busy', 'assigned', 10_000],
    ['No leader available', all, 'leaderless', 'busy', 'leaderless', 10_000],
    ['No leader available', alone, 'leaderless', 'busy', 'leaderless', 10_000],
    ['Server overloaded', all, 'leaderless', 'busy', 'assigned', 10_000],
    ['Server unavailable during reassignment polling', all, 'assigned', 'lost', 'refused', 10_000],
  ])('%s: of %j asked: %s, sent: %s, then asked: %s', (reason, addresses, asked, sent, then, timeoutMs) => {
    const rig = end(addresses, asked, sent, then, timeoutMs);
    expect([rig.nowMs, rig.result.success, rig.result.failureReason]).toEqual([timeoutMs, false, reason]);
    expect(rig.count('send')).toBeLessThan(200); // no hot loop
  });
});

it('fails as refused if the deadline comes during the next ask', () => {
  const rig = new Rig({ addresses: ['two:2'], timeoutMs: 100 });
  rig.loseAsk();
  // The back-off ends before the deadline; the ask is repeated, and no server has answered yet.
  rig.pass(100);
  expect(rig.count('ask')).toBeGreaterThan(1);
  expect(rig.result.failureReason).toBe('Connection refused');
});

describe('hedging', () => {
  /** A hedging with `count` tokens and a history of answers after 20 ms. */
  function tokens(count: number): Hedging {
    const hedging = new Hedging(count);
    hedging.finished('a.png', { address: 'one:1', latencyMs: 20 });
    return hedging;
  }

  /** A request sent to two:2. */
  function sent(hedging = tokens(1), addresses = ADDRESSES): Rig {
    const rig = new Rig({ hedging, addresses });
    rig.assign(2);
    return rig;
  }

  it('sends a late task to a second server; the first answer wins, the loser is cancelled', () => {
    const rig = sent();
    const first = rig.last('send');
    expect(rig.pass(99)).toEqual([]);
    const [second] = rig.pass(1) as [Effect<'send'>];
    expect([second.type, second.address === first.address]).toEqual(['send', false]);
    expect(types(rig.verify(second))).toEqual(['ack', 'cancel', 'finish']);
    expect(rig.last('cancel')).toEqual({ type: 'cancel', sendId: first.sendId, address: first.address });
    expect(rig.result).toMatchObject({ success: true, hedged: true, serverAddress: second.address });
    expect(rig.view.isExcluded(first.address, rig.nowMs)).toBe(true); // it was late
  });

  it('waits for three times the p95 of the image', () => {
    const hedging = new Hedging(1);
    hedging.finished('a.png', { address: 'one:1', latencyMs: 200 });
    const rig = sent(hedging);
    expect(rig.pass(599)).toEqual([]);
    expect(types(rig.pass(1))).toEqual(['send']);
  });

  it.each<[string, () => Rig]>([
    ['without a token', () => sent(tokens(0))],
    ['with nobody else', () => sent(tokens(1), ['two:2'])],
  ])('does not happen %s', (_, create) => expect(create().pass(5000)).toEqual([]));

  it('or not: all clients avoid a server that is late twice in a row', () => {
    const hedging = tokens(0);
    const client = (): Rig => new Rig({ hedging, view: new ClusterView(ADDRESSES, seededRandom(1), hedging.slow) });
    const late = client();
    late.assign(2);
    late.pass(100);
    expect([late.view, client().view].map((view) => view.isExcluded('two:2', 100))).toEqual([true, false]);
    const second = client();
    second.assign(2);
    // The second one is not hedged but moved, which takes no token.
    expect(types(second.pass(100))).toEqual(['send']);
    expect(client().view.isExcluded('two:2', 100)).toBe(true);
  });

  it('does not happen within a second of an overloaded server', () => {
    const hedging = tokens(1);
    hedging.overloaded(0);
    const rig = sent(hedging);
    expect(rig.pass(999)).toEqual([]);
    expect(types(rig.pass(101))).toEqual(['send']);
  });

  it('continues with the other copy if one of them fails', () => {
    const rig = sent();
    const first = rig.last('send');
    rig.pass(100);
    const second = rig.last('send');
    expect(rig.fail(LOST, second)).toEqual([]);
    rig.verify(first);
    expect(rig.result).toMatchObject({ success: true, retryCount: 1, serverAddress: first.address });
  });

  it('reports an overloaded server to all clients: no hedge for a second', () => {
    const hedging = tokens(5);
    const rig = sent(hedging);
    rig.fail(BUSY);
    expect([hedging.tryTake(rig.nowMs + 999), hedging.tryTake(rig.nowMs + 1000)]).toEqual([false, true]);
  });
});

it('abandoned, it cancels its sends and has no further effects', () => {
  const rig = new Rig();
  rig.assign(2);
  expect(types(rig.attempt.abandon())).toEqual(['cancel']);
  expect([rig.attempt.finished, rig.attempt.wakeAtMs, rig.verify(), rig.attempt.tick(TIMEOUT_MS)]).toEqual([
    true,
    Infinity,
    [],
    [],
  ]);
});
