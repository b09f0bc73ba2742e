import { check } from '../../src/check/check';
import type { History } from '../../src/check/history';
import type { ServerEvent } from '../../src/core/metrics/record';

const SAMPLE = { cpu_percent: 1, memory_bytes: 1, active: 0, queued: 0, ledger: 0, event_loop_delay_ms: 1 };

/** A lone server that leads and samples until `lastSec`, in a run of 20 s. */
function historyUntil(lastSec: number, faults: History['faults'] = []): History {
  const at = (time: number, body: object): ServerEvent => ({ time, server_id: 1, ...body }) as ServerEvent;
  const samples = Array.from({ length: lastSec }, (_, index) => at((index + 1) * 1000, { event: 'sample', ...SAMPLE }));
  const leads = at(10, { event: 'leader', term: 1, leader_id: 1, reason: 'alone' });
  return {
    servers: [at(0, { event: 'started', incarnation: 'a', address: 'a' }), leads, ...samples],
    requests: [],
    faults,
    serverIds: [1],
    timings: { heartbeatMs: 100, failureTimeoutMs: 400, electionTimeoutMs: 200 },
    requestTimeoutMs: 10_000,
    oneWayMs: 10,
    startMs: 0,
    endMs: 20_000,
  };
}

const verdictOf = (history: History, rule: string) => check(history).find((each) => each.rule === rule);

it('a server that writes nothing for the rest of the run leaves the rules about leaders unknown', () => {
  expect(verdictOf(historyUntil(20), 'S2')).toMatchObject({ verdict: true });
  expect(verdictOf(historyUntil(8), 'S2')).toMatchObject({
    verdict: 'unknown',
    problems: ['server 1 wrote nothing for the rest of the run, without a fault'],
  });
});
