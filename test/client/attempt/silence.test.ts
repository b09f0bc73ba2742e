import * as fc from 'fast-check';
import type { AttemptEffect } from '../../../src/client/attempt/effects';
import { ClusterView } from '../../../src/client/attempt/cluster-view';
import { Hedging } from '../../../src/client/attempt/hedging';
import { seededRandom } from '../../../src/core/random';
import { ADDRESSES, AttemptRig, BUSY, type Effect, LOST, TIMEOUT_MS } from './attempt-rig';

const PONG_MS = 5;

/** One task without tokens, and servers that are up or stopped: one that is up answers pings, and tasks never. */
class SilenceRig {
  readonly hedging = new Hedging(0);
  readonly rig: AttemptRig;
  readonly stopped = new Set<string>();
  readonly sends: { address: string; atMs: number }[] = [];
  readonly pings: { address: string; atMs: number }[] = [];

  constructor(addresses = ADDRESSES, seed = 1) {
    const random = seededRandom(seed);
    const { hedging } = this;
    this.rig = new AttemptRig({ addresses, hedging, random, view: new ClusterView(addresses, random, hedging.slow) });
  }

  /** The task is assigned to the server. */
  begin(id: number): this {
    this.note(this.rig.assign(id));
    return this;
  }

  pass(ms: number): this {
    for (let passedMs = 0; passedMs < ms; passedMs += PONG_MS) {
      const before = this.rig.effects.length;
      this.rig.pass(PONG_MS);
      this.note(this.rig.effects.slice(before));
    }
    return this;
  }

  note(effects: AttemptEffect[]): void {
    const { nowMs } = this.rig;
    for (const effect of effects) {
      if (effect.type === 'send') this.sends.push({ address: effect.address, atMs: nowMs });
      if (effect.type !== 'ping') continue;
      this.pings.push({ address: effect.address, atMs: nowMs });
      if (!this.stopped.has(effect.address)) this.hedging.slow.heard(effect.address, nowMs + 1);
    }
  }

  stop(...addresses: string[]): this {
    for (const address of addresses) this.stopped.add(address);
    return this;
  }
}

const [ONE, TWO, THREE] = ADDRESSES as [string, string, string];

