import path from 'node:path';
import { parseThreshold } from '../../../src/core/metrics/threshold';
import type { SlowLimitSetting } from '../../../src/core/metrics/slow-limit';
import { buildReport } from '../../../src/report/analyze/build';
import { collectLocal } from '../../../src/report/collect/collect';
import { readInputs } from '../../../src/report/read/files/read';
import { faultsDuring, faultWindows } from '../../../src/report/analyze/fault-windows';
import { renderHtml } from '../../../src/report/render/html';
import { renderText } from '../../../src/report/render/text';
import { event, fault, request, runFile, sample, T0, useLab } from '../lab';

const lab = useLab();
/** One request every 10 ms until `untilMs`; `make` changes some of them. */
const load = (untilMs: number, make: (at: number) => Parameters<typeof request>[2] = () => ({})) =>
  Array.from({ length: untilMs / 10 }, (_, id) => request(id, id * 10, make(id * 10)));
const leads = (at: number, by: number, leaderId: number, term: number) =>
  event(at, by, { event: 'leader', term, leader_id: leaderId, reason: 'won' });

describe('fault windows', () => {
  test('pair a fault with the action that heals it, by server', () => {
    const events = [
      fault(10, 1, 'kill', { outcome: 'started' }),
      fault(20, 1, 'kill', { outcome: 'failed' }),
      fault(30, 2, 'pause', { outcome: 'started' }),
      fault(40, 2, 'pause', { outcome: 'failed' }),
      fault(90, 1, 'kill', { outcome: 'started' }),
      fault(100, 1, 'kill'),
      fault(150, 2, 'pause'),
      fault(180, 3, 'kill', { outcome: 'failed' }),
      fault(200, 2, 'restart'),
      fault(250, 2, 'resume'),
      fault(300, 1, 'restart'),
      fault(400, 3, 'partition'),
    ];
    expect(faultWindows(events)).toEqual([
      { serverId: 1, kind: 'kill', startMs: T0 + 90, doneMs: T0 + 100, healedMs: T0 + 300, missing: null },
      { serverId: 2, kind: 'pause', startMs: T0 + 150, doneMs: T0 + 150, healedMs: T0 + 250, missing: 'started' },
      { serverId: 3, kind: 'partition', startMs: T0 + 400, doneMs: T0 + 400, healedMs: null, missing: 'started' },
    ]);
  });

  test('every kind has its own healing action; a graceful restart is one fault', () => {
    const kinds = ['kill', 'terminate', 'pause', 'partition', 'delay', 'loss'] as const;
    const heals = ['restart', 'restart', 'resume', 'heal', 'heal', 'heal'] as const;
    const events = kinds.flatMap((kind, index) => [
      fault(100 * index, 1, kind, { outcome: 'started' }),
      fault(100 * index + 5, 1, kind),
      fault(100 * index + 50, 1, heals[index]!, { outcome: 'started' }),
      fault(100 * index + 60, 1, heals[index]!),
    ]);
    const windowAt = (index: number, kind: string) => {
      const startMs = T0 + 100 * index;
      return { serverId: 1, kind, startMs, doneMs: startMs + 5, healedMs: startMs + 60, missing: null };
    };
    expect(faultWindows(events)).toEqual(kinds.map((kind, index) => windowAt(index, kind)));
    const graceful = { detail: 'graceful restart' };
    const [started, done, ...rest] = events.slice(4, 8);
    const restart = [{ ...started!, ...graceful }, { ...done!, ...graceful }, ...rest];
    expect(faultWindows(restart)).toEqual([windowAt(1, 'restart')]);
  });

  test('of another session are excluded, if they were healed', () => {
    const of = (startMs: number, healedMs: number | null) => ({
      serverId: 1,
      kind: 'kill' as const,
      startMs,
      doneMs: startMs,
      healedMs,
      missing: null,
    });
    const windows = [of(0, 50), of(60, null), of(80, 150), of(120, null), of(201, 210)];
    expect(faultsDuring(windows, { from: 100, to: 200 })).toEqual([windows[1], windows[2], windows[3]]);
  });
});

