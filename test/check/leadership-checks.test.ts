import type { History } from '../../src/check/history';
import { checkAgreement } from '../../src/check/agreement-check';
import { settleMs } from '../../src/check/history';
import { checkOneLeader, checkStability } from '../../src/check/leadership-checks';
import { checkCrashSeen } from '../../src/check/crash-check';
import { at, down, fault, history, judged, leads, noLeader, ONE_WAY_MS, SETTLE_MS, up } from './histories';

type Case = [string, History, string | RegExp];

test('the bound is failure timeout + election timeout + two heartbeats', () => {
  expect(settleMs(history())).toBe(SETTLE_MS);
});

/** 2 leads term 2 from 20,000 on; 1 leads term 1 until `ms` later. */
const bothLead = (ms: number) => [leads(20_000, 2, 2, 2), leads(20_000 + ms, 1, 2, 2), leads(20_000 + ms, 3, 2, 2)];
/** 1 stands still while its link is cut and healed. */
const HEALED_MEANWHILE = [
  fault(17_000, 'pause', 1),
  fault(17_001, 'partition', 1),
  fault(17_002, 'heal', 1),
  fault(19_800, 'resume', 1),
];
const deaf = [down(19_000, 1, 2), down(19_000, 2, 1)];

it.each<Case>([
  ['one leader', history(), 'S1 holds'],
  ['two for a message each way', history(bothLead(2 * ONE_WAY_MS)), 'S1 holds'],
  [
    'two for longer',
    history(bothLead(2 * ONE_WAY_MS + 1)),
    /S1: servers 1 \(term 1\) and 2 \(term 2\).*20000.0 to 20021.0/,
  ],
  ['two that do not hear each other', history([...deaf, ...bothLead(5000)]), 'S1 holds'],
  ['two of which one does not hear the other', history([down(19_000, 2, 1), ...bothLead(5000)]), 'S1 holds'],
  [
    'two, one of them stopped',
    history(bothLead(5000), [fault(18_000, 'pause', 1), fault(25_000, 'resume', 1)]),
    'S1 holds',
  ],
  [
    'two for a second after one was stopped: its connections may be lost',
    history(bothLead(500), [fault(18_000, 'pause', 1), fault(19_900, 'resume', 1)]),
    'S1 holds',
  ],
  ['two while a link is cut', history(bothLead(5000), [fault(18_000, 'partition', 1)]), 'S1 holds'],
  [
    'two, of which one stood still when the link was healed: it dials again only when it runs',
    history(bothLead(500), HEALED_MEANWHILE),
    'S1 holds',
  ],
  ['two, for longer than that', history(bothLead(5000), HEALED_MEANWHILE), /S1: /],
  ['two, long after a pause', history(bothLead(5000), [fault(1000, 'pause', 1), fault(2000, 'resume', 1)]), /S1: /],
  ['two, long after a heal', history(bothLead(5000), [fault(1000, 'partition', 1), fault(2000, 'heal', 1)]), /S1: /],
  [
    'a former life and a new leader',
    history([leads(20_000, 2, 2, 2), leads(20_000, 3, 2, 2)], [fault(19_990, 'kill', 1)]),
    'S1 holds',
  ],
])('S1: %s', (_, run, expected) => {
  expect(judged(checkOneLeader(run))).toMatch(expected);
});

/** The leader is killed, the others elect 2, and it comes back and joins. */
const KILLED = [fault(20_000, 'kill', 1), fault(40_000, 'restart', 1)];
const REPLACED = [
  leads(20_300, 2, 2, 2),
  leads(20_300, 3, 2, 2),
  at(40_000, 1, { event: 'started', incarnation: 'b', address: '' }),
];
const JOINED = leads(40_500, 1, 2, 2);
const HEALED = [fault(20_000, 'partition', 1), fault(40_000, 'heal', 1)];
const AFTER_MS = 40_000 + SETTLE_MS + ONE_WAY_MS;

