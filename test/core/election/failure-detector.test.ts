import { type DetectorOutput, FailureDetector } from '../../../src/core/election/failure-detector';

const HEARTBEAT_MS = 1000;
const TIMEOUT_MS = 5000;
const REDIAL_MS = 100;
const TIMINGS = { heartbeatMs: HEARTBEAT_MS, failureTimeoutMs: TIMEOUT_MS, redialMs: REDIAL_MS };

/** The fields of a Heartbeat that the detector of server 1 reads. */
const beat = (more: { incarnation?: string; hears?: number[] } = {}) => ({
  incarnation: 'a',
  phase: 'ready' as const,
  workers: 2,
  load: 10,
  hears: [1],
  ...more,
});

const told = (outputs: DetectorOutput[]): string[] =>
  outputs.map((output) => (output.type === 'down' ? `down ${output.reason}` : output.type));

function started(peerIds = [2]): FailureDetector {
  const detector = new FailureDetector(1, peerIds, TIMINGS);
  detector.start(0);
  return detector;
}

/** A detector with link 1 to peer 2: opened at 10, first heard at 20. */
function connected(): FailureDetector {
  const detector = started();
  detector.opened(2, 1, 10);
  detector.heartbeat(2, beat(), 20);
  return detector;
}

describe('up', () => {
  it('means heard, and heard by it', () => {
    const detector = started();
    detector.opened(2, 1, 10);
    expect(detector.isUp(2)).toBe(false); // the kernel of a paused process accepts, too
    expect(told(detector.heartbeat(2, beat({ hears: [3] }), 20))).toEqual(['hearing']);
    expect([detector.isUp(2), detector.heardIds()]).toEqual([false, [2]]);
    expect(told(detector.heartbeat(2, beat({ hears: [3, 1] }), 30))).toEqual(['up']);
    expect([detector.isUp(2), detector.isReachable(2), detector.canAsk(2)]).toEqual([true, true, true]);
  });

  it('is reported once', () => {
    expect(told(connected().heartbeat(2, beat(), 30))).toEqual([]);
  });

  it('takes a Heartbeat: nothing counts before the message with the incarnation', () => {
    const detector = started();
    detector.opened(2, 1, 10);
    expect(detector.heard(2, 20)).toBe(false);
    expect([detector.canAsk(2), detector.heardIds()]).toEqual([false, []]);
    detector.heartbeat(2, beat(), 30);
    expect(detector.heard(2, 40)).toBe(true);
    expect(detector.get(2)!.lastHeardMs).toBe(40);
  });

  it('is not for a peer whose link is not open, nor for a stranger', () => {
    const detector = started();
    expect(detector.heartbeat(2, beat(), 5)).toEqual([]);
    expect(detector.heartbeat(9, beat(), 5)).toEqual([]);
    expect(detector.isUp(2) || detector.isUp(9)).toBe(false);
  });

  it("takes over the Heartbeat's fields", () => {
    expect(connected().get(2)).toMatchObject({ phase: 'ready', workers: 2, load: 10, incarnation: 'a' });
  });
});

describe('the start', () => {
  it('dials every peer on its own link', () => {
    const outputs = new FailureDetector(1, [2, 3], TIMINGS).start(0);
    expect(outputs).toEqual([
      { type: 'dial', peerId: 2, link: 1 },
      { type: 'dial', peerId: 3, link: 2 },
    ]);
  });

  it.each<[string, (detector: FailureDetector) => unknown]>([
    ['up', (detector) => (detector.opened(3, 2, 5), detector.heartbeat(3, beat(), 5))],
    ['refused', (detector) => detector.closed(3, 2, true, 5)],
    ['not heard for the failure timeout', (detector) => detector.tick(TIMEOUT_MS)],
  ])('is settled when the last peer is %s', (_, happens) => {
    const detector = started([2, 3]);
    detector.closed(2, 1, true, 1);
    expect(detector.settled).toBe(false);
    happens(detector);
    expect(detector.settled).toBe(true);
  });

  it('is never settled late: the detector wakes when the first failure timeout is over', () => {
    const detector = started();
    detector.opened(2, 1, 10);
    expect(detector.nextMs()).toBe(TIMEOUT_MS);
    detector.tick(TIMEOUT_MS - 1);
    expect(detector.settled).toBe(false);
  });

  it('gives a peer that was not heard before a pause as long again', () => {
    const detector = started();
    detector.opened(2, 1, 10);
    const resumedMs = 2 * TIMEOUT_MS;
    detector.resumed(resumedMs);
    detector.tick(resumedMs + TIMEOUT_MS - 1);
    expect(detector.settled).toBe(false);
    detector.tick(resumedMs + TIMEOUT_MS);
    expect(detector.settled).toBe(true);
  });
});