describe('a killed leader', () => {
  /** Killed at 3000, gone at 3005; requests from 3000 to 3200 stall until 3300; restarted at 6000. */
  const run = () => {
    lab.requests(
      load(9000, (at) => {
        if (at === 3000) return { outcome: 'failure', latency_ms: 250 };
        if (at > 3000 && at <= 3200) return { latency_ms: 3300 - at, term: 2, retry_count: 1, hedged: at === 3100 };
        return { term: at > 3200 ? 2 : 1 };
      }),
    );
    lab.faults([fault(3000, 1, 'kill', { outcome: 'started' }), fault(3005, 1, 'kill'), fault(6000, 1, 'restart')]);
  };
  const events = () => {
    lab.events(1, [
      leads(-500, 1, 1, 1),
      event(6010, 1, { event: 'started', incarnation: 'b', address: 'a' }),
      leads(6050, 1, 2, 2),
    ]);
    lab.events(2, [
      leads(-490, 2, 1, 1),
      event(3008, 2, { event: 'peer_down', peer_id: 1, reason: 'refused' }),
      event(3010, 2, { event: 'election', term: 2, reason: 'gone' }),
      leads(3030, 2, 2, 2),
    ]);
    lab.events(3, [
      leads(-480, 3, 1, 1),
      event(3012, 3, { event: 'peer_down', peer_id: 1, reason: 'refused' }),
      leads(3042, 3, 2, 2),
    ]);
  };

  test('is measured by events and records', () => {
    run();
    events();
    expect(lab.report().faults).toEqual([
      {
        server_id: 1,
        kind: 'kill',
        start: T0 + 3000,
        end: T0 + 6000,
        recovered: T0 + 6000,
        led: true,
        felt_ms: 500,
        recovered_ms: 500,
        felt_at_least_ms: 500,
        requests: 302,
        bad_requests: 21,
        failed: 1,
        retried: 20,
        hedged: 1,
        longest_ms: 290,
        detected_first_ms: 8,
        detected_last_ms: 12,
        leader_first_ms: 30,
        leader_all_ms: 42,
        shared: false,
        unknown: {},
      },
    ]);
  });

  test('without events, what only servers know is unknown', () => {
    run();
    const [killed] = lab.report().faults!;
    expect(killed).toMatchObject({ led: null, detected_first_ms: null, leader_all_ms: null, felt_ms: 500 });
    expect(Object.keys(killed!.unknown)).toHaveLength(5);
  });

  test('has leaders over time, and intervals without one', () => {
    run();
    events();
    lab.ended(9010);
    expect(lab.report().leaders).toEqual({
      timeline: [
        { server_id: 1, term: 1, from: T0, to: T0 + 3000 },
        { server_id: 2, term: 2, from: T0 + 3030, to: T0 + 9010 },
      ],
      terms: 1,
      none: [{ from: T0 + 3000, to: T0 + 3030 }],
      several: [],
      unknown: null,
    });
  });

  test('phases', () => {
    run();
    const { phases } = lab.report();
    expect(phases.map(({ phase, failed }) => [phase, failed])).toEqual([
      ['steady', 0],
      ['fault', 1],
    ]);
    expect(phases.reduce((sum, { requests }) => sum + requests, 0)).toBe(900);
  });
});

test('a leader and a follower killed at once: the new leader is the one of the remaining server', () => {
  lab.requests(load(9000));
  lab.faults([fault(3000, 1, 'kill'), fault(3002, 2, 'kill'), fault(6000, 1, 'restart'), fault(6001, 2, 'restart')]);
  lab.events(1, [leads(-3, 1, 1, 1), leads(6050, 1, 3, 2)]);
  lab.events(2, [leads(-2, 2, 1, 1), leads(6060, 2, 3, 2)]);
  lab.events(3, [
    leads(-1, 3, 1, 1),
    event(3010, 3, { event: 'peer_down', peer_id: 1, reason: 'refused' }),
    leads(3030, 3, 3, 2),
  ]);
  expect(lab.report().faults).toMatchObject([
    { server_id: 1, led: true, leader_all_ms: 30 },
    { server_id: 2, led: false, leader_all_ms: null },
  ]);
});