it.each<Case>([
  ['nothing happens', history(), 'S2 holds'],
  ['a restarted leader joins', history([...REPLACED, JOINED], KILLED), 'S2 holds'],
  ['it joins just in time', history([...REPLACED, leads(AFTER_MS, 1, 2, 2)], KILLED), 'S2 holds'],
  [
    'it joins too late',
    history([...REPLACED, leads(AFTER_MS + 1, 1, 2, 2)], KILLED),
    /S2: .*follow no leader and 2 in term 2/,
  ],
  ['it never joins', history(REPLACED, KILLED), /S2: live servers 1, 2, 3 follow no leader/],
  [
    'it follows another',
    history([...REPLACED, leads(40_500, 1, 3, 2)], KILLED),
    /S2: .*follow 3 in term 2 and 2 in term 2/,
  ],
  [
    'it follows in another term',
    history([...REPLACED, leads(40_500, 1, 2, 1)], KILLED),
    /S2: .*follow 2 in term 1 and 2 in term 2/,
  ],
  ['it is not back', history([leads(20_300, 2, 2, 2), leads(20_300, 3, 2, 2)], [KILLED[0]!]), 'S2 holds'],
  [
    'nobody leads',
    history(
      [1, 2, 3].map((id) => noLeader(20_500, id, 2)),
      HEALED,
    ),
    /S2: live servers 1 follow no leader at/,
  ],
  [
    'one of them changes later',
    history([...REPLACED, JOINED, leads(60_000, 3, 3, 3)], KILLED),
    /S2: server 3 changed its leader again at 60000.0/,
  ],
  ['the run ends before the bound', history(REPLACED, KILLED, [], { endMs: AFTER_MS - 1 }), 'S2 holds'],
])('S2: %s', (_, run, expected) => {
  expect(judged(checkAgreement(run))).toMatch(expected);
});

describe('S2, the time to open links', () => {
  const paused = [fault(20_000, 'pause', 1), fault(30_000, 'resume', 1)];
  const replaced = [leads(25_000, 2, 2, 2), leads(25_000, 3, 2, 2)];
  it.each<Case>([
    ['is a second', history([...replaced, leads(31_000, 1, 2, 2)], paused), 'S2 holds'],
    [
      'is no more',
      history([...replaced, leads(31_100, 1, 2, 2)], paused),
      /S2: live servers 1, 2, 3 follow 1 in term 1 and 2 in term 2 at 31010.0/,
    ],
    [
      'is longer if all of them stood still, and nobody saw what happened meanwhile',
      history(
        [leads(34_000, 2, 2, 2)],
        [fault(5000, 'kill', 3), fault(20_000, 'pause', 2), fault(20_500, 'pause', 1), fault(30_000, 'resume', 2)],
      ),
      'S2 holds',
    ],
  ])('%s', (_, run, expected) => expect(judged(checkAgreement(run))).toMatch(expected));
});

describe('S2, a server that comes back', () => {
  const CRASHED = fault(20_000, 'kill', 3);
  const faults = [CRASHED, fault(60_000, 'restart', 3)];
  const started = at(60_000, 3, { event: 'started', incarnation: 'b', address: '' });
  const joined = leads(60_500, 3, 1, 1);
  const unseats = [started, ...[1, 2, 3].map((id) => leads(60_500, id, 3, 2))];
  it.each<Case>([
    ['joins the leader that its peers follow', history([started, joined], faults), 'S2 holds'],
    ['does not unseat it', history(unseats, faults), /S2: the restart of 3 unseated 1 at 60500.0/],
    [
      'does not unseat it after it stood still at its start',
      history(
        [{ ...started, time: 58_000 }, leads(60_000, 3, 3, 1), leads(60_001, 1, 3, 1), leads(60_001, 2, 3, 1)],
        [CRASHED, fault(58_000, 'restart', 3), fault(58_001, 'pause', 3), fault(60_000, 'resume', 3)],
      ),
      /S2: the resume of 3 unseated 1 at 60001.0/,
    ],
  ])('%s', (_, run, expected) => expect(judged(checkAgreement(run))).toMatch(expected));
});

