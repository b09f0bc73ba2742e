import fc from 'fast-check';
import { QUANTUM_MS, SLICE_MS, Turns, type Worker } from '../../../src/core/transport/turns';

/** A clock that only work moves, and turns of an event loop that a test runs. */
class Loop {
  nowMs = 0;
  /** The workers, in the order of their pieces of work. */
  readonly log: string[] = [];
  private due: (() => void)[] = [];
  readonly turns = new Turns({ monotonicMs: () => this.nowMs, afterTurn: (callback) => this.due.push(callback) });

  /** A worker with long messages. */
  long(name: string): Source {
    const source = this.worker(name, 20 * QUANTUM_MS);
    source.waitingBytes = 65_536;
    return source;
  }

  worker(name: string, pieceMs = QUANTUM_MS / 3, isPeer = false): Source {
    return new Source(this, name, pieceMs, isPeer);
  }

  /** Runs one turn; returns how long it took. */
  turn(): number {
    const startMs = this.nowMs;
    for (const callback of this.due.splice(0)) callback();
    return this.nowMs - startMs;
  }

  get isIdle(): boolean {
    return this.due.length === 0;
  }
}

class Source implements Worker {
  pieces = 0;
  waitingBytes = 100;

  constructor(
    private readonly loop: Loop,
    readonly name: string,
    private readonly pieceMs: number,
    readonly isPeer: boolean,
  ) {}

  arrive(pieces: number): this {
    this.pieces += pieces;
    this.loop.turns.arrived(this);
    return this;
  }

  guarded(work: () => void): void {
    work();
  }

  work(mayGoOn: () => boolean): boolean {
    while (this.pieces > 0) {
      this.pieces -= 1;
      this.loop.nowMs += this.pieceMs;
      this.loop.log.push(this.name);
      if (!mayGoOn()) return this.pieces > 0;
    }
    return false;
  }
}

test('work that arrives in a quiet turn is done at once', () => {
  const loop = new Loop();
  loop.worker('a').arrive(2);
  expect(loop.log).toEqual(['a', 'a']);
  loop.turn();
  expect(loop.isIdle).toBe(true);
});

test('a single message waits no longer than a slice behind a burst of a thousand', () => {
  const loop = new Loop();
  const burst = loop.worker('burst').arrive(1000);
  for (let turns = 0; turns < 10; turns++) {
    loop.turn();
    const client = loop.worker(`client ${turns}`).arrive(1);
    expect(client.pieces).toBe(0);
  }
  expect(burst.pieces).toBeGreaterThan(0);
  while (!loop.isIdle) expect(loop.turn()).toBeLessThan(SLICE_MS + 2 * QUANTUM_MS);
  expect(burst.pieces).toBe(0);
});

test('when the turn is used up, newcomers come before busy senders', () => {
  const loop = new Loop();
  const count = Math.ceil(SLICE_MS / QUANTUM_MS);
  const bursts = Array.from({ length: count }, (_, n) => loop.worker(`burst ${n}`).arrive(100));
  const client = loop.worker('client').arrive(1);
  expect(client.pieces).toBe(1);
  loop.log.length = 0;
  loop.turn();
  expect(loop.log.indexOf('client')).toBe(0);
  expect(bursts.some(({ pieces }) => pieces > 0)).toBe(true);
});

test('when the turn is used up, a short message comes before all long ones', () => {
  const loop = new Loop();
  const long = Array.from({ length: 100 }, (_, n) => loop.long(`long ${n}`).arrive(1));
  const client = loop.worker('client').arrive(1);
  expect(client.pieces).toBe(1);
  loop.turn();
  expect(client.pieces).toBe(0);
  while (!loop.isIdle) loop.turn();
  expect(long.every(({ pieces }) => pieces === 0)).toBe(true);
});

test('busy ones take turns', () => {
  const loop = new Loop();
  const two = [loop.worker('a').arrive(100), loop.worker('b').arrive(100)];
  while (two.every(({ pieces }) => pieces > 0)) {
    loop.turn();
    expect(Math.abs(two[0]!.pieces - two[1]!.pieces)).toBeLessThan(10);
  }
});

test('a subscriber is served even if the turn is used up, and leaves others their turn', () => {
  const loop = new Loop();
  for (let n = 0; n < 20; n++) loop.worker(`burst ${n}`).arrive(100);
  const peer = loop.worker('peer', QUANTUM_MS / 3, true).arrive(1);
  expect(peer.pieces).toBe(0);
  peer.arrive(1_000_000);
  loop.log.length = 0;
  loop.turn();
  expect(loop.log.some((name) => name === 'peer')).toBe(true);
  expect(loop.log.some((name) => name.startsWith('burst'))).toBe(true);
});

test('everything is done in the end, in bounded turns', () => {
  const arrivals = fc.array(fc.record({ who: fc.nat(5), pieces: fc.integer({ min: 1, max: 200 }), turns: fc.nat(3) }), {
    maxLength: 40,
  });
  // A slice of each class; the last piece in the last quantum of each may be the longest possible.
  const longestMs = 3 * (SLICE_MS + QUANTUM_MS + 6 * (QUANTUM_MS / 4));
  fc.assert(
    fc.property(arrivals, (script) => {
      const loop = new Loop();
      const workers = [0, 1, 2, 3, 4, 5].map((n) => loop.worker(`${n}`, (n + 1) * (QUANTUM_MS / 4), n === 0));
      for (const { who, pieces, turns } of script) {
        workers[who]!.arrive(pieces);
        for (let turn = 0; turn < turns; turn++) expect(loop.turn()).toBeLessThan(longestMs);
      }
      for (let turn = 0; !loop.isIdle; turn++) {
        loop.turn();
        if (turn > 10_000) throw new Error('it never ends');
      }
      expect(workers.map(({ pieces }) => pieces)).toEqual([0, 0, 0, 0, 0, 0]);
    }),
  );
});
