/** Renders the cost of each fault, as strips and as a table. */
import type { FaultReport, Measure, Report } from '../../report';
import { absent, capped, htmlTable, part } from './elements';
import { duration, figure, length, whole } from './format';
import { baselineText, unfeltText, MEASURES } from '../sections-cluster';
import { SHARED_NOTE, sharedMarks } from '../shared-faults';
import { whyNoFaults } from '../why-unknown';
import { type Content, html, type Html } from './template';

const MAX_ROWS = 100;
type Step = { key: Exclude<Measure, 'led'>; name: string };
/** The moments marked on a strip. */
const STEPS: readonly Step[] = [
  { key: 'detected_first_ms', name: 'detected' },
  { key: 'leader_first_ms', name: 'next leader' },
  { key: 'leader_all_ms', name: 'all follow' },
  { key: 'recovered_ms', name: 'recovered' },
];
/** The measures that servers told. */
const SEEN: readonly Step[] = [
  { key: 'detected_first_ms', name: 'detected' },
  { key: 'detected_last_ms', name: 'by all' },
  { key: 'leader_first_ms', name: 'next leader' },
  { key: 'leader_all_ms', name: 'all follow' },
];

export function faultParts(report: Report, zeroMs: number): Content {
  const { faults } = report;
  if (faults === null) return absent(`Unknown: ${whyNoFaults(report)}.`);
  if (faults.length === 0) return absent('There was no fault during the run.');
  const { shown, rest } = capped(faults, MAX_ROWS);
  const whys: string[] = [];
  return [
    part('Duration of effects', strips(shown)),
    part('Cost of each fault', [costTable(shown, sharedMarks(faults), zeroMs, whys), rest, captionOf(report)]),
    part('Seen by the servers', seenTable(shown, whys)),
    reasons(whys),
  ];
}

/** Draws a line for each fault on a common scale, with a mark at each measure. */
function strips(faults: readonly FaultReport[]): Html {
  const times = faults.flatMap((fault) =>
    STEPS.flatMap(({ key }) => (fault[key] === null ? [] : [Number(fault[key])])),
  );
  if (times.length === 0) return absent('Unknown: no duration of any fault is known.');
  const most = times.reduce((max, ms) => Math.max(max, ms), 1);
  const place = (ms: number): string => ((ms / most) * 100).toFixed(2);
  const rows = faults.map((fault) => {
    const known = STEPS.flatMap(({ key, name }, step) =>
      fault[key] === null ? [] : [{ name, step, ms: Number(fault[key]) }],
    );
    const last = known.reduce((max, { ms }) => Math.max(max, ms), 0);
    const marks = known.map(
      ({ name, step, ms }) =>
        html`<i class="step s${step}" style="left:${place(ms)}%" title="${name} after ${duration(ms)}"></i>`,
    );
    const isOpen = fault.recovered_ms === null;
    const reach = html`<span class="reach${isOpen && ' open'}" style="width:${place(last)}%"></span>`;
    return html`<li>
      <span>${title(fault)}</span>
      <span class="strip">${reach}${marks}</span>
      <b>${isOpen ? 'unknown' : duration(last)}</b>
    </li> `;
  });
  const key = STEPS.map(({ name }, step) => html`<li><i class="step s${step}"></i> ${name}</li>`);
  return html`<ul class="legend still">
      ${key}
    </ul>
    <ul class="strips">
      ${rows}
    </ul> `;
}

function costTable(faults: readonly FaultReport[], marks: readonly string[], zeroMs: number, whys: string[]): Html {
  const rows = faults.map((fault, at) => [
    `${title(fault)} ${marks[at]}`,
    figure((fault.start - zeroMs) / 1000),
    fault.end === null ? 'never healed' : length((fault.end - fault.start) / 1000),
    fault.felt_ms !== null ? figure(fault.felt_ms) : [unknown('felt_ms', fault, whys), leastText(fault)],
    fault.recovered_ms !== null ? figure(fault.recovered_ms) : unknown('recovered_ms', fault, whys),
    ...[fault.bad_requests, fault.requests, fault.failed, fault.retried, fault.hedged].map((count) =>
      count === null ? '–' : whole(count),
    ),
    figure(fault.requests === 0 ? null : fault.longest_ms),
  ]);
  const counts = ['bad', 'of requests', 'failed', 'retried', 'hedged', 'longest, ms'];
  const columns = ['Fault', 'at, s', 'lasted', 'felt, ms', 'recovered, ms', ...counts];
  return htmlTable({ label: 'Cost of each fault', columns, rows });
}

function seenTable(faults: readonly FaultReport[], whys: string[]): Html {
  const rows = faults.map((fault) => [
    title(fault),
    fault.led === null ? unknown('led', fault, whys) : fault.led ? 'yes' : 'no',
    ...SEEN.map(({ key }) => {
      const ms = fault[key];
      // If the server did not lead, there is no new leader.
      if (key.startsWith('leader_') && fault.led === false) return '–';
      return ms === null ? unknown(key, fault, whys) : figure(ms);
    }),
  ]);
  const columns = ['Fault', { name: 'led', text: true }, ...SEEN.map(({ name }) => `${name}, ms`)];
  return htmlTable({ label: 'What the servers told of each fault', columns, rows });
}

function captionOf({ faults, baseline }: Report): Html {
  const all = faults ?? [];
  return html`<p class="caption">
    Milliseconds count from the start of the fault. ${baselineText({ baseline })}
    ${all.some(({ felt_ms }) => felt_ms === 0) && unfeltText(baseline)}
    ${all.some(({ shared }) => shared) && `* ${SHARED_NOTE}`}
  </p> `;
}

function leastText({ felt_at_least_ms: leastMs }: FaultReport): Content {
  return leastMs !== null && leastMs > 0 && html`, at least ${figure(leastMs)}`;
}

function reasons(whys: readonly string[]): Content {
  if (whys.length === 0) return null;
  return html`<ol class="whys">
    ${whys.map((why) => html`<li>${why}</li> `)}
  </ol> `;
}

/** Returns `unknown`, with the number of the line below the table that has the reason. */
function unknown(measure: Measure, fault: FaultReport, whys: string[]): Html {
  const why = `${MEASURES[measure]}: ${fault.unknown[measure] ?? 'no reason given'}`;
  if (!whys.includes(why)) whys.push(why);
  return html`<span title="${why}">unknown<sup>${whys.indexOf(why) + 1}</sup></span>`;
}

function title({ kind, server_id: id }: FaultReport): string {
  return `${kind} server ${id}`;
}
