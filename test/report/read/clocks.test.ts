import path from 'node:path';
import type { ClockNote } from '../../../src/core/metrics/record';
import { buildReport } from '../../../src/report/analyze/build';
import { collectLocal } from '../../../src/report/collect/collect';
import { readInputs } from '../../../src/report/read/files/read';
import type { Report } from '../../../src/report/report';
import { event, fault, generated, lines, request, T0, useLab } from '../lab';

const lab = useLab();
const HOUR = 3_600_000;
const GENERATOR = 'metrics/machine_1_generator.ndjson';
/** The boot time of the machine that writes the notes. */
const BOOT = T0 - 1_000_000;

/**
 * The clocks of a process at `at` ms into the run: its own time is `behind` ms late because the wall clock was wrong by
 * that much at its start; now the wall clock is wrong by `wrong` ms.
 */
interface Moment {
  at: number;
  behind?: number;
  wrong?: number;
  slept?: number;
  /** null: the first note. */
  by: number | null;
  boot?: string | null;
}

function note({ at, behind = 0, wrong = 0, slept = 0, by, boot = 'boot-1' }: Moment): { time: number } & ClockNote {
  const time = T0 + at - behind;
  const machine_ms = T0 + at - slept - BOOT;
  return { time, by_ms: by, ahead_ms: T0 + at - wrong - time, machine_ms, suspended_ms: slept, boot_id: boot };
}

const noteOf = (serverId: number, moment: Moment): object => {
  const { time, ...rest } = note(moment);
  return { time, server_id: serverId, event: 'clock', ...rest };
};
const lineOf = (moment: Moment): object => ({ ...note(moment), event: 'clock', run_id: 'run-1' });

const start = (at: number, serverId: number): object =>
  event(at, serverId, { event: 'started', incarnation: 'i', address: 'a:1' });
const leads = (at: number, serverId: number, leaderId: number, term: number): object =>
  event(at, serverId, { event: 'leader', term, leader_id: leaderId, reason: 'won' });
const down = (at: number, serverId: number, peerId: number): object =>
  event(at, serverId, { event: 'peer_down', peer_id: peerId, reason: 'refused' });

/** Writes requests for 12 s; server 1 is killed after 4 s and restarted after 6. */
function load(more: readonly object[] = []): void {
  lab.requests(Array.from({ length: 120 }, (_, index) => request(index + 1, index * 100)));
  lab.write(GENERATOR, lines([lineOf({ at: 0, by: null, boot: 'boot-load' }), ...more, generated(12_000)]));
}

function faults(more: readonly object[] = []): void {
  const begun = fault(4000, 1, 'kill', { outcome: 'started' });
  const all = [begun, fault(4010, 1, 'kill'), fault(6000, 1, 'restart'), ...more];
  lab.faults([lineOf({ at: 0, by: null, boot: 'boot-load' }), ...all]);
}

/** Writes the events of servers 2 and 3, `behind` ms late; they notice after 150 ms, and follow 2 after 300. */
function survivors(behind: number, notesOf: (serverId: number) => object[], first: Partial<Moment> = {}): void {
  for (const id of [2, 3]) {
    const told = [start(-9000 - behind, id), noteOf(id, { at: -9000, behind, wrong: behind, by: null, ...first })];
    const seen = [leads(-8000 - behind, id, 1, 1), down(4150 - behind, id, 1), leads(4300 - behind, id, 2, 2)];
    lab.events(id, [...told, ...seen, ...notesOf(id)]);
  }
}

const leader = (behind: number): object[] => [
  start(-9000 - behind, 1),
  noteOf(1, { at: -9000, behind, wrong: behind, by: null, boot: 'boot-1' }),
  leads(-8000 - behind, 1, 1, 1),
];

