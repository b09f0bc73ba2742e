import * as fc from 'fast-check';
import type { Message } from '../../../src/core/protocol';
import type { Effect, Input } from '../../../src/server/member/effects';
import { anyMessage } from '../../core/transport/arbitraries';
import { conn, HEARTBEAT_MS, Rig } from './member-rig';

const PEERS = [2, 3];
const IDS = [1, 2, 3];

/** Messages with ids that are meaningful here, so that they get past the first check. */
const near = fc.constantFrom(0, 1, 2, 3);
const leaderId = fc.option(fc.constantFrom(...IDS));
const checkId = fc.integer({ min: 100, max: 104 });
const named = { client_name: fc.constantFrom('c', 'd'), request_id: near, run_id: fc.constantFrom('r', 's') };
const say = (kind: string, fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Message> =>
  fc.record({ kind: fc.constant(kind), ...fields }) as unknown as fc.Arbitrary<Message>;

const fromPeer = fc.oneof(
  say('Heartbeat', {
    from_id: fc.constantFrom(...PEERS),
    timestamp: near,
    load: near,
    term: near,
    leader_id: leaderId,
    incarnation: fc.constantFrom('a', 'a', 'a', 'b'),
    workers: fc.integer({ min: 1, max: 3 }),
    phase: fc.constantFrom('starting', 'ready', 'ready', 'leaving'),
    hears: fc.constantFrom([1], [1, 2, 3], []),
  }),
  say('Election', { from_id: fc.constantFrom(...PEERS), priority: near, term: near, incarnation: fc.constant('a') }),
  say('Alive', { from_id: fc.constantFrom(...PEERS), term: near }),
  say('Yield', { from_id: fc.constantFrom(...PEERS), term: near }),
  say('Coordinator', { leader_id: fc.constantFrom(...IDS), term: near }),
  say('Leave', { from_id: near, term: near }),
  say('LeaderCheckResponse', { check_id: checkId, term: near, leader_id: leaderId, lives: fc.boolean() }),
  say('TaskAssignmentResponse', {
    request_id: near,
    assigned_server_id: leaderId,
    assigned_server_address: fc.constant(null),
    term: near,
    leader_id: leaderId,
    relay_id: checkId,
  }),
  say('HistoryAdd', { ...named, assigned_server_id: near, timestamp: near }),
  say('HistoryRemove', named),
  anyMessage,
);

const fromAnybody = fc.oneof(
  say('Subscribe', { from_id: near }),
  say('LeaderCheck', { check_id: near, hops_left: near }),
  say('TaskAssignmentRequest', { ...named, excluded_server_ids: fc.subarray(IDS) }),
  say('TaskRequest', { ...named, assigned_by_leader: near, timeout_ms: fc.integer({ min: -1, max: 3000 }) }),
  say('TaskCancel', named),
  say('TaskStatusQuery', named),
  anyMessage,
);

const peerId = fc.constantFrom(...PEERS);
const input = fc.oneof<fc.Arbitrary<{ make: (rig: Rig, count: number) => Input }>[]>(
  { weight: 4, arbitrary: fc.constant({ make: () => ({ type: 'tick' as const }) }) } as never,
  ...([
    fc.record({ peerId, message: fromPeer }).map(({ peerId: id, message }) => (rig: Rig) => ({
      type: 'linkMessage',
      peerId: id,
      link: rig.link(id),
      message,
    })),
    peerId.map((id) => (rig: Rig) => ({ type: 'linkOpened', peerId: id, link: rig.link(id) })),
    fc.tuple(peerId, fc.boolean(), fc.constantFrom(0, 0, 1)).map(([id, refused, age]) => (rig: Rig) => ({
      type: 'linkClosed',
      peerId: id,
      link: rig.link(id) - age,
      refused,
    })),
    fc.tuple(near, fromAnybody).map(([id, message]) => (_: Rig, count: number) => ({
      type: 'connMessage',
      conn: conn(id),
      message,
      executionId: count,
    })),
    near.map((connId) => () => ({ type: 'connClosed', connId })),
    fc
      .tuple(fc.nat(60), fc.constantFrom('answered', 'failed', 'cancelled'))
      .map(([executionId, outcome]) => () => ({ type: 'executed', executionId, outcome })),
    fc.constant(() => ({ type: 'prepared' })),
    fc.constant(() => ({ type: 'load', sample: { cpuPercent: 10, memoryUsedPercent: 10 } })),
  ].map((arbitrary) => ({
    weight: 2,
    arbitrary: (arbitrary as fc.Arbitrary<unknown>).map((make) => ({ make })),
  })) as never[]),
  { weight: 1, arbitrary: fc.constant({ make: () => ({ type: 'leave' as const }) }) } as never,
);

const step = fc.record({ input, waitMs: fc.oneof(fc.constantFrom(0, 0, 0.5, 5, 100, 1000), fc.nat(7000)) });

/** The guarantees that the code performing the effects relies on. */
class Shell {
  private readonly held = new Set<number>();
  readonly links = new Map<number, number>();
  private stopped = false;

  constructor(rig: Rig) {
    for (const id of PEERS) this.links.set(id, rig.link(id));
  }

  received(executionId: number): void {
    this.held.add(executionId);
  }

  perform(effects: Effect[], rig: Rig): void {
    for (const effect of effects) {
      if (effect.type === 'sendLink' || effect.type === 'drop') expect(effect.link).toBe(this.links.get(effect.peerId));
      if (effect.type === 'dial') this.links.set(effect.peerId, effect.link);
      if (effect.type === 'send') expect(effect.connIds.length * effect.messages.length).toBeGreaterThan(0);
      if (effect.type === 'execute') expect(this.held).toContain(effect.executionId);
      if (effect.type === 'execute') expect(effect.deadlineMs).toBeGreaterThan(rig.nowMs);
      if (effect.type === 'discard') expect(this.held.delete(effect.executionId)).toBe(true);
      if (effect.type === 'stopped') {
        expect(this.stopped).toBe(false);
        this.stopped = true;
      }
    }
  }
}

test('any message on any connection: no exception, nothing overdue, no impossible effect', () => {
  const property = fc.property(fc.array(step, { maxLength: 60 }), fc.boolean(), (steps, isLed) => {
    const rig = isLed ? Rig.leader({ workers: 1 }) : new Rig({ workers: 1 });
    const shell = new Shell(rig);
    for (const [index, { input: each, waitMs }] of steps.entries()) {
      rig.nowMs += waitMs;
      const given = each.make(rig, 1000 + index);
      if (given.type === 'connMessage' && given.message.kind === 'TaskRequest') shell.received(1000 + index);
      shell.perform(rig.step(given), rig);
      const { member, nowMs } = rig;
      // A server that confirms who leads may wait longer than it reads first (executor.nextMs is past then).
      if (member.election.mode !== 'confirming') expect(member.wakeAtMs).toBeGreaterThan(nowMs);
      expect(member.wakeAtMs).toBeLessThanOrEqual(nowMs + HEARTBEAT_MS);
      expect(member.executor.queue.activeCount).toBeLessThanOrEqual(1);
      for (const id of PEERS) expect(shell.links.get(id)).toBe(rig.link(id));
      for (const id of IDS) expect(member.assigner.ledger.outstanding(id)).toBeGreaterThanOrEqual(0);
    }
  });
  fc.assert(property, { numRuns: 400 });
});

test("no message on an accepted connection changes the leadership or a peer's state", () => {
  const property = fc.property(fc.array(fc.tuple(near, fromAnybody), { maxLength: 30 }), (messages) => {
    const rig = Rig.leader();
    const believed = () => {
      const { mode, leadership } = rig.member.election;
      return { mode, ...leadership, up: PEERS.map((id) => rig.member.detector.isUp(id)) };
    };
    const before = believed();
    messages.forEach(([id, message], index) => rig.say(id, message, index));
    expect(believed()).toEqual(before);
  });
  fc.assert(property, { numRuns: 300 });
});
