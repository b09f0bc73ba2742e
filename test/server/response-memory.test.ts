import { ResponseMemory, shareOwner, type Reader } from '../../src/server/response-memory';

const MB = 1e6;
const MAX_BYTES = 100 * MB;

interface Taker {
  name: string;
  remoteAddress: string;
  bytesWritten: number;
  unsentBytes: number;
}

/** Readers of a memory of 100 MB, and a clock that tests advance. */
class Rig {
  readonly memory = new ResponseMemory<Taker>(MAX_BYTES);
  nowMs = 0;
  private readonly reading: { reader: Reader<Taker>; bytesPerSecond: number }[] = [];
  private lastPort = 0;

  /**
   * Adds a connection of `host` with an answer of 10 MB; unless null, it reads `bytesPerSecond`. Returns the names of
   * those that were closed for it.
   */
  add(host: string, bytesPerSecond: number | null = 0): string[] {
    const remoteAddress = `${host}:${++this.lastPort}`;
    const name = `${host}#${this.lastPort}`;
    const reader = this.memory.reader({ name, remoteAddress, bytesWritten: 1e9, unsentBytes: 1e9 });
    const victims = this.memory.take(reader, 10 * MB, this.nowMs);
    if (bytesPerSecond !== null) {
      this.memory.begins(reader, this.nowMs);
      this.reading.push({ reader, bytesPerSecond });
    }
    return victims.map(({ taker }) => taker.name);
  }

  addMany(count: number, host: string, bytesPerSecond?: number | null): void {
    for (let i = 0; i < count; i++) expect(this.add(host, bytesPerSecond)).toEqual([]);
  }

  /** Lets time pass; returns the names of those that were too slow meanwhile. */
  wait(seconds: number): string[] {
    return Array.from({ length: seconds }, () => {
      this.nowMs += 1000;
      for (const { reader, bytesPerSecond } of this.reading) reader.taker.unsentBytes -= bytesPerSecond;
      return this.memory.tooSlow(this.nowMs).map(({ taker }) => taker.name);
    }).flat();
  }
}

describe('answer memory that is all in use', () => {
  it('is refused to a new client while readers make progress', () => {
    const rig = new Rig();
    rig.addMany(10, 'a', 100_000);
    rig.wait(30);
    expect(() => rig.add('a')).toThrow(/hold 100000000 bytes \(100000000 for a\).*max_response_bytes 100000000$/);
  });

  it('is taken from a client that reads nothing for 3 s, no more than needed', () => {
    const rig = new Rig();
    rig.addMany(10, 'a');
    rig.wait(2);
    expect(() => rig.add('a')).toThrow(/max_response_bytes/);
    rig.wait(2);
    expect(rig.add('a')).toEqual(['a#1']);
    expect(rig.add('a')).toEqual(['a#2']);
  });

  it('is not taken from a client whose carrier is still being made', () => {
    const rig = new Rig();
    rig.addMany(10, 'a', null);
    rig.wait(30);
    expect(() => rig.add('a')).toThrow(/max_response_bytes/);
  });

  it('is taken from a client that never read, not from one that reads in bursts', () => {
    const rig = new Rig();
    rig.addMany(1, 'a', 64_000);
    rig.wait(20);
    rig.addMany(9, 'a');
    // The slow one pauses as well: its next burst is still to come.
    rig['reading'][0]!.bytesPerSecond = 0;
    rig.wait(10);
    for (let i = 0; i < 9; i++) expect(rig.add('a', null)).toEqual([`a#${i + 2}`]);
    expect(rig.add('a', null)).toEqual(['a#1']);
  });

  it('is taken from the host that holds most', () => {
    const rig = new Rig();
    for (const [host, count] of Object.entries({ a: 2, b: 4, c: 2, d: 2 })) rig.addMany(count, host);
    rig.wait(10);
    expect(rig.add('c')).toEqual(['b#3']);
    expect(rig.add('d')).toEqual(['b#4']);
  });
});

