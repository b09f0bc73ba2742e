import { check, violations } from '../../src/check/check';
import { absences, activeFaults, faultTimes, heardBy, leadershipSpans } from '../../src/check/history';
import { ruleResult } from '../../src/core/rule-result';
import { at, down, executed, fault, history, leads, noLeader, request, sample, up } from './histories';

describe('leadership spans', () => {
  it('follow the events of each server, up to the end of the run', () => {
    const run = history([noLeader(20_000, 2, 2), leads(20_500, 2, 2, 2)]);
    expect(leadershipSpans(run).filter(({ serverId }) => serverId === 2)).toEqual([
      { serverId: 2, term: 1, leaderId: 1, fromMs: 200, toMs: 20_000 },
      { serverId: 2, term: 2, leaderId: null, fromMs: 20_000, toMs: 20_500 },
      { serverId: 2, term: 2, leaderId: 2, fromMs: 20_500, toMs: 100_000 },
    ]);
  });

  it.each([
    ['a kill', history([], [fault(30_000, 'kill', 1)])],
    ['its own word that it stopped', history([at(30_000, 1, { event: 'stopped' })])],
    ['a new start', history([at(30_000, 1, { event: 'started', incarnation: 'b', address: '' })])],
  ])('end with %s', (_, run) => {
    expect(leadershipSpans(run).filter(({ serverId }) => serverId === 1)).toEqual([
      { serverId: 1, term: 1, leaderId: 1, fromMs: 200, toMs: 30_000 },
    ]);
  });

  it('do not end with SIGTERM: it leads until another does', () => {
    const run = history([], [fault(30_000, 'terminate', 1)]);
    expect(leadershipSpans(run).find(({ serverId }) => serverId === 1)!.toMs).toBe(100_000);
  });
});

describe('faults', () => {
  it.each([
    ['kill', 'restart'],
    ['terminate', 'restart'],
    ['pause', 'resume'],
    ['partition', 'heal'],
    ['delay', 'heal'],
    ['loss', 'heal'],
  ] as const)('%s is active until %s of the same server', (action, healing) => {
    const run = history([], [fault(10_000, action, 1), fault(15_000, healing, 2), fault(20_000, healing, 1)]);
    const active = (timeMs: number): string[] => activeFaults(run, timeMs).map((each) => each.action);
    expect([active(9999), active(10_000), active(19_999), active(20_000)]).toEqual([[], [action], [action], []]);
  });

  it('that failed or only started are not active, but one that started may have changed something', () => {
    const run = history([], [fault(10_000, 'kill', 1, 'failed'), fault(11_000, 'kill', 2, 'started')]);
    expect([activeFaults(run, 20_000), faultTimes(run)]).toEqual([[], [11_000]]);
  });

  it('make a server absent from a kill or a pause until its end', () => {
    const run = history(
      [],
      [fault(10_000, 'pause', 1), fault(12_000, 'kill', 1), fault(20_000, 'restart', 1), fault(30_000, 'terminate', 1)],
    );
    expect(absences(run, 1)).toEqual([
      { fromMs: 10_000, toMs: 20_000 },
      { fromMs: 30_000, toMs: Infinity },
    ]);
    expect(absences(run, 2)).toEqual([]);
  });

  it('make a server absent until the last of them ends', () => {
    const first = [fault(10_000, 'pause', 1), fault(11_000, 'terminate', 1), fault(12_000, 'resume', 1)];
    const run = history(
      [],
      [...first, fault(20_000, 'restart', 1), fault(30_000, 'pause', 1), fault(31_000, 'kill', 1)],
    );
    expect(absences(run, 1)).toEqual([
      { fromMs: 10_000, toMs: 20_000 },
      { fromMs: 30_000, toMs: Infinity },
    ]);
    const restarted = history([], [fault(10_000, 'pause', 1), fault(11_000, 'kill', 1), fault(12_000, 'restart', 1)]);
    expect(activeFaults(restarted, 12_000)).toEqual([]);
  });
});

test('the peers heard follow from peer_up, peer_down and restarts', () => {
  const run = history([
    down(10_000, 1, 2),
    up(20_000, 1, 2),
    at(30_000, 1, { event: 'started', incarnation: 'b', address: '' }),
  ]);
  expect([5000, 15_000, 25_000, 35_000].map((timeMs) => heardBy(run, 1, timeMs))).toEqual([[2, 3], [3], [2, 3], []]);
});

describe('the whole check', () => {
  const samples = [1, 2, 3].map((id) => sample(60_000, id, 0));

  it('of a good run finds that each of S1 to S8 holds', () => {
    const verdicts = check(history([executed(1), ...samples], [], [request(1)]));
    expect(verdicts.map(({ rule, verdict }) => `${rule} ${verdict}`)).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8].map((rule) => `S${rule} true`),
    );
    expect(violations(verdicts)).toEqual([]);
  });

  it('of an empty run finds no violation, and some rules unknown', () => {
    const verdicts = check(history([], [], [], { servers: [], serverIds: [] }));
    expect(violations(verdicts)).toEqual([]);
    expect(verdicts.find(({ rule }) => rule === 'S7')!.verdict).toBe('unknown');
  });

  it('names the violated rules, and no others', () => {
    const verdicts = check(history([...samples, leads(50_000, 2, 2, 2)], [], [request(1)]));
    expect(violations(verdicts).map(({ rule }) => rule)).toEqual(['S1', 'S2', 'S6', 'S8']);
  });

  it('does not change its input', () => {
    const run = history([executed(1), ...samples], [fault(20_000, 'kill', 1), fault(10_000, 'pause', 2)], [request(1)]);
    const before = structuredClone(run);
    check(run);
    expect(run).toEqual(before);
  });
});

test('only the first twenty problems are listed', () => {
  const problems = Array.from({ length: 50 }, (_, index) => `problem ${index}`);
  expect(ruleResult('S1', problems)).toEqual({ rule: 'S1', verdict: false, problems: problems.slice(0, 20) });
  expect(ruleResult('S1', [])).toEqual({ rule: 'S1', verdict: true, problems: [] });
});