test('a killed follower: no new leader, with the reason', () => {
  lab.requests(load(6000));
  lab.faults([fault(2000, 2, 'kill'), fault(3000, 2, 'restart')]);
  lab.events(1, [leads(-1, 1, 1, 1), event(2003, 1, { event: 'peer_down', peer_id: 2, reason: 'refused' })]);
  lab.events(2, [leads(0, 2, 1, 1)]);
  const report = lab.report();
  expect(renderText(report)).toMatch(/^kill server 2 +0 +0 +0 +102 +0 +0 +0 +20$/m);
  expect(renderText(report)).toContain(
    'felt 0: not felt; a stall of all requests under 50 ms would not show, nor a longer one of some.',
  );
  expect(renderHtml(report)).toMatch(/Faults<\/dt>\s*<dd>not felt/);
  expect(report.faults).toMatchObject([
    {
      led: false,
      detected_first_ms: 3,
      leader_first_ms: null,
      felt_ms: 0,
      recovered_ms: 0,
      unknown: { leader_all_ms: 'it was not the leader' },
    },
  ]);
});

test('a paused leader does not lead; two leaders at once are an interval', () => {
  lab.requests(load(6000));
  lab.ended(6010);
  lab.faults([fault(1000, 1, 'pause'), fault(3000, 1, 'resume')]);
  lab.events(1, [
    leads(-1, 1, 1, 1),
    event(3200, 1, { event: 'stepped_down', term: 2, leader_id: 2, reason: 'newer' }),
  ]);
  lab.events(2, [leads(2000, 2, 2, 2), event(5900, 2, { event: 'peer_up', peer_id: 1 })]);
  const { timeline, none, several } = lab.report().leaders!;
  expect(timeline.map(({ server_id, from, to }) => [server_id, from - T0, to - T0])).toEqual([
    [1, 0, 1000],
    [2, 2000, 6010],
    [1, 3000, 3200],
  ]);
  expect(none).toEqual([{ from: T0 + 1000, to: T0 + 2000 }]);
  expect(several).toEqual([{ from: T0 + 3000, to: T0 + 3200 }]);
});

test('a fault that began before the first request and was never healed is in the table, and its cost unknown', () => {
  lab.requests(load(6000));
  lab.faults([fault(-5000, 1, 'kill')]);
  const report = lab.report();
  expect(report.faults).toMatchObject([{ kind: 'kill', end: null, felt_ms: null, recovered_ms: null, requests: null }]);
  expect(report.slow_limits_ms).toEqual({ 'small.png': null });
  expect(renderText(report)).not.toContain('none during the run');
});