describe('refused', () => {
  it('is down now, not after the failure timeout', () => {
    const detector = connected();
    detector.closed(2, 1, false, 500); // redialed as link 2
    expect(told(detector.closed(2, 2, true, 501))).toEqual(['hearing', 'down refused']);
    expect([detector.isUp(2), detector.heardIds()]).toEqual([false, []]);
  });

  it('is dialed again after the redial pause, repeatedly', () => {
    const detector = started();
    expect(told(detector.closed(2, 1, true, 5))).toEqual([]);
    expect(detector.nextMs()).toBe(5 + REDIAL_MS);
    expect(detector.tick(4 + REDIAL_MS)).toEqual([]);
    expect(detector.tick(5 + REDIAL_MS)).toEqual([{ type: 'dial', peerId: 2, link: 2 }]);
    detector.closed(2, 2, true, 106);
    expect(detector.tick(106 + REDIAL_MS)).toEqual([{ type: 'dial', peerId: 2, link: 3 }]);
  });
});

describe('closed', () => {
  it('is dialed again at once, and the peer stays up until the result', () => {
    const detector = connected();
    expect(detector.closed(2, 1, false, 500)).toEqual([{ type: 'dial', peerId: 2, link: 2 }]);
    expect([detector.isUp(2), detector.isReachable(2), detector.canAsk(2)]).toEqual([true, false, false]);
    detector.opened(2, 2, 501);
    expect(detector.canAsk(2)).toBe(false); // not heard on this link yet
    expect(told(detector.heartbeat(2, beat(), 502))).toEqual([]);
    expect(detector.isReachable(2)).toBe(true);
  });

  it.each([
    ['a link that was heard but lived for a moment', true, 10 + 9],
    ['a link that nothing was heard on, however long it was open', false, 4000],
  ])('%s waits a moment: no hot loop', (_, isHeard, closedMs) => {
    const detector = started();
    detector.opened(2, 1, 10);
    if (isHeard) detector.heartbeat(2, beat(), 15);
    expect(detector.closed(2, 1, false, closedMs)).toEqual([]);
    expect(told(detector.tick(closedMs + 4))).toEqual([]);
    expect(told(detector.tick(closedMs + 5))).toEqual(['dial']);
  });

  it('repeatedly in a moment is dialed after doubling pauses, up to the redial pause', () => {
    const detector = connected();
    expect(told(detector.closed(2, 1, false, 500))).toEqual(['dial']); // accepted by the kernel of a dying process
    let nowMs = 500;
    const pausesMs = [2, 3, 4, 5, 6, 7, 8].map((link) => {
      detector.opened(2, link, nowMs);
      expect(told(detector.closed(2, link, false, nowMs))).toEqual([]);
      const pauseMs = detector.nextMs() - nowMs;
      nowMs += pauseMs;
      expect(told(detector.tick(nowMs))).toEqual(['dial']);
      return pauseMs;
    });
    expect(pausesMs).toEqual([5, 10, 20, 40, 80, REDIAL_MS, REDIAL_MS]);
    detector.opened(2, 9, nowMs);
    detector.heartbeat(2, beat(), nowMs);
    expect(told(detector.closed(2, 9, false, nowMs + 10))).toEqual(['dial']); // it lived, so pauses start over
    detector.opened(2, 10, nowMs + 10);
    detector.closed(2, 10, false, nowMs + 10);
    expect(detector.nextMs()).toBe(nowMs + 15);
  });
});

