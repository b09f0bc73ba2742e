import * as fc from 'fast-check';
import { isPlausibleTerm } from '../../../src/core/election/term';
import { messageToJson, parseMessage } from '../../../src/core/message';
import type { Message, MessageOf } from '../../../src/core/protocol';
import type { Effect } from '../../../src/server/member/effects';
import { KINDS, messageOf } from '../../core/transport/arbitraries';
import { events, Rig, TIMINGS } from './member-rig';

/** The wall clock of the rig. */
const unixMs = (rig: Rig): number => 1_700_000_000_000 + rig.nowMs;
const greatest = (rig: Rig): number => 2 ** 32 + unixMs(rig);
const told = (effects: Effect[]): string[] => events(effects, 'mismatch').map(({ reason }) => reason);
const throughJson = (message: Message): Message => parseMessage(JSON.parse(messageToJson(message)));

const SETTLE_MS = TIMINGS.failureTimeoutMs + TIMINGS.electionTimeoutMs + 2 * TIMINGS.heartbeatMs;

describe('a forged term', () => {
  it.each([2 ** 41, 2 ** 48])('of %d is ignored, the peer stays up and is named once', (term) => {
    const rig = Rig.follower();
    const forged = rig.beat(2, { term, leader_id: 3 });
    expect(told(rig.peer(2, forged))).toEqual([
      'Server 2 (two:2) sends invalid messages, which are ignored: Heartbeat.term: greater than elections can have reached',
    ]);
    expect(told(rig.peer(2, { kind: 'Coordinator', leader_id: 3, term }))).toEqual([]);
    expect(told(rig.peer(2, { ...forged, term: term - 1 }))).toEqual([]);
    expect(rig.member.election.leadership).toEqual({ term: 1, leaderId: 2 });
    expect(rig.member.detector.isUp(2)).toBe(true);
  });

  it('is refused by the parser where no clock could explain it, and the peer is named once', () => {
    const rig = Rig.follower();
    const say = (problem: string): Effect[] =>
      rig.step({ type: 'linkNonsense', peerId: 2, link: rig.link(2), problem });
    expect(told(say('Heartbeat.term: expected a whole number'))).toHaveLength(1);
    expect(told(say('Heartbeat.load: expected a number'))).toEqual([]);
    expect(rig.member.detector.isUp(2)).toBe(true);
    // Nothing is reported about an old link.
    expect(rig.step({ type: 'linkNonsense', peerId: 3, link: rig.link(3) - 1, problem: 'x' })).toEqual([]);
  });

  it('that is barely plausible leaves room for the next election, every time', () => {
    const rig = Rig.follower();
    for (let round = 0; round < 20; round++) {
      rig.peer(2, rig.beat(2, { term: greatest(rig), leader_id: 2 }));
      rig.peer(3, rig.beat(3, { term: greatest(rig), leader_id: 2 }));
      expect(rig.member.election.leadership.term).toBe(greatest(rig));
      rig.linkClosed(2, true);
      rig.passWithPeers(1000, { term: 0 });
      rig.linkClosed(3, true);
      rig.linkClosed(2, true);
      rig.pass(SETTLE_MS);
      const { term, leaderId } = rig.member.election.leadership;
      expect(leaderId).toBe(1);
      // Its terms are accepted by servers with the same clock, and by one that is 5 s behind.
      expect(isPlausibleTerm(term, unixMs(rig) - 5000)).toBe(true);
      for (const peerId of [2, 3]) {
        rig.pass(TIMINGS.heartbeatMs);
        rig.connect(peerId);
      }
    }
  });
});

const anyOf = (kinds: readonly string[]) =>
  fc.constantFrom(...KINDS.filter((kind) => kinds.includes(kind))).chain(messageOf);
const leadership = anyOf(['Heartbeat', 'Election', 'Alive', 'Yield', 'Coordinator', 'Leave', 'LeaderCheckResponse']);

test('whatever the parser accepts from peers, the last server leads in a term that others accept', () => {
  const property = fc.property(fc.array(fc.tuple(fc.constantFrom(2, 3), leadership), { maxLength: 20 }), (words) => {
    const rig = Rig.follower();
    for (const [peerId, word] of words) {
      const message = throughJson('from_id' in word ? { ...word, from_id: peerId } : word);
      if (message.kind === 'Heartbeat') message.hears = [1];
      rig.peer(peerId, message);
    }
    for (const peerId of [2, 3]) rig.linkClosed(peerId, true);
    rig.pass(SETTLE_MS);
    for (const peerId of [2, 3]) rig.linkClosed(peerId, true);
    rig.pass(1);
    const { term, leaderId } = rig.member.election.leadership;
    expect(leaderId).toBe(1);
    const beat: MessageOf<'Heartbeat'> = { ...rig.beat(2), term, leader_id: 1, incarnation: 'a' };
    expect(throughJson(beat)).toEqual(beat);
    expect(isPlausibleTerm(term, unixMs(rig))).toBe(true);
  });
  fc.assert(property, { numRuns: 300 });
});