describe('felt and recovered', () => {
  const cost = () => lab.report().faults![0]!;

  test('a stall is felt, although nothing ends in it', () => {
    lab.requests(load(8000, (at) => (at >= 2000 && at < 5000 ? { latency_ms: 5000 - at } : {})));
    lab.faults([fault(2000, 1, 'pause'), fault(5000, 1, 'resume')]);
    expect(cost()).toMatchObject({ felt_ms: 3250, recovered_ms: 3250, bad_requests: 296, longest_ms: 3000 });
  });

  test('without enough requests, a fault is not calm but unknown', () => {
    lab.requests(
      load(8000, (at) => ({ image: at > 1900 && at < 5000 ? 'rare.png' : 'small.png' }))
        .filter((_, id) => id < 190 || id > 650)
        .map((each, id) => ({ ...each, request_id: id })),
    );
    lab.faults([fault(2000, 1, 'kill'), fault(4000, 1, 'restart')]);
    expect(cost()).toMatchObject({ felt_ms: null, unknown: { felt_ms: 'only 0 requests were due while it lasted' } });
  });

  test('unknown if the run ends, or the next fault begins, before a second of calm', () => {
    lab.requests(load(3000));
    lab.ended(3010);
    lab.faults([fault(2500, 1, 'kill')]);
    expect(cost()).toMatchObject({ end: null, recovered_ms: null, unknown: { recovered_ms: 'it was never healed' } });
    lab.faults([fault(500, 1, 'kill'), fault(600, 1, 'restart'), fault(1000, 2, 'kill'), fault(1200, 2, 'restart')]);
    expect(cost().unknown.recovered_ms).toMatch(/no calm second before the next fault$/);
  });

  test('slower, but within 1.5 times the p95 plus 10 ms before it, is good; beyond is bad', () => {
    lab.faults([fault(2000, 1, 'kill'), fault(7000, 1, 'restart')]);
    lab.requests(load(9000, (at) => (at >= 2000 && at < 7000 ? { latency_ms: 40 } : {})));
    expect(cost()).toMatchObject({ felt_ms: 0, recovered_ms: 0 });
    lab.requests(load(9000, (at) => (at >= 2000 && at < 7000 ? { latency_ms: 40.001 } : {})));
    expect(cost()).toMatchObject({ felt_ms: 5250, recovered_ms: 5250 });
  });

  test('each image has its own slow limit; one that was not seen before makes the cost unknown', () => {
    lab.faults([fault(2000, 1, 'kill'), fault(7000, 1, 'restart')]);
    lab.requests(load(9000, (at) => (at % 20 === 0 ? { image: 'large.png', latency_ms: 500 } : {})));
    expect(cost()).toMatchObject({ felt_ms: 0 });
    expect(lab.report().slow_limits_ms).toEqual({ 'small.png': 40, 'large.png': 760 });
    lab.requests(load(9000, (at) => (at === 3000 ? { image: 'new.png' } : {})));
    expect(cost()).toMatchObject({ felt_ms: null, recovered_ms: null, felt_at_least_ms: null, requests: null });
    expect(lab.report().slow_limits_ms).toEqual({ 'small.png': 40, 'new.png': null });
  });

  test('a configured limit counts, for all images or by image, also without a baseline', () => {
    lab.faults([fault(2000, 1, 'kill'), fault(7000, 1, 'restart')]);
    lab.requests(load(9000, (at) => (at >= 2000 && at < 7000 ? { latency_ms: 45 } : {})));
    const costAt = (slowLimitMs: SlowLimitSetting) => lab.report({ slowLimitMs }).faults![0]!;
    expect(costAt(45)).toMatchObject({ felt_ms: 0, bad_requests: 0 });
    expect(costAt(44)).toMatchObject({ felt_ms: 5250 });
    expect(costAt({ 'small.png': 44 })).toMatchObject({ felt_ms: 5250 });
    expect(costAt({ 'other.png': 1 })).toMatchObject({ felt_ms: 5250 });
    // No success before the fault.
    lab.faults([fault(5, 1, 'kill'), fault(7000, 1, 'restart')]);
    expect(costAt({ 'other.png': 1 }).felt_ms).toBeNull();
    expect(costAt({ '*': 45 })).toMatchObject({ felt_ms: 0, requests: 700 });
    // A gap in the baseline.
    lab.faults([fault(2000, 1, 'kill'), fault(7000, 1, 'restart')]);
    lab.requests(load(9000).filter((_, id) => id !== 50));
    expect(lab.report().slow_limits_ms).toEqual({ 'small.png': null });
    const fixed = lab.report({ slowLimitMs: 45 });
    expect(fixed).toMatchObject({ slow_limit_ms: 45, slow_limits_ms: { 'small.png': 45 }, faults: [{ felt_ms: 0 }] });
    expect(renderText(fixed)).toContain('slow_limit_ms fixes: 45 ms\n');
    expect(renderHtml(fixed)).toContain('Fixed by slow_limit_ms: 45 ms.');
  });

  test('faults that overlap share one time, and healing costs, too', () => {
    lab.faults([fault(2000, 1, 'kill'), fault(3000, 2, 'kill'), fault(4000, 1, 'restart'), fault(5000, 2, 'restart')]);
    lab.requests(load(9000, (at) => (at >= 5000 && at < 5500 ? { latency_ms: 300 } : {})));
    expect(lab.report().faults).toMatchObject([
      { shared: true, felt_ms: 1000, recovered_ms: 4000 },
      { shared: true, felt_ms: 1000, recovered_ms: 4000 },
    ]);
  });

  test('impossible times are ignored, and take no memory', () => {
    lab.requests([...load(3000), request(300, -T0), request(301, 8e15 - T0)]);
    lab.faults([fault(1000, 1, 'kill'), fault(1200, 1, 'restart')]);
    expect(cost()).toMatchObject({ felt_ms: 0 });
    expect(lab.report()).toMatchObject({ balance: { windows: 2 }, total_requests: 302 });
  });
});