describe('silent', () => {
  it('is down exactly at the deadline; the link is dropped and redialed', () => {
    const detector = connected();
    expect(detector.nextMs()).toBe(TIMEOUT_MS); // the end of the start
    expect(detector.tick(TIMEOUT_MS)).toEqual([]);
    expect(detector.nextMs()).toBe(20 + TIMEOUT_MS);
    expect(detector.tick(19 + TIMEOUT_MS)).toEqual([]);
    expect(detector.tick(20 + TIMEOUT_MS)).toEqual([
      { type: 'hearing' },
      { type: 'down', peerId: 2, reason: 'silent' },
      { type: 'drop', peerId: 2, link: 1 },
      { type: 'dial', peerId: 2, link: 2 },
    ]);
  });

  it.each<[string, (detector: FailureDetector) => unknown]>([
    ['a Heartbeat', (detector) => detector.heartbeat(2, beat(), 3000)],
    ['any other message', (detector) => detector.heard(2, 3000)],
    ['a pause of this process', (detector) => detector.resumed(3000)],
  ])('restarts with %s', (_, happens) => {
    const detector = connected();
    happens(detector);
    expect(told(detector.tick(2999 + TIMEOUT_MS))).toEqual([]);
    expect(told(detector.tick(3000 + TIMEOUT_MS))).toEqual(['hearing', 'down silent', 'drop', 'dial']);
  });

  it('a dial from before a pause is repeated: its result may be outdated', () => {
    const detector = connected();
    detector.closed(2, 1, false, 500); // redialed as link 2
    expect(detector.resumed(3000)).toEqual([
      { type: 'drop', peerId: 2, link: 2 },
      { type: 'dial', peerId: 2, link: 3 },
    ]);
    expect(detector.closed(2, 2, true, 3000)).toEqual([]);
    expect(detector.isUp(2)).toBe(true);
    expect(told(detector.closed(2, 3, true, 3001))).toEqual(['hearing', 'down refused']);
  });

  it('does not restart with a new link: it is the silence of the peer', () => {
    const detector = connected();
    detector.closed(2, 1, false, 4990);
    detector.opened(2, 2, 4995);
    expect(told(detector.tick(20 + TIMEOUT_MS))).toEqual(['hearing', 'down silent', 'drop', 'dial']);
  });

  it('an open link on which nothing was ever heard is dropped, too', () => {
    const detector = started();
    detector.opened(2, 1, 10);
    expect(told(detector.tick(9 + TIMEOUT_MS))).toEqual(['stranded']);
    expect(told(detector.tick(10 + TIMEOUT_MS))).toEqual(['drop', 'dial']);
  });
});

describe('a dial', () => {
  it('is repeated if not connected within a heartbeat', () => {
    const detector = started();
    expect(told(detector.tick(HEARTBEAT_MS - 1))).toEqual([]);
    expect(detector.tick(HEARTBEAT_MS)).toEqual([
      { type: 'drop', peerId: 2, link: 1 },
      { type: 'dial', peerId: 2, link: 2 },
    ]);
    expect(detector.nextMs()).toBe(2 * HEARTBEAT_MS);
  });

  it.each<[string, (detector: FailureDetector) => unknown]>([
    ['opened', (detector) => detector.opened(2, 1, 1500)],
    ['closed', (detector) => detector.closed(2, 1, false, 1500)],
    ['refused', (detector) => detector.closed(2, 1, true, 1500)],
  ])('given up and then %s after all changes nothing', (_, happens) => {
    const detector = started();
    detector.tick(HEARTBEAT_MS);
    const before = { ...detector.get(2) };
    expect(happens(detector) ?? []).toEqual([]);
    expect(detector.get(2)).toEqual(before);
  });
});

describe('a new incarnation', () => {
  it('is a crash of the old one: down, then up', () => {
    const detector = connected();
    expect(told(detector.heartbeat(2, beat({ incarnation: 'b' }), 30))).toEqual([
      'hearing',
      'down restarted',
      'hearing',
      'up',
    ]);
  });

  it('that does not hear us yet is down, and up once it does', () => {
    const detector = connected();
    expect(told(detector.heartbeat(2, beat({ incarnation: 'b', hears: [] }), 30)).at(1)).toBe('down restarted');
    expect(told(detector.heartbeat(2, beat({ incarnation: 'b' }), 40))).toEqual(['up']);
  });
});