const CRASH = [fault(20_000, 'kill', 3)];
const BOUND_MS = 250 + 4 * ONE_WAY_MS;
const noticed = (first: number, second: number) => [down(20_000 + first, 1, 3), down(20_000 + second, 2, 3)];

it.each<Case>([
  ['is seen by all of them', history(noticed(1, BOUND_MS), CRASH), 'S3 holds'],
  [
    'is seen late by one',
    history(noticed(1, BOUND_MS + 1), CRASH),
    /S3: server 2 had not detected within 290 ms that server 3 was killed at 20000.0/,
  ],
  ['is seen by none', history([], CRASH), /S3: server 1 .* \| server 2 /],
  ['is waited out', history(noticed(5000, 5000), CRASH), /S3: /],
  ['that failed is none', history([], [fault(20_000, 'kill', 3, 'failed')]), 'S3 holds'],
  ['need not be seen by who did not hear it', history([down(19_000, 2, 3), down(20_001, 1, 3)], CRASH), 'S3 holds'],
  [
    'need not be seen by who is stopped',
    history([down(20_001, 1, 3)], [fault(10_000, 'pause', 2), ...CRASH]),
    'S3 holds',
  ],
  [
    'need not be seen by who is dead',
    history([down(20_001, 1, 3)], [fault(20_000, 'kill', 2), ...CRASH]),
    /S3: server 1 .* server 2/,
  ],
  ['behind a cut is another matter', history([], [fault(10_000, 'partition', 3), ...CRASH]), 'S3 holds'],
  [
    'behind a cut of one of them is another matter for that one',
    history([], [fault(10_000, 'partition', 1), ...CRASH]),
    /^S3: server 2 [^|]*$/,
  ],
  [
    'beside a pause is another matter for the paused one',
    history([], [...CRASH, fault(20_100, 'pause', 2)]),
    /^S3: server 1 [^|]*$/,
  ],
  [
    'is judged once a cut is healed',
    history([], [fault(5000, 'partition', 1), fault(6000, 'heal', 1), ...CRASH]),
    /S3: /,
  ],
])('S3: a crash %s', (_, run, expected) => {
  expect(judged(checkCrashSeen(run))).toMatch(expected);
});

const CUT = [fault(20_000, 'partition', 1)];
const LATE_MS = 20_000 + SETTLE_MS + ONE_WAY_MS;

it.each<Case>([
  ['nothing changes', history([], CUT), 'S8 holds'],
  ['it changes within the bound', history([noLeader(20_100, 2, 2), leads(LATE_MS, 2, 2, 2)], CUT), 'S8 holds'],
  [
    'a leader comes after the bound',
    history([leads(LATE_MS + 1, 2, 2, 2)], CUT),
    /S8: server 2: leader in term 2 at 29011.0/,
  ],
  ['an election comes after the bound', history([noLeader(50_000, 2, 2)], CUT), /S8: server 2: election in term 2/],
  [
    'a leader steps down after the bound',
    history([at(50_000, 1, { event: 'stepped_down', term: 2, leader_id: 2, reason: '' })], CUT),
    /S8: server 1: stepped_down in term 2/,
  ],
  ['peers come and go', history([down(50_000, 2, 3), up(51_000, 2, 3)], CUT), 'S8 holds'],
  ['another fault comes', history([leads(50_100, 2, 2, 2)], [...CUT, fault(50_000, 'kill', 3)]), 'S8 holds'],
  ['another fault comes out of reach', history([leads(50_100, 2, 2, 2)], [...CUT, fault(50_000, 'kill', 1)]), /S8: /],
  ['without any fault', history([leads(50_000, 2, 2, 2)]), /S8: /],
  ['under loss, which is silence at random', history([leads(50_000, 2, 2, 2)], [fault(20_000, 'loss', 1)]), 'S8 holds'],
  ['under delay alone', history([leads(50_000, 2, 2, 2)], [fault(20_000, 'delay', 1)]), /S8: /],
])('S8: %s', (_, run, expected) => {
  expect(judged(checkStability(run))).toMatch(expected);
});
