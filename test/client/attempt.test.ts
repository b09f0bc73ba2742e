import * as fc from 'fast-check';
import { Attempt, type AttemptEffect, type SendFailure } from '../../src/client/attempt';
import { ClusterView } from '../../src/client/cluster-view';
import { Hedging } from '../../src/client/hedging';
import { seededRandom } from '../../src/core/random';

const ADDRESSES = ['one:1', 'two:2', 'three:3'];
const TIMEOUT_MS = 10_000;
const LOST: SendFailure = { kind: 'lost' };
const BUSY: SendFailure = { kind: 'busy' };

type Effect<T extends AttemptEffect['type']> = Extract<AttemptEffect, { type: T }>;

/** One request, driven by hand. `random` is the jitter. */
class Rig {
  nowMs = 0;
  readonly effects: AttemptEffect[] = [];
  readonly view: ClusterView;
  readonly attempt: Attempt;

  constructor(
    more: {
      addresses?: string[];
      timeoutMs?: number;
      hedging?: Hedging;
      random?: () => number;
      view?: ClusterView;
    } = {},
  ) {
    const random = more.random ?? seededRandom(1);
    this.view = more.view ?? new ClusterView(more.addresses ?? ADDRESSES, random);
    const task = { run_id: 'r', client_name: 'c', request_id: 1, image: 'a.png' };
    this.attempt = new Attempt(
      task,
      more.timeoutMs ?? TIMEOUT_MS,
      this.view,
      more.hedging ?? new Hedging(0),
      random,
      0,
    );
    this.note(this.attempt.start(0));
  }

  note(effects: AttemptEffect[]): AttemptEffect[] {
    this.effects.push(...effects);
    return effects;
  }

  /** Time passes, with a tick whenever the attempt wants one. */
  pass(ms: number): AttemptEffect[] {
    const untilMs = this.nowMs + ms;
    const effects: AttemptEffect[] = [];
    for (; this.attempt.wakeAtMs <= untilMs; effects.push(...this.note(this.attempt.tick(this.nowMs)))) {
      expect(this.attempt.wakeAtMs).toBeGreaterThan(this.nowMs);
      this.nowMs = this.attempt.wakeAtMs;
    }
    this.nowMs = untilMs;
    return effects;
  }

  last<T extends AttemptEffect['type']>(type: T): Effect<T> {
    const found = this.effects.filter((effect): effect is Effect<T> => effect.type === type).at(-1);
    if (!found) throw new Error(`no ${type} among ${this.effects.map((effect) => effect.type).join(', ')}`);
    return found;
  }

  /** Answers the last ask with server `id`, or with nobody leading. */
  assign(id: number, leader_id: number | null = 1): AttemptEffect[] {
    const address = { assigned_server_id: id, assigned_server_address: ADDRESSES[id - 1]! };
    const response = { kind: 'TaskAssignmentResponse' as const, request_id: 1, ...address, leader_id, term: 3 };
    return this.note(this.attempt.onAssignment(this.last('ask').askId, response, this.nowMs));
  }

  loseAsk = (): AttemptEffect[] => this.note(this.attempt.onAskLost(this.last('ask').askId, this.nowMs));
  fail = (failure: SendFailure, send = this.last('send')): AttemptEffect[] =>
    this.note(this.attempt.onSendFailed(send.sendId, failure, this.nowMs));
  verify = (send = this.last('send')): AttemptEffect[] => this.note(this.attempt.onVerified(send.sendId, this.nowMs));
  count = (type: AttemptEffect['type']): number => this.effects.filter((effect) => effect.type === type).length;

  get result() {
    return this.last('finish').result;
  }
}

const types = (effects: AttemptEffect[]): string[] => effects.map(({ type }) => type);

