import { event, executed, request, useLab } from '../lab';

const lab = useLab();
const leftOut = (at: number, counts: object): object => event(at, 1, { event: 'left_out', counts } as never);
const RECORDS = [1, 2, 3].map((id) => request(id, id * 100));
const FIRST = executed(110, 1, 1);

test.each([
  ['as many as are missing', [leftOut(250, { executed: 2 })], 'unknown'],
  ['fewer than are missing', [leftOut(250, { executed: 1 })], false],
  ['others than executions', [leftOut(250, { assigned: 50 })], false],
  ['before the run', [leftOut(-20_000, { executed: 2 }), FIRST], false],
  ['long after the run', [leftOut(60_000, { executed: 2 })], false],
  ['a damaged number of them', [leftOut(250, { executed: -2 })], false],
])('a server that dropped %s', (_, more, adds_up) => {
  lab.requests(RECORDS);
  lab.events(1, [FIRST, ...more]);
  const { audit } = lab.report();
  expect(audit).toMatchObject({ lost: 2, adds_up });
  if (adds_up === 'unknown') expect(audit.why).toMatch(/servers dropped 2 executions for lack of room$/);
});

test('the self-check reports it for each server', () => {
  lab.requests(RECORDS);
  lab.events(1, [FIRST, leftOut(200, { executed: 2, assigned: 70 }), leftOut(250, { assigned: 30 })]);
  expect(lab.report().self_check).toContain(
    'Server 1 dropped 2 executions and 100 other events for lack of room: counts based on them are too low.',
  );
});
