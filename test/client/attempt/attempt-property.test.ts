import * as fc from 'fast-check';
import type { AttemptEffect } from '../../../src/client/attempt/effects';
import { Hedging } from '../../../src/client/attempt/hedging';
import { seededRandom } from '../../../src/core/random';
import { ADDRESSES, AttemptRig, TIMEOUT_MS } from './attempt-rig';

const happening = fc.record({
  what: fc.constantFrom(
    'assigned',
    'leaderless',
    'nobody',
    'ask lost',
    'lost',
    'busy',
    'verified',
    'corrupted',
    'error',
    'broken',
    'nothing',
    'nothing',
  ),
  which: fc.nat(6), // Asks and sends by number, including old ones and some that never existed.
  server: fc.constantFrom(1, 2, 3),
  waitMs: fc.oneof(fc.constantFrom(0, 1, 100, 250, 1000), fc.nat(4000)),
});

test('any order of events: ends once, by the deadline, with everything cancelled and no effects after', () => {
  const property = fc.property(
    fc.array(happening, { maxLength: 40 }),
    fc.nat(3),
    fc.nat(),
    (happenings, tokens, seed) => {
      const rig = new AttemptRig({ hedging: new Hedging(tokens), random: seededRandom(seed) });
      const { attempt } = rig;
      for (const { what, which, server, waitMs } of [
        ...happenings,
        { what: 'nothing', which: 0, server: 1, waitMs: TIMEOUT_MS },
      ]) {
        rig.pass(waitMs);
        const wasFinished = attempt.finished;
        const [id, leader_id] = what === 'nobody' ? [null, null] : [server, what === 'leaderless' ? null : 1];
        const address = id === null ? null : ADDRESSES[id - 1]!;
        const assigned = { assigned_server_id: id, assigned_server_address: address, leader_id, term: 1 };
        const response = { kind: 'TaskAssignmentResponse' as const, request_id: 1, ...assigned };
        let effects: AttemptEffect[] = [];
        if (['assigned', 'leaderless', 'nobody'].includes(what))
          effects = attempt.onAssignment(which, response, rig.nowMs);
        else if (what === 'ask lost') effects = attempt.onAskLost(which, rig.nowMs);
        else if (what === 'verified') effects = attempt.onVerified(which, rig.nowMs);
        else if (what === 'corrupted') effects = attempt.onCorrupted(which, rig.nowMs);
        else if (what === 'lost' || what === 'busy') effects = attempt.onSendFailed(which, { kind: what }, rig.nowMs);
        else if (what === 'error' || what === 'broken')
          effects = attempt.onSendFailed(which, { kind: what, message: 'no' }, rig.nowMs);
        if (wasFinished) expect(effects).toEqual([]);
        rig.note(effects);
        if (attempt.finished) expect([attempt.wakeAtMs, rig.effects.at(-1)!.type]).toEqual([Infinity, 'finish']);
      }
      expect([attempt.finished, rig.count('finish')]).toEqual([true, 1]);
      expect(rig.count('ack')).toBe(rig.result.success ? 1 : 0);
      expect(rig.result.success).toBe(rig.result.failureReason === null);
      // In the end, the view must count nothing in flight at any server.
      for (const address of ADDRESSES) expect(rig.view.outstandingAt(address)).toBe(0);
    },
  );
  fc.assert(property, { numRuns: 500 });
});
