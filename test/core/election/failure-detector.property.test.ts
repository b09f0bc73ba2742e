import * as fc from 'fast-check';
import { type DetectorOutput, FailureDetector } from '../../../src/core/election/failure-detector';

const TIMINGS = { heartbeatMs: 1000, failureTimeoutMs: 5000, redialMs: 100 };
const PEERS = [2, 3];

/** Any event, in any order, including links that are long gone. */
const step = fc.record({
  happens: fc.constantFrom(
    'opened',
    'closed',
    'refused',
    'beat',
    'deaf',
    'restarted',
    'heard',
    'hint',
    'forgive',
    'tick',
  ),
  peerId: fc.constantFrom(...PEERS, 9),
  /** 0: the current link, otherwise the link of that many dials ago. */
  age: fc.constantFrom(0, 0, 0, 1, 2),
  waitMs: fc.oneof(fc.constantFrom(0, 1, 100, 1000, 5000), fc.double({ min: 0, max: 6000, noNaN: true })),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function perform(
  detector: FailureDetector,
  { happens, peerId, age }: Step,
  life: number,
  nowMs: number,
): DetectorOutput[] {
  const link = (detector.get(peerId)?.link ?? 0) - age;
  const beat = { incarnation: String(life), phase: 'ready' as const, workers: 1, load: 0, hears: [1] };
  switch (happens) {
    case 'opened':
      detector.opened(peerId, link, nowMs);
      return [];
    case 'closed':
      return detector.closed(peerId, link, false, nowMs);
    case 'refused':
      return detector.closed(peerId, link, true, nowMs);
    case 'beat':
    case 'restarted':
      return detector.heartbeat(peerId, beat, nowMs);
    case 'deaf':
      return detector.heartbeat(peerId, { ...beat, hears: [] }, nowMs);
    case 'heard':
      detector.heard(peerId, nowMs);
      return [];
    case 'hint':
      return detector.hint(peerId, nowMs);
    case 'forgive':
      return detector.resumed(nowMs);
    default:
      return [];
  }
}

/** Derives the state from the outputs alone. */
class Listener {
  readonly up = new Set<number>();
  readonly links = new Map<number, number>();
  private lastLink = 0;

  read(outputs: DetectorOutput[]): void {
    for (const output of outputs) {
      if (output.type === 'up') {
        expect(this.up.has(output.peerId)).toBe(false);
        this.up.add(output.peerId);
      } else if (output.type === 'down') {
        expect(this.up.delete(output.peerId)).toBe(true);
      } else if (output.type === 'dial') {
        expect(output.link).toBeGreaterThan(this.lastLink);
        this.lastLink = output.link;
        this.links.set(output.peerId, output.link);
      } else if (output.type === 'drop') {
        expect(output.link).toBe(this.links.get(output.peerId));
      }
    }
  }
}

test('any sequence: nothing is overdue after a tick, and the outputs give the full state', () => {
  const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const detector = new FailureDetector(1, PEERS, TIMINGS);
    const listener = new Listener();
    let nowMs = 0;
    let life = 0;
    let resumedMs = -Infinity;
    listener.read(detector.start(nowMs));
    for (const each of steps) {
      nowMs += each.waitMs;
      if (each.happens === 'restarted') life += 1;
      if (each.happens === 'forgive') resumedMs = nowMs;
      const heardBefore = detector.heardIds();
      const outputs = [...perform(detector, each, life, nowMs), ...detector.tick(nowMs)];
      listener.read(outputs);
      expect(detector.nextMs()).toBeGreaterThan(nowMs);
      expect(PEERS.filter((id) => detector.isUp(id))).toEqual([...listener.up].sort());
      expect(PEERS.map((id) => detector.get(id)!.link)).toEqual(PEERS.map((id) => listener.links.get(id)));
      if (String(detector.heardIds()) !== String(heardBefore)) expect(outputs).toContainEqual({ type: 'hearing' });
      for (const id of listener.up) {
        const peer = detector.get(id)!;
        expect(nowMs - peer.lastHeardMs).toBeLessThan(TIMINGS.failureTimeoutMs);
        // Its words about us from the time of our pause are old.
        const mayBeOld = peer.lastHeardMs < resumedMs + TIMINGS.heartbeatMs;
        expect([peer.heard, peer.hearsUs || mayBeOld]).toEqual([true, true]);
      }
    }
  });
  fc.assert(property, { numRuns: 500 });
});

test('a peer that keeps accepting and closing, or refusing, is dialed once per redial pause, except at first', () => {
  const ends = fc.constantFrom('closed' as const, 'refused' as const, 'heard and closed' as const);
  const property = fc.property(fc.array(ends, { minLength: 20, maxLength: 40 }), (endings) => {
    const detector = new FailureDetector(1, [2], TIMINGS);
    let dials = detector.start(0).length;
    let nowMs = 0;
    for (const ending of endings) {
      const { link } = detector.get(2)!;
      detector.opened(2, link, nowMs);
      const beat = { incarnation: 'a', phase: 'ready' as const, workers: 1, load: 0, hears: [1] };
      if (ending === 'heard and closed') detector.heartbeat(2, beat, nowMs);
      const outputs = detector.closed(2, link, ending === 'refused', nowMs);
      expect(outputs.filter(({ type }) => type === 'dial')).toEqual([]);
      nowMs = detector.nextMs();
      dials += detector.tick(nowMs).filter(({ type }) => type === 'dial').length;
    }
    // The pauses of 5, 10, 20, 40 and 80 ms come before full redial pauses.
    expect(dials).toBeLessThanOrEqual(6 + nowMs / TIMINGS.redialMs);
  });
  fc.assert(property, { numRuns: 50 });
});