describe('a request', () => {
  it('asks, sends where it is told with what is left of the time, and acknowledges a carrier that verified', () => {
    const rig = new Rig();
    expect(rig.effects).toEqual([
      { type: 'ask', askId: expect.any(Number), address: expect.any(String), excludedIds: [] },
    ]);
    rig.pass(40);
    const [send] = rig.assign(2) as [Effect<'send'>];
    expect(send).toMatchObject({ type: 'send', address: 'two:2', timeoutMs: TIMEOUT_MS - 40, leaderId: 1 });
    const result = {
      success: true,
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

  it('without a leader goes to a server of its own choice', () => {
    const rig = new Rig();
    expect(rig.assign(2, null)).toMatchObject([{ type: 'send', leaderId: null }]);
  });

  it('is sent to its own choice rather than to a server that it knows to have failed', () => {
    const rig = new Rig();
    rig.view.exclude('two:2', 0);
    expect(rig.assign(2)).toMatchObject([{ type: 'send', address: expect.not.stringMatching('two:2') }]);
  });

  it('whose question is not answered within 250 ms goes direct, and so does everything for a second', () => {
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
    expect(rig.assign(2)).toEqual([]); // the answer comes late
  });
});

describe('a server that fails', () => {
  it.each<[string, (rig: Rig) => AttemptEffect[]]>([
    ['closing the connection', (rig) => rig.fail(LOST)],
    ['refusing the question', (rig) => new Rig({ view: rig.view }) && rig.fail(LOST)],
  ])('by %s is excluded, and another is asked for at once', (_, happens) => {
    const rig = new Rig();
    rig.assign(2);
    expect(happens(rig)).toMatchObject([{ type: 'ask', excludedIds: [2] }]);
    expect(rig.last('ask').address).not.toBe('two:2');
    rig.assign(3);
    rig.verify();
    expect(rig.result).toMatchObject({ success: true, retryCount: 1, serverAddress: 'three:3' });
  });

  it('when it is asked is excluded too', () => {
    const rig = new Rig();
    const { address } = rig.last('ask');
    expect(rig.loseAsk()).toMatchObject([{ type: 'ask', address: expect.not.stringMatching(address) }]);
  });

  it.each([
    ['the shortest', 0, 0.5],
    ['the longest', 0.999999, 1],
  ])('as all others: backs off from 10 ms, doubling to 250 ms, with jitter: %s', (_, jitter, factor) => {
    const rig = new Rig({ addresses: ['one:1'], random: () => jitter });
    for (const fullMs of [10, 20, 40, 80, 160, 250, 250]) {
      rig.view.exclude('one:1', rig.nowMs);
      expect(rig.loseAsk()).toEqual([]);
      expect(rig.attempt.wakeAtMs - rig.nowMs).toBeCloseTo(fullMs * factor, 3);
      expect(types(rig.pass(fullMs))).toEqual(['ask']);
    }
  });

  it('for want of room is not asked again at once, though there are others', () => {
    const rig = new Rig();
    rig.assign(2);
    expect(rig.fail(BUSY)).toEqual([]);
    expect(rig.attempt.wakeAtMs - rig.nowMs).toBeGreaterThanOrEqual(5);
    expect(rig.attempt.wakeAtMs - rig.nowMs).toBeLessThanOrEqual(10);
    expect(rig.pass(10)).toMatchObject([{ type: 'ask', excludedIds: [2] }]);
  });

  it('the task itself is never tried again', () => {
    const rig = new Rig();
    rig.assign(2);
    expect(types(rig.fail({ kind: 'error', message: 'too large: 9 of 8 bytes' }))).toEqual(['finish']);
    expect(rig.result).toMatchObject({
      success: false,
      failureReason: 'Server error: too large: 9 of 8 bytes',
      serverAddress: 'two:2',
    });
  });

  it('with wrong bytes fails the request at once', () => {
    const rig = new Rig();
    rig.assign(2);
    expect(types(rig.note(rig.attempt.onCorrupted(rig.last('send').sendId)))).toEqual(['finish']);
    expect(rig.result).toMatchObject({ success: false, failureReason: 'Verification failed', serverAddress: 'two:2' });
  });
});

describe('the reason of a failure at the deadline is what was being done', () => {
  const alone = { addresses: ['one:1'] };
  it.each<[string, { addresses?: string[]; timeoutMs?: number }, (rig: Rig) => unknown, (rig: Rig) => unknown]>([
    ['Request timeout after 10s', {}, (rig) => rig.assign(2), () => {}],
    ['Request timeout after 2.5s', { timeoutMs: 2500 }, (rig) => rig.assign(2), () => {}],
    ['Request timeout after 10s', {}, (rig) => rig.assign(2, null), () => {}],
    ['Connection refused', alone, () => {}, (rig) => rig.loseAsk()],
    ['Connection refused', alone, (rig) => rig.assign(1), (rig) => (rig.fail(LOST), rig.loseAsk)],
    ['Server overloaded', alone, (rig) => (rig.assign(1), rig.fail(BUSY)), (rig) => (rig.assign(1), rig.fail(BUSY))],
    [
      'Server unavailable during reassignment polling',
      {},
      (rig) => (rig.assign(2), rig.fail(LOST)),
      (rig) => rig.loseAsk(),
    ],
  ])('%s', (reason, options, first, then) => {
    const rig = new Rig(options);
    const asks = (): number => rig.count('ask');
    first(rig);
    for (let asked = 0; !rig.attempt.finished; asked = asks()) {
      if (asks() > asked) then(rig);
      if (!rig.attempt.finished) rig.note(rig.attempt.tick((rig.nowMs = rig.attempt.wakeAtMs)));
    }
    expect([rig.nowMs, rig.result.failureReason]).toEqual([options.timeoutMs ?? TIMEOUT_MS, reason]);
  });
});

describe('hedging', () => {
  /** Sent to two:2, all servers known. */
  function sent(hedging = new Hedging(1), addresses = ADDRESSES): Rig {
    const rig = new Rig({ hedging, addresses });
    rig.assign(2);
    return rig;
  }

  it('gives a late task to a second server, the first answer wins and the loser is cancelled', () => {
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
    hedging.finished('a.png', 200);
    const rig = sent(hedging);
    expect(rig.pass(599)).toEqual([]);
    expect(types(rig.pass(1))).toEqual(['send']);
  });

  it.each<[string, () => Rig]>([
    ['without a token', () => sent(new Hedging(0))],
    ['with nobody else', () => sent(new Hedging(1), ['two:2'])],
  ])('does not happen %s', (_, create) => expect(create().pass(5000)).toEqual([]));

  it('does not happen within a second of an overloaded server', () => {
    const hedging = new Hedging(1);
    hedging.overloaded(0);
    const rig = sent(hedging);
    expect(rig.pass(999)).toEqual([]);
    expect(types(rig.pass(101))).toEqual(['send']);
  });

  it('goes on with the other when one of them fails', () => {
    const rig = sent();
    const first = rig.last('send');
    rig.pass(100);
    const second = rig.last('send');
    expect(rig.fail(LOST, second)).toEqual([]);
    rig.verify(first);
    expect(rig.result).toMatchObject({ success: true, retryCount: 1, serverAddress: first.address });
  });

  it('tells an overloaded server to all: no hedge for a second', () => {
    const hedging = new Hedging(5);
    const rig = sent(hedging);
    rig.fail(BUSY);
    expect([hedging.tryTake(rig.nowMs + 999), hedging.tryTake(rig.nowMs + 1000)]).toEqual([false, true]);
  });
});

it('abandoned, it cancels what is under way and says nothing more', () => {
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

const happening = fc.record({
  what: fc.constantFrom(
    'assigned',
    'leaderless',
    'nobody',
    'ask lost',
    'lost',
    'busy',
    'verified',
    'corrupted',
    'error',
    'nothing',
    'nothing',
  ),
  which: fc.nat(6), // asks and sends by number: also old ones, also such as never were
  server: fc.constantFrom(1, 2, 3),
  waitMs: fc.oneof(fc.constantFrom(0, 1, 100, 250, 1000), fc.nat(4000)),
});

test('whatever happens in whatever order: it ends by the deadline, once, with everything cancelled and nothing after that', () => {
  const property = fc.property(
    fc.array(happening, { maxLength: 40 }),
    fc.nat(3),
    fc.nat(),
    (happenings, tokens, seed) => {
      const rig = new Rig({ hedging: new Hedging(tokens), random: seededRandom(seed) });
      const { attempt } = rig;
      for (const { what, which, server, waitMs } of [
        ...happenings,
        { what: 'nothing', which: 0, server: 1, waitMs: TIMEOUT_MS },
      ]) {
        rig.pass(waitMs);
        const wasFinished = attempt.finished;
        const [id, leader_id] = what === 'nobody' ? [null, null] : [server, what === 'leaderless' ? null : 1];
        const assigned = {
          assigned_server_id: id,
          assigned_server_address: id && ADDRESSES[id - 1]!,
          leader_id,
          term: 1,
        };
        const response = { kind: 'TaskAssignmentResponse' as const, request_id: 1, ...assigned };
        let effects: AttemptEffect[] = [];
        if (['assigned', 'leaderless', 'nobody'].includes(what))
          effects = attempt.onAssignment(which, response, rig.nowMs);
        else if (what === 'ask lost') effects = attempt.onAskLost(which, rig.nowMs);
        else if (what === 'verified') effects = attempt.onVerified(which, rig.nowMs);
        else if (what === 'corrupted') effects = attempt.onCorrupted(which);
        else if (what === 'lost' || what === 'busy') effects = attempt.onSendFailed(which, { kind: what }, rig.nowMs);
        else if (what === 'error') effects = attempt.onSendFailed(which, { kind: what, message: 'no' }, rig.nowMs);
        if (wasFinished) expect(effects).toEqual([]);
        rig.note(effects);
        if (attempt.finished) expect([attempt.wakeAtMs, rig.effects.at(-1)!.type]).toEqual([Infinity, 'finish']);
      }
      expect([attempt.finished, rig.count('finish')]).toEqual([true, 1]);
      expect(rig.count('ack')).toBe(rig.result.success ? 1 : 0);
      expect(rig.result.success).toBe(rig.result.failureReason === null);
      const known = [
        ...ADDRESSES.map((address) =>
          rig.view.directAddress(
            0,
            ADDRESSES.filter((each) => each !== address),
          ),
        ),
      ];
      for (const address of known)
        expect(
          (rig.view as unknown as { server(of: string): { outstanding: number } }).server(address).outstanding,
        ).toBe(0);
    },
  );
  fc.assert(property, { numRuns: 500 });
});