describe('deaf', () => {
  it('is down while it says that it does not hear us, on the same link', () => {
    const detector = connected();
    expect(told(detector.heartbeat(2, beat({ hears: [3] }), 30))).toEqual(['down deaf']);
    expect([detector.isUp(2), detector.canAsk(2), detector.heardIds()]).toEqual([false, true, [2]]);
    expect(told(detector.heartbeat(2, beat(), 40))).toEqual(['up']);
  });

  it('is heard until it is refused: what it reported meanwhile is over', () => {
    const detector = connected();
    detector.heartbeat(2, beat({ hears: [3] }), 30);
    detector.closed(2, 1, false, 500); // redialed as link 2
    expect(told(detector.closed(2, 2, true, 501))).toEqual(['hearing', 'unheard']);
    expect(told(detector.closed(2, 2, true, 502))).toEqual([]);
  });

  it('since it started is told once in each of its lives, after a failure timeout', () => {
    const detector = started();
    const deaf = { hears: [3] };
    detector.opened(2, 1, 10);
    detector.heartbeat(2, beat(deaf), 20);
    const stranded = { type: 'stranded', peerId: 2, how: 'deaf' };
    expect(detector.heartbeat(2, beat(deaf), 19 + TIMEOUT_MS)).toEqual([]);
    expect(detector.heartbeat(2, beat(deaf), 20 + TIMEOUT_MS)).toEqual([stranded]);
    expect(detector.heartbeat(2, beat(deaf), 20 + 3 * TIMEOUT_MS)).toEqual([]);
    const next = { ...deaf, incarnation: 'b' };
    expect(told(detector.heartbeat(2, beat(next), 20 + 4 * TIMEOUT_MS))).toEqual(['hearing', 'unheard', 'hearing']);
    expect(detector.heartbeat(2, beat(next), 20 + 5 * TIMEOUT_MS)).toEqual([stranded]);
  });

  it('by news that is older than a pause of this process is up for one more heartbeat', () => {
    const detector = connected();
    const old = beat({ hears: [3] });
    detector.resumed(9000);
    expect(told(detector.heartbeat(2, old, 9000))).toEqual([]);
    expect(told(detector.heartbeat(2, old, 9000 + HEARTBEAT_MS - 1))).toEqual([]);
    expect(told(detector.heartbeat(2, old, 9000 + HEARTBEAT_MS))).toEqual(['down deaf']);
  });

  it('after it was up is not told twice: it is down for that reason', () => {
    const detector = connected();
    expect(told(detector.heartbeat(2, beat({ hears: [3] }), 30))).toEqual(['down deaf']);
    expect(detector.heartbeat(2, beat({ hears: [3] }), 30 + TIMEOUT_MS)).toEqual([]);
  });
});

describe('a peer that was never reached since the start', () => {
  it('is told once, whatever its address does', () => {
    const detector = started([2, 3, 4]);
    detector.closed(2, 1, true, 5);
    detector.opened(4, 3, 10);
    detector.heartbeat(4, beat(), 20);
    expect(detector.tick(TIMEOUT_MS).filter(({ type }) => type === 'stranded')).toEqual([
      { type: 'stranded', peerId: 2, how: 'never_reached' },
      { type: 'stranded', peerId: 3, how: 'never_reached' },
    ]);
    expect(told(detector.tick(3 * TIMEOUT_MS))).not.toContain('stranded');
  });
});

describe('a hint', () => {
  it.each<[string, (detector: FailureDetector) => unknown, number, string[]]>([
    ['for a peer that refused: dialed now', (detector) => detector.closed(2, 1, true, 5), 20, ['drop', 'dial']],
    ['for a dial under way: begun anew', () => {}, 500, ['drop', 'dial']],
    ['right after a dial: nothing, hints are cheap to forge', () => {}, 9, []],
    ['for an open link: nothing', (detector) => detector.opened(2, 1, 5), 500, []],
  ])('%s', (_, before, atMs, expected) => {
    const detector = started();
    before(detector);
    expect(told(detector.hint(2, atMs))).toEqual(expected);
  });

  it('from a stranger is ignored', () => expect(started().hint(9, 500)).toEqual([]));
});
