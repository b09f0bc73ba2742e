import { Hedging } from '../../../src/client/attempt/hedging';
import { AttemptRig, LOST, TIMEOUT_MS } from './attempt-rig';

/** This process stands still: no tick comes until it resumes, and then the pause is told first. */
function pause(rig: AttemptRig, ms: number): void {
  rig.nowMs += ms;
  rig.note(rig.attempt.onResume(ms, rig.nowMs));
  if (rig.attempt.wakeAtMs <= rig.nowMs) rig.note(rig.attempt.tick(rig.nowMs));
}

/** An attempt that awaits the answer of server 2. */
function awaiting(hedging = new Hedging(5)): AttemptRig {
  const rig = new AttemptRig({ hedging });
  rig.pass(5);
  rig.assign(2);
  return rig;
}

it('an answer that arrived while the client stood still beyond the deadline is taken', () => {
  const rig = awaiting();
  pause(rig, 12_500);
  expect({ finished: rig.attempt.finished, sends: rig.count('send') }).toEqual({ finished: false, sends: 1 });
  rig.pass(40);
  rig.verify();
  expect(rig.result).toMatchObject({ success: true, undecided: false, failureReason: null, hedged: false });
});

it('without one the request is undecided, one second later', () => {
  const rig = awaiting();
  pause(rig, 12_500);
  rig.pass(999);
  expect(rig.attempt.finished).toBe(false);
  rig.pass(1);
  expect(rig.result).toMatchObject({
    success: false,
    undecided: true,
    failureReason: 'The client stood still for 12.5s',
    serverAddress: 'two:2',
  });
  expect({ sends: rig.count('send'), cancels: rig.count('cancel') }).toEqual({ sends: 1, cancels: 1 });
});

it('a pause within the deadline: the server gets the usual time again before it is late, and the pause is no sample', () => {
  const hedging = new Hedging(5);
  const rig = awaiting(hedging);
  pause(rig, 3000);
  rig.pass(900);
  expect({ sends: rig.count('send'), late: rig.view.isSlow('two:2', rig.nowMs) }).toEqual({ sends: 1, late: false });
  rig.verify();
  expect(rig.result).toMatchObject({ success: true, hedged: false });
  // The default of an image without samples.
  expect(hedging.delayMs('a.png')).toBe(500);
});

it('a pause while the leader is asked is not a missed answer', () => {
  const rig = new AttemptRig();
  pause(rig, 3000);
  expect({ asks: rig.count('ask'), sends: rig.count('send') }).toEqual({ asks: 1, sends: 0 });
  rig.assign(2);
  expect(rig.last('send').address).toBe('two:2');
});

it('connections that broke while it stood still: nothing is sent after the deadline, and it is undecided', () => {
  const rig = awaiting();
  pause(rig, 12_500);
  rig.fail(LOST);
  rig.pass(2000);
  expect({ asks: rig.count('ask'), sends: rig.count('send') }).toEqual({ asks: 1, sends: 1 });
  expect(rig.result).toMatchObject({ undecided: true, failureReason: 'The client stood still for 12.5s' });
});

it('a process that stutters still ends its requests', () => {
  const rig = awaiting();
  while (!rig.attempt.finished && rig.nowMs < 60_000) {
    pause(rig, 600);
    rig.pass(100);
  }
  expect(rig.nowMs).toBeLessThan(TIMEOUT_MS + 2500);
  expect(rig.result.undecided).toBe(true);
});

it('without a pause the deadline judges as ever', () => {
  const rig = awaiting();
  rig.pass(TIMEOUT_MS);
  expect(rig.result).toMatchObject({ success: false, undecided: false, failureReason: 'Request timeout after 10s' });
});
