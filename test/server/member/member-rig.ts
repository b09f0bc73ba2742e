import type { ServerEventBody } from '../../../src/core/metrics/record';
import type { Message, MessageKind, MessageOf, StatusFields } from '../../../src/core/protocol';
import type { ConnInfo, Effect, Input, MemberConfig } from '../../../src/server/member/effects';
import { Member } from '../../../src/server/member/member';

export const HEARTBEAT_MS = 1000;
export const TIMINGS = { heartbeatMs: HEARTBEAT_MS, failureTimeoutMs: 5000, electionTimeoutMs: 2000 };
const UNIX_MS = 1_700_000_000_000;

export const conn = (id: number, remoteHost = `10.0.0.${id}`): ConnInfo => ({ id, localAddress: 'here:1', remoteHost });

export const task = (request_id: number, more: { run_id?: string } = {}) => ({
  client_name: 'c',
  request_id,
  run_id: 'r',
  ...more,
});

/** Server 1 with peers 2 and 3, driven by hand: tests give every input and see every effect. */
export class Rig {
  nowMs = 10_000;
  readonly member: Member;
  private readonly config: MemberConfig;

  constructor(more: Partial<MemberConfig> = {}) {
    this.config = {
      id: 1,
      address: 'one:1',
      peers: [
        { id: 2, address: 'two:2' },
        { id: 3, address: 'three:3' },
      ],
      timings: TIMINGS,
      workers: 2,
      queueLimit: 2,
      incarnation: 'me',
      version: '1.2.3',
      firstCheckId: 100,
      drainMs: 3000,
      ...more,
    };
    this.member = new Member(this.config);
    this.step({ type: 'start' });
  }

  /** Makes a server that follows 2, hears 2 and 3, and is ready. */
  static follower(more: Partial<MemberConfig> = {}): Rig {
    const rig = new Rig(more);
    rig.step({ type: 'prepared' });
    rig.connect(3);
    rig.connect(2, { term: 1, leader_id: 2 });
    return rig;
  }

  /** Makes a server that leads in term 1, hears 2 and 3, and is ready. */
  static leader(more: Partial<MemberConfig> = {}): Rig {
    const rig = Rig.candidate(more);
    for (const from_id of [2, 3]) rig.peer(from_id, { kind: 'Yield', from_id, term: 1 });
    return rig;
  }

  /** Makes a candidate in term 1 that waits for the answers of 2 and 3. */
  static candidate(more: Partial<MemberConfig> = {}): Rig {
    const rig = new Rig(more);
    rig.step({ type: 'prepared' });
    rig.connect(2);
    const asked = linkMessages(rig.connect(3), 'LeaderCheck');
    for (const peerId of [2, 3]) {
      const { check_id } = asked.find((each) => each.peerId === peerId)!.message;
      rig.peer(peerId, { kind: 'LeaderCheckResponse', check_id, term: 0, leader_id: null, lives: false });
    }
    return rig;
  }

  /** Makes the only server that is up; it leads, and keeps all tasks. */
  static alone(more: Partial<MemberConfig> = {}): Rig {
    const rig = new Rig(more);
    for (const peerId of [2, 3]) rig.linkClosed(peerId, true);
    rig.step({ type: 'prepared' });
    return rig;
  }

  step(input: Input): Effect[] {
    return this.member.step(input, { nowMs: this.nowMs, unixMs: UNIX_MS + this.nowMs });
  }

  /** Lets time pass, with a tick whenever the member asked for one. */
  pass(ms: number): Effect[] {
    const untilMs = this.nowMs + ms;
    const effects: Effect[] = [];
    for (;;) {
      // A timer for a time in the past fires a millisecond later.
      const nextMs = this.member.wakeAtMs > this.nowMs ? this.member.wakeAtMs : this.nowMs + 1;
      if (nextMs > untilMs) break;
      this.nowMs = nextMs;
      effects.push(...this.step({ type: 'tick' }));
    }
    this.nowMs = untilMs;
    return effects;
  }

  /** Does the same as `pass`, while 2 and 3 keep sending this heartbeat. */
  passWithPeers(ms: number, beat: Partial<MessageOf<'Heartbeat'>> = {}): Effect[] {
    const effects: Effect[] = [];
    for (let passedMs = 0; passedMs < ms; passedMs += 500) {
      effects.push(...this.pass(Math.min(500, ms - passedMs)));
      for (const peerId of [2, 3]) effects.push(...this.peer(peerId, this.beat(peerId, beat)));
    }
    return effects;
  }

  link(peerId: number): number {
    return this.member.detector.get(peerId)!.link;
  }