function expectRight(report: Report): void {
  const [only, ...others] = report.faults!;
  expect(others).toEqual([]);
  expect(only).toMatchObject({
    led: true,
    detected_first_ms: 150,
    detected_last_ms: 150,
    leader_first_ms: 300,
    leader_all_ms: 300,
    unknown: {},
  });
  // All requests took 20 ms: known, and not felt.
  expect(only).toMatchObject({ felt_ms: 0, recovered_ms: 0, bad_requests: 0, failed: 0, longest_ms: 20 });
  const timeline = [
    { server_id: 1, to: T0 + 4000 },
    { server_id: 2, from: T0 + 4300 },
  ];
  expect(report.leaders).toMatchObject({ timeline });
}

const clockTexts = ({ self_check: texts }: Report): string[] => texts.filter((text) => /clock of|suspended/.test(text));

describe('servers that were started two hours behind and corrected later', () => {
  const behind = 2 * HOUR;
  const set = (id: number, at = 7000): object =>
    noteOf(id, { at, behind, by: behind, boot: id === 1 ? 'boot-1' : `boot-${id}` });
  const everywhere = (id: number): object[] => [set(id)];
  const ownBoots = (notesOf: (id: number) => object[]): void => {
    for (const id of [2, 3]) {
      const told = [
        start(-9000 - behind, id),
        noteOf(id, { at: -9000, behind, wrong: behind, by: null, boot: `boot-${id}` }),
      ];
      const seen = [leads(-8000 - behind, id, 1, 1), down(4150 - behind, id, 1), leads(4300 - behind, id, 2, 2)];
      lab.events(id, [...told, ...seen, ...notesOf(id)]);
    }
  };

  test('each on its own machine: earlier times are corrected, which is reported', () => {
    load();
    faults();
    lab.events(1, [...leader(behind), start(6000, 1), noteOf(1, { at: 6000, by: null }), leads(6100, 1, 2, 2)]);
    ownBoots(everywhere);
    const report = lab.report();
    expectRight(report);
    const at = (id: number): string => path.join(lab.folder, `server_${id}_events.ndjson`);
    expect(clockTexts(report)).toEqual([
      `The clock of server 1 was set forward by 7200.0 s some time before its process began at 2025-10-31T10:00:06.000Z (${at(1)}): earlier times are corrected by this amount.`,
      `The clock of server 2 and server 3 was set forward by 7200.0 s at 2025-10-31T10:00:07.000Z (${at(2)}, ${at(3)}): earlier times are corrected by this amount.`,
    ]);
    expect(report.clock_changes).toHaveLength(3);
  });

  test('a server killed before and never restarted is corrected by others of its machine', () => {
    load();
    faults();
    lab.events(1, leader(behind));
    survivors(behind, (id) => [noteOf(id, { at: 7000, behind, by: behind })], { boot: 'boot-1' });
    expectRight(lab.report());
  });

  test("a load and faults that ended before their machine's clock was corrected", () => {
    lab.requests(Array.from({ length: 120 }, (_, index) => request(index + 1, index * 100 - behind)));
    const early = { behind, wrong: behind, by: null };
    lab.write(GENERATOR, lines([lineOf({ at: 0, ...early }), generated(12_000 - behind)]));
    const before = { time: T0 + 4000 - behind };
    const all = [fault(0, 1, 'kill', { ...before, outcome: 'started' }), fault(4010 - behind, 1, 'kill')];
    lab.faults([lineOf({ at: 0, ...early }), ...all, fault(6000 - behind, 1, 'restart')]);
    lab.events(1, leader(behind));
    survivors(behind, (id) => [noteOf(id, { at: 30_000, behind, by: behind })], { boot: 'boot-1' });
    const report = lab.report();
    expectRight(report);
    expect(report.faults![0]!.start).toBe(T0 + 4000);
    expect(clockTexts(report).join('\n')).toContain('the load of machine 1');
  });

  test('set back and forth: no time moves, both steps are reported', () => {
    load();
    faults();
    lab.events(1, leader(0));
    const wrong = (id: number): object[] => [
      noteOf(id, { at: 5000, wrong: HOUR, by: -HOUR, boot: `boot-${id}` }),
      noteOf(id, { at: 8000, by: HOUR, boot: `boot-${id}` }),
    ];
    for (const id of [2, 3]) {
      const told = [start(-9000, id), noteOf(id, { at: -9000, by: null, boot: `boot-${id}` })];
      lab.events(id, [...told, leads(-8000, id, 1, 1), down(4150, id, 1), leads(4300, id, 2, 2), ...wrong(id)]);
    }
    const report = lab.report();
    expectRight(report);
    expect(clockTexts(report)).toMatchObject(
      [/set back by 3600\.0 s/, /set forward by 3600\.0 s/].map((text) => expect.stringMatching(text)),
    );
  });

  test('combined with the offset that SSH measures before or after the correction', () => {
    load();
    faults();
    const far = 90_000;
    // The wall clocks of the servers are 90 s ahead at the end, when SSH reads them.
    for (const id of [1, 2, 3]) {
      const told = [
        start(-9000 - behind, id),
        noteOf(id, { at: -9000, behind, wrong: behind, by: null, boot: `boot-${id}` }),
      ];
      const seen =
        id === 1
          ? [leads(-8000 - behind, 1, 1, 1)]
          : [leads(-8000 - behind, id, 1, 1), down(4150 - behind, id, 1), leads(4300 - behind, id, 2, 2)];
      // Server 3 went down before its clock was set: only its machine knows.
      const later =
        id === 3 ? [] : [noteOf(id, { at: 7000, behind, wrong: -far, by: behind + far, boot: `boot-${id}` })];
      lab.events(id, [...told, ...seen, ...later]);
    }
    const places = [1, 2, 3].map((id) => {
      return { path: path.join(lab.folder, `server_${id}_events.ndjson`), required: true, offsetMs: far + id };
    });
    // Each machine's clock is as far ahead of this one's as its files say.
    const machines = [1, 2, 3].map((id) => ({ bootId: `boot-${id}`, startMs: BOOT + far + id, offsetMs: far + id }));
    const inputs = readInputs({
      collected: collectLocal([path.join(lab.folder, 'metrics')]),
      faults: { path: path.join(lab.folder, 'fault_events.ndjson'), required: true },
      events: places,
      machines,
    });
    const [only] = buildReport(inputs, { thresholds: [] }).faults!;
    expect(only!.led).toBe(true);
    expect(Math.abs(only!.detected_first_ms! - 150)).toBeLessThan(5);
    expect(Math.abs(only!.leader_all_ms! - 300)).toBeLessThan(5);
  });
});

