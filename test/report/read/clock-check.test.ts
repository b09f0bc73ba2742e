import { event, executed, fault, request, useLab } from '../lab';

const lab = useLab();
const ids = Array.from({ length: 40 }, (_, index) => index + 1);
const leader = (at: number, id: number, leaderId: number): object =>
  event(at, id, { event: 'leader', term: leaderId, leader_id: leaderId, reason: 'told' });
const down = (at: number, id: number, peerId: number): object =>
  event(at, id, { event: 'peer_down', peer_id: peerId, reason: 'refused' });

/** Server 1 leads and is killed after 4 s; server 2, whose clock is wrong, executes the other half. */
function runWith(server2Ms: number): void {
  lab.requests(ids.map((id) => request(id, id * 100, { assigned_server_id: 1 + (id % 2), latency_ms: 20 })));
  lab.events(1, [leader(0, 1, 1), ...ids.filter((id) => id % 2 === 0).map((id) => executed(id * 100 + 10, 1, id))]);
  lab.events(2, [
    leader(1 + server2Ms, 2, 1),
    ...ids.filter((id) => id % 2 === 1).map((id) => executed(id * 100 + 10 + server2Ms, 2, id)),
    down(4040 + server2Ms, 2, 1),
    leader(4090 + server2Ms, 2, 2),
  ]);
  lab.faults([fault(4000, 1, 'kill'), fault(6000, 1, 'restart')]);
}

const detected = () => lab.report().faults![0]!.detected_first_ms;
const said = () => lab.report().self_check.join('\n');

test('servers whose executions lie within their requests: their times count', () => {
  runWith(0);
  expect(detected()).toBe(40);
  expect(said()).not.toMatch(/may be wrong/);
});

test.each([
  [-200, /the clock of server 2 is at least 190 ms behind that of machine 1: it executed requests before they began/],
  [
    200,
    /the clock of server 2 is at least 190 ms ahead of that of machine 1: it executed requests after they had ended/,
  ],
  [3_600_000, /the clock of server 2 is at least 3600 s ahead of that of machine 1/],
])('a clock that is %d ms off: what rests on it is unknown', (ms, why) => {
  runWith(ms);
  const [kill] = lab.report().faults!;
  expect(kill).toMatchObject({ detected_first_ms: null, detected_last_ms: null, leader_first_ms: null, led: null });
  expect(kill!.unknown.detected_first_ms).toMatch(why);
  expect(lab.report().leaders).toBeNull();
  expect(said()).toMatch(why);
});

test('a load that disagrees with all servers: its own times are in doubt too', () => {
  lab.requests(ids.map((id) => request(id, id * 100, { latency_ms: 20 })));
  lab.events(
    1,
    ids.map((id) => executed(id * 100 + 5000, 1, id)),
  );
  lab.faults([fault(2000, 1, 'pause'), fault(2500, 1, 'resume')]);
  expect(lab.report().faults![0]!.unknown.felt_ms).toMatch(/the clock of server 1 is at least 4980 ms ahead/);
});

test('a request that several servers were asked for proves nothing', () => {
  lab.requests(ids.map((id) => request(id, id * 100, { latency_ms: 20, hedged: id % 2 === 0, retry_count: id % 2 })));
  lab.events(
    1,
    ids.map((id) => executed(id * 100 + 5000, 1, id)),
  );
  expect(said()).not.toMatch(/may be wrong/);
});

test('loads that did not overlap: a sentence', () => {
  const hour = 3_600_000;
  lab.requests([request(1, 0), request(2, 1000)]);
  lab.requests([request(1, hour), request(2, hour + 1000)], 'metrics/machine_2_requests.ndjson');
  expect(said()).toMatch(
    /No request of machine 2 was due until 3599 s after the last one of machine 1 had ended: is a/,
  );
  lab.requests([request(1, 500), request(2, 1500)], 'metrics/machine_2_requests.ndjson');
  expect(said()).not.toMatch(/No request of machine/);
});

test('a request that was sent before it was due is damage', () => {
  lab.requests([request(1, 0), request(2, 100, { latency_ms: 20, service_ms: 20.003 }), request(3, 200)]);
  const { missing_records, inputs } = lab.report();
  expect(missing_records).toBe(1);
  expect(inputs.files[0]!.problems).toEqual([
    expect.stringMatching(/"service_ms" is 20.003, more than "latency_ms" \(20\)/),
  ]);
});