describe('leaders', () => {
  const resumed = (at: number, by: number, lateMs: number) => event(at, by, { event: 'resumed', late_ms: lateMs });

  test('one stopped by hand does not lead while its process stands still, as its own file tells', () => {
    lab.requests(load(6000));
    lab.ended(6010);
    const down = event(3200, 1, { event: 'stepped_down', term: 2, leader_id: 2, reason: 'newer' });
    lab.events(1, [leads(-1, 1, 1, 1), resumed(3000, 1, 2000), down]);
    lab.events(2, [leads(2000, 2, 2, 2), event(5900, 2, { event: 'peer_up', peer_id: 1 })]);
    const byHand = lab.report().leaders!;
    expect(byHand.none).toEqual([{ from: T0 + 1000, to: T0 + 2000 }]);
    expect(byHand.several).toEqual([{ from: T0 + 3000, to: T0 + 3200 }]);
    // With the pause in the file of faults too, it is the same pause.
    lab.faults([fault(1000, 1, 'pause'), fault(2999, 1, 'resume')]);
    expect(lab.report().leaders!.several).toEqual([{ from: T0 + 2999, to: T0 + 3200 }]);
  });

  test('one that hears of another before it notices that it stood still leads no more, nor does a new lead end', () => {
    lab.requests(load(6000));
    lab.ended(6010);
    const down = event(2999, 1, { event: 'stepped_down', term: 2, leader_id: 2, reason: 'newer' });
    lab.events(1, [leads(-1, 1, 1, 1), down, resumed(3000, 1, 2000)]);
    lab.events(2, [leads(2000, 2, 2, 2), resumed(2001, 2, 1500), event(5900, 2, { event: 'peer_up', peer_id: 1 })]);
    const { timeline, several } = lab.report().leaders!;
    expect(timeline.map(({ server_id: id, from, to }) => [id, from - T0, to - T0])).toEqual([
      [1, 0, 1000],
      [2, 2000, 6010],
    ]);
    expect(several).toEqual([]);
  });

  const started = (at: number, by: number) => event(at, by, { event: 'started', incarnation: 'a', address: 'a' });
  const refused = (at: number, by: number, peer: number) =>
    event(at, by, { event: 'peer_down', peer_id: peer, reason: 'refused' });

  test('one killed by hand leads until a peer is refused, and two are told only while both were certainly alive', () => {
    lab.requests(load(6000));
    lab.ended(6010);
    lab.events(1, [started(-10, 1), leads(0, 1, 1, 1), leads(1900, 1, 1, 1)]);
    lab.events(2, [started(-10, 2), leads(5, 2, 1, 1), refused(2000, 2, 1), leads(2040, 2, 2, 2)]);
    const { timeline, none, several, terms } = lab.report().leaders!;
    expect(timeline.map(({ server_id: id, from, to }) => [id, from - T0, to - T0])).toEqual([
      [1, 0, 2000],
      [2, 2040, 6010],
    ]);
    expect({ none, several, terms }).toEqual({ none: [{ from: T0 + 2000, to: T0 + 2040 }], several: [], terms: 2 });
  });

  test('a refusal ends nothing if the server writes on: it was only out of reach', () => {
    lab.requests(load(6000));
    lab.ended(6010);
    lab.events(1, [started(-10, 1), leads(0, 1, 1, 1), event(5900, 1, { event: 'peer_up', peer_id: 2 })]);
    lab.events(2, [
      started(-10, 2),
      leads(5, 2, 1, 1),
      refused(2000, 2, 1),
      leads(2040, 2, 2, 2),
      leads(5950, 2, 2, 2),
    ]);
    expect(lab.report().leaders!.several).toEqual([{ from: T0 + 2040, to: T0 + 5900 }]);
  });

  test('what a missing file would tell is unknown', () => {
    lab.requests(load(6000));
    lab.ended(6010);
    lab.events(2, [started(-10, 2), leads(5, 2, 1, 1), leads(2040, 2, 2, 2)]);
    const unknown = 'there is no event file of server 1';
    expect(lab.report().leaders).toMatchObject({ terms: null, none: null, several: null, unknown });
    expect(renderText(lab.report())).toContain(`Several Leaders:      unknown: ${unknown}`);
    // It may have led, and may have been the first or the last to see a fault.
    lab.faults([fault(1000, 1, 'kill'), fault(3000, 1, 'restart'), fault(4000, 2, 'kill'), fault(4500, 2, 'restart')]);
    const seen = { detected_first_ms: null, detected_last_ms: null, leader_first_ms: null, leader_all_ms: null };
    expect(lab.report().faults).toMatchObject([
      { led: null, ...seen, unknown: { led: unknown, leader_first_ms: unknown } },
      { led: true, ...seen, unknown: { leader_all_ms: unknown } },
    ]);
    lab.remove('metrics/machine_1_run.json');
    lab.events(1, [started(-10, 1), leads(5950, 1, 2, 2)]);
    expect(lab.report().leaders).toMatchObject({
      terms: null,
      none: null,
      unknown: 'when the load ended is not known',
    });
  });
});