describe('uncorrectable times are unknown, with the reason', () => {
  const others = (): void => {
    load();
    faults();
    lab.events(1, leader(0));
  };

  test('a clock that drifts', () => {
    others();
    // The clocks drift during the ten minutes since the first note.
    survivors(0, (id) => [noteOf(id, { at: 7000, wrong: -55, by: 55 })], { at: -600_000 });
    const report = lab.report();
    const why = 'the clock of server 2 drifted by 55 ms';
    expect(report.faults![0]).toMatchObject({
      led: null,
      detected_first_ms: null,
      detected_last_ms: null,
      leader_first_ms: null,
      leader_all_ms: null,
      unknown: { led: expect.stringContaining('drifted') as string },
    });
    expect(report.leaders).toBeNull();
    expect(report.self_check.join('\n')).toContain(`Times of different machines may be wrong (${why}`);
    expect(report.faults![0]).toMatchObject({ felt_ms: 0, recovered_ms: 0 });
  });

  test('a suspended laptop: later times are right, times during the suspension unknown', () => {
    others();
    const slept = 600_000;
    const sleep = (at: number) => (id: number) => [
      noteOf(id, { at: at + slept, behind: slept, slept, by: slept }),
      // The time that the process writes: its own clock stood still.
      down(at + 100, id, 3),
    ];
    survivors(0, sleep(4000));
    expect(lab.report().faults![0]).toMatchObject({ detected_first_ms: null, led: null });
    expect(clockTexts(lab.report()).join('\n')).toMatch(/The machine of server 2.*suspended for 600\.0 s/);
    // A suspension long before the run changes nothing.
    for (const id of [2, 3]) {
      const told = [start(-9000 - slept - 100_000, id), noteOf(id, { at: -9000 - slept - 100_000, by: null })];
      const seen = [leads(-8000 - slept, id, 1, 1), down(4150 - slept, id, 1), leads(4300 - slept, id, 2, 2)];
      const awake = noteOf(id, { at: -50_000, behind: slept, slept, by: slept });
      lab.events(id, [...told, awake, ...seen]);
    }
    lab.events(1, [start(-9000, 1), noteOf(1, { at: -9000, by: null, boot: 'boot-other' }), leads(-8000, 1, 1, 1)]);
    expectRight(lab.report());
  });

  test('a load without notes, beside others whose clock was set', () => {
    others();
    survivors(2 * HOUR, (id) => [noteOf(id, { at: 7000, behind: 2 * HOUR, by: 2 * HOUR })]);
    lab.write(GENERATOR, lines([generated(12_000)]));
    const { faults: all } = lab.report();
    expect(all![0]).toMatchObject({ felt_ms: null, recovered_ms: null });
    expect(all![0]!.unknown.recovered_ms).toBe('a clock was set, and the load of machine 1 wrote no clock notes');
    expect(lab.report({ thresholds: [] }).self_check.join('\n')).toContain('wrote no clock notes');
  });

  test('on one machine nothing is unknown: its processes share the clock', () => {
    const one = { boot: 'boot-1' };
    lab.requests(Array.from({ length: 120 }, (_, index) => request(index + 1, index * 100)));
    const notes = [lineOf({ at: -600_000, by: null, ...one }), lineOf({ at: 7000, wrong: -55, by: 55, ...one })];
    lab.write(GENERATOR, lines([...notes, generated(12_000)]));
    const all = [fault(4000, 1, 'kill', { outcome: 'started' }), fault(4010, 1, 'kill'), fault(6000, 1, 'restart')];
    lab.faults([...notes, ...all]);
    const seen = noteOf(1, { at: 7000, wrong: -55, by: 55 });
    lab.events(1, [start(-600_000, 1), noteOf(1, { at: -600_000, by: null }), leads(-8000, 1, 1, 1), seen]);
    survivors(0, (id) => [noteOf(id, { at: 7000, wrong: -55, by: 55 })], { at: -600_000 });
    const report = lab.report();
    // All times come from one clock, so the final wall clock counts.
    expect(report.leaders!.timeline).toMatchObject([{ to: T0 + 4000 + 55 }, { from: T0 + 4300 + 55 }]);
    expect(report.faults![0]).toMatchObject({ led: true, detected_first_ms: 150, leader_all_ms: 300, unknown: {} });
  });
});

