import { Election, type ElectionOutput } from '../../../src/core/election/election';
import type { Message, MessageOf } from '../../../src/core/protocol';

export const HEARTBEAT_MS = 1000;
export const FAILURE_TIMEOUT_MS = 3000;
export const ELECTION_TIMEOUT_MS = 2000;

/** More than any test needs: an endless exchange is an error. */
const MAX_MESSAGES = 10_000;

type Sent = { from: number; to: number; message: Message };

/**
 * A few Election objects that talk to each other directly: no links, no Member, time by hand. Tests take the place of
 * the detector. Every message is recorded in `sent` as `"1>2 Election"`.
 */
export class Electorate {
  nowMs = 0;
  readonly sent: string[] = [];
  readonly loads = new Map<number, number>();
  /** `"1 2"`: 1 considers 2 up. */
  readonly up = new Set<string>();
  /** `"1 2"`: 1 currently has no link to 2 and cannot ask it. */
  readonly unlinked = new Set<string>();
  readonly leaving = new Set<number>();
  /** Messages for which this returns true are kept in `late`. */
  hold: (sent: Sent) => boolean = () => false;
  late: Sent[] = [];

  private readonly elections = new Map<number, Election>();
  private queue: Sent[] = [];
  private lives = 0;

  constructor(readonly ids: readonly number[]) {
    for (const id of ids) {
      this.loads.set(id, 50);
      this.create(id);
      for (const other of ids) if (other !== id) this.up.add(`${id} ${other}`);
    }
  }

  static of(count: number, loads: number[] = []): Electorate {
    const cluster = new Electorate(Array.from({ length: count }, (_, index) => index + 1));
    loads.forEach((load, index) => cluster.loads.set(index + 1, load));
    return cluster;
  }

  /** Makes a cluster with an elected leader in its first term; `sent` is empty. */
  static led(count: number, leaderId = 1): Electorate {
    const cluster = Electorate.of(count);
    cluster.loads.set(leaderId, 0);
    cluster.wake();
    cluster.loads.set(leaderId, 50);
    cluster.sent.length = 0;
    return cluster;
  }

  get(id: number): Election {
    return this.elections.get(id)!;
  }

  /** The state of each server as `"1: leading 1/1"`: mode, term and leader. */
  state(...ids: number[]): string[] {
    return (ids.length > 0 ? ids : [...this.elections.keys()].sort()).map((id) => {
      const { mode, leadership } = this.get(id);
      return `${id}: ${mode} ${leadership.term}/${leadership.leaderId ?? '-'}`;
    });
  }

  count(kind: string): number {
    return this.sent.filter((line) => line.endsWith(kind)).length;
  }

  /** Lets every server act on what it knows, until no message is left. */
  wake(): void {
    for (const id of this.elections.keys()) this.evaluate(id);
    this.deliver();
  }

  /** Lets time pass; every server acts exactly at its deadlines. */
  pass(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (;;) {
      const nextMs = Math.min(...[...this.elections.values()].map((election) => election.nextMs()));
      if (nextMs > untilMs) break;
      this.nowMs = Math.max(this.nowMs, nextMs);
      this.wake();
    }
    this.nowMs = untilMs;
    this.wake();
  }

  /** Lets something happen to one server, and delivers the messages that follow. */
  tell(id: number, happens: (election: Election) => void): void {
    happens(this.get(id));
    this.evaluate(id);
    this.deliver();
  }

  release(): void {
    this.hold = () => false;
    this.queue.push(...this.late.splice(0));
    this.deliver();
  }

  crash(id: number, noticedBy: readonly number[] = this.ids): void {
    this.elections.delete(id);
    this.notice(id, noticedBy);
  }

  /** Lets all of them notice a peer going down before any of them sends. */
  notice(id: number, by: readonly number[], reason: 'refused' | 'silent' | 'restarted' = 'refused'): void {
    const observers = by.filter((other) => other !== id && this.elections.has(other));
    for (const other of observers) this.up.delete(`${other} ${id}`);
    for (const other of observers) this.get(other).onPeerDown(id, reason);
    this.wake();
  }

  cut(a: number, b: number): void {
    this.notice(b, [a], 'silent');
    this.notice(a, [b], 'silent');
  }

  /** Starts a new incarnation that no peer hears yet; `meet` introduces it. */
  restart(id: number): void {
    this.elections.delete(id);
    for (const other of this.ids) this.up.delete(`${id} ${other}`);
    this.notice(id, this.ids, 'restarted');
    this.create(id);
  }