describe('an event file that does not tell all: who led is unknown', () => {
  const alive = (at: number, by: number) => event(at, by, { event: 'peer_up', peer_id: 3 - by });

  test('it ends before the run does, and no peer saw its server go', () => {
    lab.requests(load(6000));
    lab.ended(6010);
    lab.events(1, [leads(0, 1, 1, 1), sample(1000, 1), sample(2000, 1)]);
    lab.events(2, [leads(5, 2, 1, 1), alive(5900, 2)]);
    expect(lab.report().leaders).toMatchObject({
      none: null,
      unknown: 'the file of server 1 ends before the run does',
    });
    // A server that was killed by hand: a peer is refused at once.
    const refused = event(2500, 2, { event: 'peer_down', peer_id: 1, reason: 'refused' });
    lab.events(2, [leads(5, 2, 1, 1), refused, leads(2540, 2, 2, 2), alive(5900, 2)]);
    expect(lab.report().leaders).toMatchObject({ none: [{ from: T0 + 2000, to: T0 + 2540 }], unknown: null });
  });

  test('others followed it, and it does not tell that it led', () => {
    lab.requests(load(6000));
    lab.ended(6010);
    lab.events(1, [alive(0, 1), alive(5900, 1)]);
    lab.events(2, [leads(5, 2, 1, 1), alive(5900, 2)]);
    const unknown = 'the file of server 1 does not tell that it led in term 1';
    expect(lab.report().leaders).toMatchObject({ none: null, several: null, terms: null, unknown });
  });
});

