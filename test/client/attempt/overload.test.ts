import { Hedging } from '../../../src/client/attempt/hedging';
import { AttemptRig as Rig, types } from './attempt-rig';

const MIB = 1024 * 1024;

function sendAway(rig: Rig, retry_after_ms: number): void {
  const nobody = { assigned_server_id: null, assigned_server_address: null, leader_id: 1, term: 1 };
  const response = { kind: 'TaskAssignmentResponse' as const, request_id: 1, ...nobody, retry_after_ms };
  rig.note(rig.attempt.onAssignment(rig.last('ask').askId, response, rig.nowMs));
}

describe('a client that was sent away', () => {
  it('comes again as it was told, more or less, and sends nothing before', () => {
    const rig = new Rig();
    sendAway(rig, 1000);
    expect(types(rig.pass(749))).toEqual([]);
    rig.pass(502);
    expect(rig.count('ask')).toBeGreaterThan(1);
    expect(rig.count('send')).toBe(0);
  });

  it('comes again before its deadline, whatever it was told, and fails as overloaded', () => {
    const rig = new Rig();
    for (let asks = 1; rig.count('finish') === 0 && asks < 60; asks++) {
      sendAway(rig, 3_600_000);
      rig.pass((rig.attempt.deadlineMs - rig.nowMs) / 2 + 11);
    }
    expect(rig.count('ask')).toBeGreaterThan(5);
    expect(rig.count('send')).toBe(0);
    expect(rig.result.failureReason).toBe('Server overloaded');
  });

  it('asks another server once after two times: the leader may be cut off from idle ones', () => {
    const rig = new Rig();
    const asked: boolean[] = [];
    for (let away = 0; away < 5; away++) {
      asked.push(rig.last('ask').address === rig.view.leaderAddress);
      sendAway(rig, 100);
      rig.pass(130);
    }
    expect(asked.slice(1)).toEqual([true, false, true, false]);
  });

  it('asks again when nobody answers in the next second, and then chooses for itself', () => {
    const rig = new Rig();
    sendAway(rig, 100);
    rig.pass(600);
    expect([rig.count('send'), rig.count('ask') > 1]).toEqual([0, true]);
    rig.pass(1500);
    expect(rig.count('send')).toBe(1);
  });
});

it('few large secrets are under way that no leader has assigned, and any number of small ones', () => {
  const hedging = new Hedging(300);
  let count = 0;
  for (; count < 100 && hedging.mayGoUnasked(5 * MIB); count++) expect(hedging.goUnasked(5 * MIB)).toBe(true);
  expect([count, hedging.mayGoUnasked(MIB - 1), hedging.goUnasked(MIB - 1)]).toEqual([12, true, false]);
  hedging.unaskedEnded();
  expect(hedging.mayGoUnasked(5 * MIB)).toBe(true);
});