describe('a task without a token', () => {
  it('does not go again and again to one that answers it wrongly, while the others are silent', () => {
    const silence = new SilenceRig().stop(TWO, THREE).begin(1);
    silence.note(silence.rig.corrupt());
    silence.begin(2).pass(5000);
    expect(silence.sends.map(({ address }) => address)).toEqual([ONE, TWO]);
    expect(silence.rig.attempt.finished).toBe(false);
  });

  it('leaves a silent server after less than a second for one that answers', () => {
    const { rig, sends, pings } = new SilenceRig().begin(2).stop(TWO, THREE).pass(1000);
    expect(sends.map(({ address }) => address)).toEqual([TWO, ONE]);
    expect(sends[1]!.atMs).toBeLessThan(1000);
    expect(pings.filter(({ atMs }) => atMs < 600).map(({ address }) => address)).toEqual(ADDRESSES);
    rig.verify();
    expect(rig.result).toMatchObject({ success: true, serverAddress: ONE, hedged: true });
  });

  it('makes all clients avoid the silent server, and one task tries it a second later', () => {
    const { rig } = new SilenceRig().begin(2).stop(TWO, THREE).pass(950);
    expect(ADDRESSES.map((address) => rig.view.isSlow(address, rig.nowMs))).toEqual([false, true, false]);
    rig.pass(1000);
    expect(rig.view.isSlow(TWO, rig.nowMs)).toBe(false);
    rig.view.sent(TWO, rig.nowMs);
    expect(rig.view.isSlow(TWO, rig.nowMs)).toBe(true);
  });

  it('stays with a server that takes long but answers pings: no second copy, however long it takes', () => {
    const { rig, sends } = new SilenceRig().begin(2).pass(TIMEOUT_MS);
    expect(sends).toHaveLength(1);
    expect(rig.result.failureReason).toBe('Request timeout after 10s');
  });

  it('stays where it is while nobody answers: another copy would not be answered either', () => {
    const silence = new SilenceRig()
      .begin(2)
      .stop(...ADDRESSES)
      .pass(5000);
    expect(silence.sends).toHaveLength(1);
    silence.stopped.delete(THREE);
    silence.pass(500);
    expect(silence.sends.map(({ address }) => address)).toEqual([TWO, THREE]);
  });

  it('leaves a server that falls silent while it works', () => {
    const silence = new SilenceRig().begin(2).pass(3000);
    silence.stop(TWO).pass(1500);
    expect(silence.sends).toHaveLength(2);
  });

  it('goes on from one silent server to the next, and back to none', () => {
    const silence = new SilenceRig().begin(2).stop(TWO).pass(1000);
    const second = silence.sends[1]!.address;
    silence.stop(second).pass(1500);
    expect(silence.sends.map(({ address }) => address).sort()).toEqual([...ADDRESSES].sort());
    silence.pass(3000);
    expect(silence.sends).toHaveLength(3);
  });

  it.each([
    ['refuses it for now', BUSY],
    ['is lost', LOST],
  ])('does not stay with the silent one if the answering one %s', (_, failure) => {
    const silence = new SilenceRig().begin(2).stop(TWO, THREE).pass(950);
    expect(silence.sends).toHaveLength(2);
    silence.note(silence.rig.fail(failure));
    silence.pass(1200);
    expect(silence.sends.length).toBeGreaterThan(2);
    expect(silence.sends.slice(2).map(({ address }) => address)).toContain(ONE);
    // Not more often than with back-off.
    expect(silence.sends.length).toBeLessThan(9);
  });

  it('a server that another client hears is not pinged', () => {
    const silence = new SilenceRig().begin(2);
    for (let round = 0; round < 100; round++) {
      silence.pass(50);
      silence.hedging.slow.heard(TWO, silence.rig.nowMs);
    }
    expect(silence.pings).toEqual([]);
  });

  it('after a pause of this process everything begins anew', () => {
    const silence = new SilenceRig().begin(2).stop(TWO).pass(800);
    const { rig } = silence;
    rig.nowMs += 3000;
    silence.note(rig.note(rig.attempt.onResume(3000, rig.nowMs)));
    silence.pass(850);
    expect(silence.sends).toHaveLength(1);
    silence.pass(100);
    expect(silence.sends).toHaveLength(2);
  });
});

const FIVE = ['one:1', 'two:2', 'three:3', 'four:4', 'five:5'];
const turn = fc.record({ server: fc.nat(4), stops: fc.boolean(), waitMs: fc.nat(2500) });
/** All servers that have the task may be silent for this long after its last copy while another one answers. */
const LONGEST_MS = 1000;

test('whichever servers stop and go on: no task stays with silent ones while another answers, and no copy is made else', () => {
  const property = fc.property(fc.array(turn, { maxLength: 12 }), fc.nat(), (turns, seed) => {
    const silence = new SilenceRig(FIVE, seed);
    const begin = silence.rig.last('ask');
    silence.rig.pass(250);
    silence.note([silence.rig.last('send') as Effect<'send'>]);
    expect(begin.address).toBeDefined();
    const upSinceMs = new Map(FIVE.map((address) => [address, 0]));
    let abandonedMs = silence.rig.nowMs;
    let copies = 1;
    let stops = 0;
    for (const { server, stops: isStop, waitMs } of turns) {
      const address = FIVE[server]!;
      if (isStop && !silence.stopped.has(address)) stops += 1;
      if (isStop) silence.stop(address);
      else if (silence.stopped.delete(address)) upSinceMs.set(address, silence.rig.nowMs);
      for (let passedMs = 0; passedMs < waitMs && !silence.rig.attempt.finished; passedMs += 50) {
        silence.pass(50);
        const { nowMs } = silence.rig;
        const isHeld = silence.sends.some((send) => !silence.stopped.has(send.address));
        if (isHeld || silence.sends.length > copies) abandonedMs = nowMs;
        copies = silence.sends.length;
        const other = FIVE.some((each) => !silence.stopped.has(each) && nowMs - upSinceMs.get(each)! > LONGEST_MS);
        if (other && !isHeld) expect(nowMs - abandonedMs).toBeLessThanOrEqual(LONGEST_MS);
      }
    }
    expect(silence.sends.length).toBeLessThanOrEqual(1 + stops);
  });
  fc.assert(property, { numRuns: 300 });
});
