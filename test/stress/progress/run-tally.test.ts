import { parseThreshold } from '../../../src/core/metrics/threshold';
import { RunTally } from '../../../src/stress/progress/run-tally';
import { request, T0 } from '../../report/lab';

it('a server that got nothing counts for the balance', () => {
  const tally = new RunTally(0, Infinity, 3);
  tally.begin(T0);
  for (const id of [1, 2, 3, 4]) tally.add(request(id, id, { assigned_server_id: 1 }));
  const imbalanceOf = () => tally.judge([parseThreshold('imbalance<1.2')], T0 + 1000)[0];
  expect(imbalanceOf()).toMatchObject({ value: 3, passed: false });
  for (const id of [5, 6, 7, 8, 9, 10, 11, 12]) tally.add(request(id, id, { assigned_server_id: 2 + (id % 2) }));
  expect(imbalanceOf()).toMatchObject({ value: 1, passed: true });
});