  /** Starts a new incarnation that no peer has noticed. */
  replace(id: number): void {
    this.create(id);
  }

  /** Brings up the links between these, in both directions. */
  meet(...pairs: [number, number][]): void {
    const both = pairs.flatMap(([a, b]) => [[a, b] as const, [b, a] as const]);
    for (const [id, other] of both) this.up.add(`${id} ${other}`);
    for (const [id, other] of both) {
      this.get(id).onPeerUp(other);
      this.get(id).onSubscribed(other);
      this.heartbeat(id, other);
    }
    this.wake();
  }

  heartbeat(from: number, to: number): void {
    const { term, leaderId } = this.get(from).leadership;
    this.post(from, to, { kind: 'Heartbeat', term, leader_id: leaderId } as Message);
  }

  private create(id: number): void {
    this.lives += 1;
    const others = this.ids.filter((other) => other !== id);
    const upIds = (): number[] => others.filter((other) => this.up.has(`${id} ${other}`) && !this.leaving.has(other));
    const isLinked = (other: number): boolean => this.up.has(`${id} ${other}`) && !this.unlinked.has(`${id} ${other}`);
    const view = {
      settled: () => true,
      electablePeerIds: upIds,
      askablePeerIds: () => upIds().filter(isLinked),
      isReachable: isLinked,
      isUp: (other: number) => this.up.has(`${id} ${other}`),
      loadScore: () => this.loads.get(id)!,
    };
    const timings = {
      heartbeatMs: HEARTBEAT_MS,
      failureTimeoutMs: FAILURE_TIMEOUT_MS,
      electionTimeoutMs: ELECTION_TIMEOUT_MS,
    };
    this.elections.set(id, new Election(id, `life${this.lives}`, timings, view, this.lives * 1000));
  }

  private evaluate(id: number): void {
    const election = this.get(id);
    election.evaluate(this.nowMs);
    for (const output of election.take()) this.perform(id, election, output);
  }

  private perform(id: number, election: Election, output: ElectionOutput): void {
    if (output.type !== 'changed') return this.post(id, output.peerId, output.message);
    if (election.mode === 'candidate') return;
    for (const other of this.ids) if (other !== id) this.heartbeat(id, other);
  }

  private post(from: number, to: number, message: Message): void {
    this.sent.push(`${from}>${to} ${message.kind}`);
    const sent = { from, to, message };
    (this.hold(sent) ? this.late : this.queue).push(sent);
  }

  private deliver(): void {
    for (let sent = this.queue.shift(); sent; sent = this.queue.shift()) {
      if (this.sent.length > MAX_MESSAGES) throw new Error(`no end: ${this.sent.slice(-20).join(', ')}`);
      const { from, to, message } = sent;
      // Messages of a peer count only while it is up; messages to a dead one are lost.
      if (!this.elections.has(to) || !this.elections.has(from) || !this.up.has(`${to} ${from}`)) continue;
      this.receive(this.get(to), from, to, message);
      this.evaluate(to);
    }
  }

  private receive(election: Election, from: number, to: number, message: Message): void {
    switch (message.kind) {
      case 'Election':
        return election.onElection(message, this.nowMs);
      case 'Alive':
        return election.onAlive(message, this.nowMs);
      case 'Yield':
        return election.onYield(message);
      case 'Coordinator':
      case 'Heartbeat':
        return election.onLeadership({ term: message.term, leaderId: message.leader_id }, from, this.nowMs);
      case 'LeaderCheck':
        return this.post(to, from, this.checked(election, message));
      case 'LeaderCheckResponse':
        return election.onCheckResponse(message, from, this.nowMs);
      default:
        throw new Error(`nobody sends ${message.kind} in an election`);
    }
  }

  /** Answers a check: it leads, or it reaches a leader that says so; server/member/query-relay.ts in short. */
  private checked(election: Election, check: MessageOf<'LeaderCheck'>): MessageOf<'LeaderCheckResponse'> {
    const { term, leaderId } = election.leadership;
    const lives = this.reachesLeader(election, check.hops_left);
    return { kind: 'LeaderCheckResponse', check_id: check.check_id, term, leader_id: leaderId, lives };
  }

  private reachesLeader(election: Election, hopsLeft: number): boolean {
    if (election.leads) return true;
    const nextId = election.viaPeerId ?? election.activeLeaderId;
    const next = nextId === null ? undefined : this.elections.get(nextId);
    return next !== undefined && hopsLeft >= 0 && this.reachesLeader(next, hopsLeft - 1);
  }
}
