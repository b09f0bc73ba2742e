import { FailureDetector } from '../../../src/core/election/failure-detector';
import { Assigner } from '../../../src/server/member/assigner';

const TIMINGS = { heartbeatMs: 1000, failureTimeoutMs: 5000, redialMs: 100 };

/** An assigner of server 1 with these `peers`, up and ready, with two workers each. */
function assignerWith(
  peers: number[],
  self: { ready: boolean } = { ready: true },
): { assigner: Assigner; detector: FailureDetector } {
  const detector = new FailureDetector(1, peers, TIMINGS);
  detector.start(0);
  const beat = { incarnation: 'a', phase: 'ready' as const, workers: 2, load: 0, hears: [1] };
  for (const id of peers) {
    detector.opened(id, detector.get(id)!.link, 0);
    detector.heartbeat(id, beat, 0);
  }
  const limits = { id: 1, workers: 2, queueLimit: 8 };
  const view = { ...limits, isReady: () => self.ready, isLeaving: () => false, taskMs: () => 0 };
  return { assigner: new Assigner(view, detector), detector };
}

const assign = (assigner: Assigner, key: string, nowMs = 0, excluded: number[] = []): number | undefined =>
  assigner.assign(key, excluded, nowMs)?.serverId;

it('no eligible server is no assignment', () => {
  expect(assignerWith([], { ready: false }).assigner.assign('a', [], 0)).toBeNull();
});

it('chooses a server that is up and ready, itself included', () => {
  const { assigner, detector } = assignerWith([2, 3]);
  detector.get(2)!.phase = 'starting';
  detector.closed(3, detector.get(3)!.link, true, 10);
  expect([assign(assigner, 'a', 10), assign(assigner, 'b', 10)]).toEqual([1, 1]);
});

it('does not choose a peer whose link is being redialed: it would not be heard', () => {
  const { assigner, detector } = assignerWith([2], { ready: false });
  detector.closed(2, detector.get(2)!.link, false, 1000);
  expect([detector.isUp(2), assign(assigner, 'a', 1000)]).toEqual([true, undefined]);
});

it('counts what it assigned before the servers report it', () => {
  const { assigner } = assignerWith([2, 3]);
  const given = Array.from({ length: 9 }, (_, index) => assign(assigner, `key ${index}`));
  for (const id of [1, 2, 3]) expect(given.filter((each) => each === id)).toHaveLength(3);
});

it('avoids excluded servers, unless none is left', () => {
  const { assigner } = assignerWith([2, 3]);
  expect(['a', 'b', 'c'].map((key) => assign(assigner, key, 0, [1, 3]))).toEqual([2, 2, 2]);
  expect([1, 3]).toContain(assign(assigner, 'd', 0, [1, 2, 3]));
});

describe('a repeated request', () => {
  it('gets the same server and is no new assignment', () => {
    const { assigner } = assignerWith([2, 3]);
    const first = assigner.assign('a', [], 0)!;
    expect(first.isNew).toBe(true);
    assign(assigner, 'b');
    expect(assigner.assign('a', [], 10)).toEqual({ serverId: first.serverId, isNew: false });
    expect(assigner.ledger.size).toBe(2);
  });

  it('gets another server when that one is down', () => {
    const { assigner, detector } = assignerWith([2], { ready: true });
    const first = [assign(assigner, 'a'), assign(assigner, 'b')].indexOf(2) === 0 ? 'a' : 'b';
    detector.closed(2, detector.get(2)!.link, true, 10);
    expect(assigner.assign(first, [], 10)).toEqual({ serverId: 1, isNew: true });
  });
});

describe('an assignment that was not reported within a second', () => {
  /** The only server gets a task at 100 ms and is heard again at `heardMs`, if given. */
  function unreported(heardMs?: number): Assigner {
    const { assigner, detector } = assignerWith([2, 3], { ready: false });
    expect(assign(assigner, 'a', 100, [3])).toBe(2);
    if (heardMs !== undefined) detector.heard(2, heardMs);
    assigner.expire(1100);
    return assigner;
  }

  it('suspends a server that was silent all that time', () => {
    const assigner = unreported();
    expect(['b', 'c', 'd'].map((key) => assign(assigner, key, 1200))).toEqual([3, 3, 3]);
  });

  it('until it is heard again', () => {
    const assigner = unreported();
    assigner.heardFrom(2);
    expect(assign(assigner, 'b', 1200, [3])).toBe(2);
  });

  it('but not one that was heard: its client never sent the task', () => {
    expect(assign(unreported(500), 'b', 1200, [3])).toBe(2);
  });

  it('unless no other is left', () => {
    const { assigner } = assignerWith([2], { ready: false });
    assign(assigner, 'a', 100);
    assigner.expire(1100);
    expect(assign(assigner, 'b', 1200)).toBe(2);
  });

  it('is no longer counted', () => {
    expect(unreported().ledger.outstanding(2)).toBe(0);
  });
});

describe('a server that is down', () => {
  it('loses its tasks to others, evenly, each once', () => {
    const { assigner, detector } = assignerWith([2, 3]);
    for (const key of ['a', 'b', 'c', 'd']) assigner.ledger.add(3, key);
    detector.closed(3, detector.get(3)!.link, true, 10);
    const moved = assigner.reassign(3, 10);
    expect(moved.map(({ key }) => key).sort()).toEqual(['a', 'b', 'c', 'd']);
    expect([1, 2, 3].map((id) => assigner.ledger.outstanding(id))).toEqual([2, 2, 0]);
    expect(assigner.reassign(3, 10)).toEqual([]);
  });

  it('does not get them back after a restart: it does not know them', () => {
    const { assigner } = assignerWith([2], { ready: false });
    assigner.ledger.add(2, 'a');
    expect([assigner.reassign(2, 10), assigner.ledger.size]).toEqual([[], 0]);
  });
});
