import { check } from '../../src/check/check';
import type { RuleResult } from '../../src/core/rule-result';
import type { Cluster } from './cluster';
import type { LoadRecord } from './client-load';

/** Includes scheduling delays on two busy cores. */
const ONE_WAY_MS = 100;

/** Checks S1 to S8 over the files of real processes. */
export function verdicts(cluster: Cluster, requests: readonly LoadRecord[]): RuleResult[] {
  const servers = cluster.allEvents();
  return check({
    servers,
    requests,
    faults: cluster.faults,
    serverIds: cluster.ids,
    timings: { heartbeatMs: 1000, failureTimeoutMs: 3000, electionTimeoutMs: 2000 },
    requestTimeoutMs: 10_000,
    oneWayMs: ONE_WAY_MS,
    startMs: servers[0]!.time,
    endMs: servers.at(-1)!.time,
  });
}

/** Expects no violation, and S6 to be known: a killed server has recorded what it answered. */
export function expectHeld(found: readonly RuleResult[]): void {
  expect(found.filter(({ rule, verdict }) => verdict === false || (rule === 'S6' && verdict !== true))).toEqual([]);
}