  linkClosed(peerId: number, refused: boolean): Effect[] {
    return this.step({ type: 'linkClosed', peerId, link: this.link(peerId), refused });
  }

  beat(peerId: number, more: Partial<MessageOf<'Heartbeat'>> = {}): MessageOf<'Heartbeat'> {
    const fields = { timestamp: 0, load: 0, term: 0, leader_id: null, incarnation: `life of ${peerId}`, workers: 2 };
    return { kind: 'Heartbeat', from_id: peerId, ...fields, phase: 'ready', hears: [1, 2, 3], ...more };
  }

  /** Opens the link to a peer and delivers its first Heartbeat. */
  connect(peerId: number, more: Partial<MessageOf<'Heartbeat'>> = {}): Effect[] {
    const opened = this.step({ type: 'linkOpened', peerId, link: this.link(peerId) });
    return [...opened, ...this.peer(peerId, this.beat(peerId, more))];
  }

  /** Delivers a message from a peer on the link that we dialed. */
  peer(peerId: number, message: Message): Effect[] {
    return this.step({ type: 'linkMessage', peerId, link: this.link(peerId), message });
  }

  /** Delivers a message on a connection that we accepted. */
  say(connId: number, message: Message, executionId?: number, secretBytes?: number): Effect[] {
    return this.step({ type: 'connMessage', conn: conn(connId), message, executionId, secretBytes });
  }

  /** Delivers a client's task; its execution gets the request's id. */
  submit(connId: number, request_id: number, timeout_ms?: number, secretBytes?: number): Effect[] {
    const message: Message = { kind: 'TaskRequest', ...task(request_id), assigned_by_leader: 1, timeout_ms };
    return this.say(connId, message, request_id, secretBytes);
  }

  assign(connId: number, request_id: number, excluded_server_ids: number[] = []): MessageOf<'TaskAssignmentResponse'> {
    const effects = this.say(connId, { kind: 'TaskAssignmentRequest', ...task(request_id), excluded_server_ids });
    return only(replies(effects, connId, 'TaskAssignmentResponse'));
  }

  status(): StatusFields {
    return only(replies(this.say(99, { kind: 'StatusQuery' }), 99, 'StatusResponse'));
  }

  /** Everything that a forged message might change. */
  snapshot(): unknown {
    const { election, detector, assigner, executor } = this.member;
    const { leadership, mode, via } = election;
    const peers = detector.all().map((peer) => ({ ...peer }));
    const lists = [1, 2, 3].map((id) => assigner.ledger.keysOf(id));
    return {
      leadership: { ...leadership },
      mode,
      via,
      peers,
      lists,
      size: assigner.ledger.size,
      phase: executor.phase,
      status: this.status(),
    };
  }
}

export function only<T>(list: readonly T[]): T {
  expect(list).toHaveLength(1);
  return list[0]!;
}

/** The messages of one kind sent to a connection. */
export function replies<K extends MessageKind>(effects: Effect[], connId: number, kind: K): MessageOf<K>[] {
  const messages = effects.flatMap((effect) =>
    effect.type === 'send' && effect.connIds.includes(connId) ? effect.messages : [],
  );
  return messages.filter((message) => message.kind === kind) as MessageOf<K>[];
}

/** The kinds of all messages sent to a connection. */
export function saidTo(effects: Effect[], connId: number): string[] {
  return effects.flatMap((effect) =>
    effect.type === 'send' && effect.connIds.includes(connId) ? effect.messages.map(({ kind }) => kind) : [],
  );
}

export function linkMessages<K extends MessageKind>(
  effects: Effect[],
  kind: K,
): { peerId: number; message: MessageOf<K> }[] {
  return effects.flatMap((effect) =>
    effect.type === 'sendLink' && effect.message.kind === kind
      ? [{ peerId: effect.peerId, message: effect.message as MessageOf<K> }]
      : [],
  );
}

export function events<E extends ServerEventBody['event']>(
  effects: Effect[],
  event: E,
): Extract<ServerEventBody, { event: E }>[] {
  const all = effects.flatMap((effect) => (effect.type === 'event' ? [effect.event] : []));
  return all.filter((each) => each.event === event) as Extract<ServerEventBody, { event: E }>[];
}

/** The changes to executions, in order, as `"execute 7"` or `"discard 7"`. */
export function executions(effects: Effect[]): string[] {
  return effects.flatMap((effect) =>
    effect.type === 'execute' || effect.type === 'discard' ? [`${effect.type} ${effect.executionId}`] : [],
  );
}