describe("a host's share", () => {
  it('is everything while no other host asks', () => {
    const rig = new Rig();
    rig.addMany(10, 'a', 5 * MB);
  });

  it('is a quarter against a host that holds more, however fast that one reads', () => {
    const rig = new Rig();
    rig.addMany(9, 'a', 5 * MB);
    rig.addMany(1, 'a', 1 * MB);
    rig.wait(10);
    expect(rig.add('b', null)).toEqual(['a#10']);
    expect(rig.add('b', null)).toEqual(['a#1']);
    // With 30 MB it would hold more than its own share.
    expect(() => rig.add('b', null)).toThrow(/max_response_bytes/);
  });

  it('is kept free for a minute after another host asked', () => {
    const rig = new Rig();
    rig.addMany(7, 'a', 5 * MB);
    rig.addMany(1, 'b', null);
    expect(() => rig.add('a')).toThrow(/25000000 are reserved for other hosts/);
    rig.addMany(2, 'c', null);
    rig.wait(30);
    expect(() => rig.add('a')).toThrow(/reserved for other hosts/);
    const rested = new Rig();
    rested.addMany(1, 'b', null);
    rested.addMany(6, 'a', 5 * MB);
    rested.wait(61);
    rested.addMany(3, 'a');
  });

  it('is never too small for one answer', () => {
    const rig = new Rig();
    const memory = new ResponseMemory<Taker>(10 * MB);
    const place = (host: string): Reader<Taker> =>
      memory.reader({ name: host, remoteAddress: `${host}:1`, bytesWritten: 0, unsentBytes: 0 });
    for (const host of ['a', 'b', 'a', 'b']) {
      expect(memory.take(place(host), 10 * MB, rig.nowMs)).toEqual([]);
      const other = host === 'a' ? 'b' : 'a';
      expect(() => memory.take(place(other), 10 * MB, rig.nowMs)).toThrow(/max_response_bytes/);
      memory.release([...memory['readers']][0]!, 10 * MB);
    }
  });
});

describe('too slow', () => {
  it('is a client that reads less than 16 KiB/s in a minute of waiting', () => {
    const rig = new Rig();
    rig.addMany(1, 'a', 16 * 1024 - 1);
    rig.addMany(1, 'a', 16 * 1024);
    expect(rig.wait(59)).toEqual([]);
    expect(rig.wait(1)).toEqual(['a#1']);
    expect(rig.wait(600)).toEqual([]);
  });

  it('is also one that started fast, after a whole slow minute', () => {
    const rig = new Rig();
    rig.addMany(1, 'a', 10 * MB);
    rig.wait(59);
    rig['reading'][0]!.bytesPerSecond = 1000;
    expect(rig.wait(60)).toEqual([]);
    expect(rig.wait(1)).toEqual(['a#1']);
  });

  it('is nobody after this process was stopped for long', () => {
    const rig = new Rig();
    rig.addMany(2, 'a', 64 * 1024);
    rig.wait(30);
    rig.nowMs += 600_000;
    expect(rig.wait(120)).toEqual([]);
  });
});

it('a closed connection releases its memory once', () => {
  const memory = new ResponseMemory<Taker>(MAX_BYTES);
  const place = (name: string): Reader<Taker> =>
    memory.reader({ name, remoteAddress: `${name}:1`, bytesWritten: 0, unsentBytes: 0 });
  const slow = place('a');
  memory.take(slow, 60 * MB, 0);
  memory.begins(slow, 0);
  for (let nowMs = 0; nowMs <= 5000; nowMs += 1000) memory.tooSlow(nowMs);
  const next = place('b');
  expect(memory.take(next, 90 * MB, 5000)).toEqual([slow]);
  memory.ends(slow, 5000);
  memory.release(slow, 60 * MB);
  memory.take(slow, 60 * MB, 5000);
  memory.take(place('c'), 10 * MB, 5000);
  expect(() => memory.take(place('d'), 1, 5000)).toThrow(/hold 100000000 bytes/);
});

it.each([
  ['192.0.2.7:80', '192.0.2.7'],
  ['[2001:db8:1:2:3:4:5:6]:80', '2001:db8:1:2::/64'],
  ['[2001:db8::7]:80', '2001:db8:0:0::/64'],
  ['[fe80::1%eth0]:80', 'fe80:0:0:0::/64'],
  ['[::1]:80', '0:0:0:0::/64'],
])('the share of %s belongs to %s', (address, owner) => expect(shareOwner(address)).toBe(owner));