test('without notes times are used unchanged, and nothing is reported', () => {
  lab.requests([request(1, 0), request(2, 9000)]);
  lab.faults([fault(4000, 1, 'kill', { outcome: 'started' }), fault(4010, 1, 'kill'), fault(6000, 1, 'restart')]);
  lab.events(2, [start(-9000, 2), leads(-8000, 2, 1, 1), down(4150, 2, 1)]);
  lab.events(1, [start(-9000, 1), leads(-8000, 1, 1, 1)]);
  const report = lab.report();
  expect(report.faults![0]).toMatchObject({ led: true, detected_first_ms: 150 });
  expect(report.clock_changes).toEqual([]);
  expect(clockTexts(report)).toEqual([]);
});

test('damaged notes are damaged lines, and change nothing', () => {
  load([{ ...lineOf({ at: 5000, by: 2 * HOUR, wrong: -2 * HOUR, boot: 'boot-load' }), ahead_ms: 'much' }]);
  lab.faults([{ ...lineOf({ at: 0, by: null }), machine_ms: null }, fault(4000, 1, 'kill')]);
  lab.events(1, [...leader(0), { ...noteOf(1, { at: 5000, by: 1e9 }), boot_id: 7 }]);
  const { inputs, clock_changes: changes } = lab.report();
  expect(changes).toEqual([]);
  expect(inputs.files.filter(({ badLines }) => badLines === 1).map(({ kind }) => kind)).toEqual([
    'faults',
    'generator',
    'events',
  ]);
});