describe('a file of faults that does not tell all', () => {
  test('one that was named and is not there: who led, and all phases, are unknown, with the true reason', () => {
    lab.requests(load(3000));
    lab.ended(3010);
    lab.events(1, [leads(-1, 1, 1, 1), event(2900, 1, { event: 'peer_up', peer_id: 1 })]);
    const faults = path.join(lab.folder, 'gone.ndjson');
    const inputs = (required: boolean) =>
      readInputs({
        collected: collectLocal([path.join(lab.folder, 'metrics')]),
        faults: { path: faults, required },
        events: [{ path: lab.folder, required: false }],
      });
    const report = buildReport(inputs(true), { thresholds: [] });
    expect(report.leaders).toMatchObject({ none: null, several: null, unknown: 'there is no file of faults' });
    expect(report.phases).toMatchObject([{ requests: 300, failed: null }]);
    expect(renderText(report)).toContain('unknown: there is no file of faults');
    const unnamed = buildReport(inputs(false), { thresholds: [] });
    expect(unnamed.leaders).toMatchObject({ none: [], several: [] });
    expect(unnamed.phases).toMatchObject([{ failed: 0 }]);
  });

  test('one of a run, which makes faults, that is not there', () => {
    lab.requests(load(3000));
    lab.events(1, [leads(-1, 1, 1, 1), event(2900, 1, { event: 'peer_up', peer_id: 1 })]);
    lab.write('metrics/machine_1_run.json', runFile({ command_line: ['cloudp2p', 'run'], ended_by: 'caller' }));
    expect(lab.report().leaders).toMatchObject({ none: null, several: null, unknown: 'there is no file of faults' });
    lab.write('fault_events.ndjson', '');
    expect(lab.report().leaders!.unknown).toBeNull();
  });

  test('a pause without its heal: its server may have led again', () => {
    lab.requests(load(3000));
    lab.ended(3010);
    lab.events(1, [leads(-1, 1, 1, 1), event(2900, 1, { event: 'peer_up', peer_id: 1 })]);
    lab.faults([fault(1000, 1, 'pause')]);
    const unknown = 'of the pause of server 1, the heal is missing in the file of faults';
    expect(lab.report().leaders).toMatchObject({ none: null, several: null, unknown });
  });

  test('a heal of a fault without a line: a fault of unknown cost', () => {
    lab.requests(load(9000, (at) => (at >= 2000 && at < 5000 ? { latency_ms: 3000 } : {})));
    lab.write('fault_events.ndjson', `${JSON.stringify(fault(5000, 2, 'restart'))}\n`);
    const report = lab.report({ thresholds: [parseThreshold('felt<10s'), parseThreshold('recovery<10s')] });
    expect(report.faults).toMatchObject([{ kind: 'kill', server_id: 2, felt_ms: null, recovered_ms: null }]);
    expect(report.thresholds.map(({ passed }) => passed)).toEqual([false, false]);
  });

  test('damaged lines may have been any fault', () => {
    lab.requests(load(9000));
    const lines = [fault(2000, 1, 'kill', { outcome: 'started' }), fault(2010, 1, 'kill'), fault(6000, 1, 'restart')];
    const text = lines.map((each) => `${JSON.stringify(each)}\n`).join('');
    lab.write('fault_events.ndjson', text);
    expect(lab.report().faults).toMatchObject([{ felt_ms: 0 }]);
    lab.write('fault_events.ndjson', `${text}{"time":1\n`);
    expect(lab.report().faults).toMatchObject([{ felt_ms: null, detected_first_ms: null }]);
    lab.write('fault_events.ndjson', '{"time":1\n');
    expect(lab.report().faults).toBeNull();
  });

  test('one of another time says nothing of this run; an empty one says that there was none', () => {
    lab.requests(load(3000));
    lab.faults([fault(60_000, 1, 'kill'), fault(64_000, 1, 'restart')]);
    expect(lab.report().faults).toBeNull();
    lab.write('fault_events.ndjson', '');
    expect(lab.report().faults).toEqual([]);
  });
});
