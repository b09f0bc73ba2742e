/** Fine points of hedging. */
import { Attempt } from '../../../src/client/attempt/attempt';
import type { AttemptEffect } from '../../../src/client/attempt/effects';
import { ClusterView } from '../../../src/client/attempt/cluster-view';
import { Hedging } from '../../../src/client/attempt/hedging';
import { seededRandom } from '../../../src/core/random';

const addresses = ['a:1', 'b:1', 'c:1'];

function begin(hedging = new Hedging(10)) {
  const view = new ClusterView(addresses, seededRandom(1));
  const task = { run_id: 'r', client_name: 'c', request_id: 1, image: 'i' };
  const attempt = new Attempt(task, 10_000, view, hedging, seededRandom(2), 0);
  const sends: Extract<AttemptEffect, { type: 'send' }>[] = [];
  const take = (effects: AttemptEffect[]): AttemptEffect[] => {
    sends.push(...effects.filter((effect) => effect.type === 'send'));
    return effects;
  };
  const [ask] = take(attempt.start(0)) as [Extract<AttemptEffect, { type: 'ask' }>];
  const assign = (address: string, id: number): AttemptEffect[] =>
    take(
      attempt.onAssignment(
        ask.askId,
        {
          kind: 'TaskAssignmentResponse',
          request_id: 1,
          term: 1,
          leader_id: 1,
          assigned_server_id: id,
          assigned_server_address: address,
        },
        1,
      ),
    );
  return { attempt, view, sends, take, assign };
}

// The loser may have had the task for only a few milliseconds: the winner was late, not the loser.
it('a hedge that had barely started when the first server answered does not count against its server', () => {
  const { attempt, view, sends, take, assign } = begin();
  assign('a:1', 1);
  take(attempt.tick(501));
  expect(sends.length).toBe(2);
  attempt.onVerified(sends[0]!.sendId, 503);
  expect(view.isExcluded(sends[1]!.address, 504)).toBe(false);
});

// With two of three servers paused a second server does not help; each further one costs a token as well.
it('a task that is late on the second server goes to the third, and no further', () => {
  const { attempt, sends, take, assign } = begin();
  assign('a:1', 1);
  for (const nowMs of [501, 1002, 1503, 2004]) take(attempt.tick(nowMs));
  expect(new Set(sends.map((send) => send.address)).size).toBe(3);
  expect(sends.length).toBe(3);
});
