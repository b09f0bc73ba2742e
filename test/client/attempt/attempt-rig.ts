import { Attempt } from '../../../src/client/attempt/attempt';
import type { AttemptEffect, SendFailure } from '../../../src/client/attempt/effects';
import { ClusterView } from '../../../src/client/attempt/cluster-view';
import { Hedging } from '../../../src/client/attempt/hedging';
import { seededRandom } from '../../../src/core/random';

export const ADDRESSES = ['one:1', 'two:2', 'three:3'];
export const TIMEOUT_MS = 10_000;
export const LOST: SendFailure = { kind: 'lost' };
export const BUSY: SendFailure = { kind: 'busy' };

export type Effect<T extends AttemptEffect['type']> = Extract<AttemptEffect, { type: T }>;

/** One request, driven by hand. `random` is the jitter. */
export class AttemptRig {
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

  /** Lets time pass, with a tick whenever the attempt asks for one. Returns all effects but pings. */
  pass(ms: number): AttemptEffect[] {
    const untilMs = this.nowMs + ms;
    const effects: AttemptEffect[] = [];
    for (; this.attempt.wakeAtMs <= untilMs; effects.push(...this.note(this.attempt.tick(this.nowMs)))) {
      expect(this.attempt.wakeAtMs).toBeGreaterThan(this.nowMs);
      this.nowMs = this.attempt.wakeAtMs;
    }
    this.nowMs = untilMs;
    return effects.filter(({ type }) => type !== 'ping');
  }

  last<T extends AttemptEffect['type']>(type: T): Effect<T> {
    const found = this.effects.filter((effect): effect is Effect<T> => effect.type === type).at(-1);
    if (!found) throw new Error(`no ${type} among ${this.effects.map((effect) => effect.type).join(', ')}`);
    return found;
  }

  /** Answers the last ask with server `id`, with or without a leader. */
  assign(id: number, leader_id: number | null = 1): AttemptEffect[] {
    const address = { assigned_server_id: id, assigned_server_address: ADDRESSES[id - 1]! };
    const response = { kind: 'TaskAssignmentResponse' as const, request_id: 1, ...address, leader_id, term: 3 };
    return this.note(this.attempt.onAssignment(this.last('ask').askId, response, this.nowMs));
  }

  loseAsk = (): AttemptEffect[] => this.note(this.attempt.onAskLost(this.last('ask').askId, this.nowMs));
  fail = (failure: SendFailure, send = this.last('send')): AttemptEffect[] =>
    this.note(this.attempt.onSendFailed(send.sendId, failure, this.nowMs));
  verify = (send = this.last('send')): AttemptEffect[] => this.note(this.attempt.onVerified(send.sendId, this.nowMs));
  corrupt = (send = this.last('send')): AttemptEffect[] => this.note(this.attempt.onCorrupted(send.sendId, this.nowMs));
  count = (type: AttemptEffect['type']): number => this.effects.filter((effect) => effect.type === type).length;

  get result() {
    return this.last('finish').result;
  }
}

export const types = (effects: AttemptEffect[]): string[] => effects.map(({ type }) => type);
