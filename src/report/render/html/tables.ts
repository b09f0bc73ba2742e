/** Renders the sections of the page on latency, servers, failures and audit: tables of the whole run. */
import { CLOSED_LOOP_HINT, dueText } from '../../../core/metrics/loop';
import { slowLimitText } from '../../../core/metrics/slow-limit';
import { serverText } from '../../../core/metrics/wrong-carriers';
import type { Balance, Report, Spread } from '../../report';
import { serverIdsOf } from './chart-data';
import { absent, capped, definitionList, htmlTable, mark, part } from './elements';
import { counted, figure, percent, shareCells, whole } from './format';
import { missedText, waitedText } from '../loop-text';
import { type Content, html, type Html } from './template';
import { css, OTHER, serverColour } from './palette';

const MAX_ROWS = 200;
const NO_RECORDS = 'Unknown: there are no records of single requests.';
const SHARE_COLUMNS = ['requests', 'failed', 'p50', 'p95', 'p99', 'p99.9', 'max'];

export function latencyParts(report: Report): Content {
  return [
    part('Whole run, ms', overall(report)),
    part('Loop', loop(report)),
    part('By phase, ms', phases(report)),
    part('By image, ms', images(report)),
  ];
}

function overall(report: Report): Html {
  const { all_stats: all, latency_stats: latency, service_stats: service, p99_9_ms: p999 } = report;
  const due = dueText(report.loop);
  const columns = ['', 'min', 'average', 'p50', 'p95', 'p99', 'p99.9', 'max'];
  const row = (name: string, stats: Report['latency_stats'], high: Content): Content[] => [
    name,
    ...[stats.min_ms, stats.avg_ms, stats.median_ms, stats.p95_ms, stats.p99_ms].map(figure),
    high,
    figure(stats.max_ms),
  ];
  const rows = [
    row(`all requests, from ${due}`, all, figure(all.p99_9_ms)),
    row(`successful, from ${due}`, latency, figure(p999)),
    row('successful, from the actual send', service, '–'),
  ];
  return html`${htmlTable({ label: 'Latency of the whole run in milliseconds', columns, rows })}
    <p class="caption">
      Among all, a failure counts with at least the longest that a success can take (– if that is unknown), a request
      that was undecided at the end with its age. If the last two rows differ, requests were sent later than they were
      due.
    </p> `;
}

/** Names the loop, and what a closed one hides. */
function loop(report: Report): Content {
  const { loop: name, unknown } = report;
  if (name !== 'closed') return definitionList([['Loop', name ?? `unknown: ${unknown.loop}`]]);
  return [
    definitionList([
      ['Loop', name],
      ['Clients waited', waitedText(report)],
      ['Missed requests', missedText(report)],
    ]),
    html`<p class="caption">${CLOSED_LOOP_HINT}</p> `,
  ];
}

function phases({ phases: all, warmup_secs: warmup }: Report): Content {
  if (all.length === 0) return absent(NO_RECORDS);
  const service = (ms: number | null | undefined): string => figure(ms ?? null);
  const rows = all.map((each) => [
    each.phase,
    ...shareCells(each, figure),
    ...[each.service_p50_ms, each.service_p95_ms, each.service_p99_ms].map(service),
  ]);
  const columns = ['Phase', ...SHARE_COLUMNS, 'service p50', 'service p95', 'service p99'];
  const note = warmup > 0 && `What was due in the first ${warmup} s is warm-up, and in no total. `;
  return [
    htmlTable({ label: 'Latency by phase in milliseconds', columns, rows }),
    html`<p class="caption">${note}Any other request belongs to the worst phase that it overlaps.</p> `,
  ];
}

function images({ images: all, slow_limits_ms: limits, slow_limit_ms: fixed }: Report): Content {
  if (all.length === 0) return absent(NO_RECORDS);
  const { shown, rest } = capped(all, MAX_ROWS);
  const limitOf = (image: string): number | null => (limits && Object.hasOwn(limits, image) ? limits[image]! : null);
  const rows = shown.map((each) => [each.image, ...shareCells(each, figure), figure(limitOf(each.image))]);
  const columns = ['Image', ...SHARE_COLUMNS, 'slow over'];
  return [
    htmlTable({ label: 'Latency by image in milliseconds', columns, rows }),
    html`<p class="caption">
      Requests that take longer than <i>slow over</i> are bad in what a fault costs; – if too few succeeded before the
      first fault.${fixed !== null && ` Fixed by slow_limit_ms: ${slowLimitText(fixed)}.`}
    </p> `,
    rest,
  ];
}

export function serverParts(report: Report): Content {
  return [part('Requests by server', distribution(report)), part('Balance', balance(report.balance))];
}

function distribution(report: Report): Content {
  const entries = Object.entries(report.server_distribution);
  if (entries.length === 0) return absent('No request was assigned to a server.');
  const all = entries.reduce((sum, [, count]) => sum + count, 0);
  const ids = serverIdsOf(report);
  const rows = entries.map(([id, count]) => [
    `Server ${id}`,
    whole(count),
    `${percent(count, all)}%`,
    bar(count, all, css(serverColour(ids.indexOf(Number(id))))),
  ]);
  const columns = ['Server', 'requests', 'share', { name: 'of all assigned requests', text: true }];
  return htmlTable({ label: 'Requests by server', columns, rows });
}

/** A bar whose length is its share of the total. */
function bar(part: number, all: number, colour: string): Html {
  return html`<span class="bar"><span style="width:${percent(part, all)}%;background:${colour}"></span></span>`;
}

function balance(all: Balance): Content {
  const spread = ({ median, worst }: Spread): string =>
    median === null || worst === null ? 'unknown' : `median ${median.toFixed(3)}, worst ${worst.toFixed(3)}`;
  const total = all.total_max_over_mean;
  return [
    definitionList([
      ['Whole run, max/mean', total === null ? 'unknown' : total.toFixed(3)],
      ['Windows of 1 s', `${whole(all.judged_windows)} of ${whole(all.windows)} outside faults have enough requests`],
      ['Max/mean per window', spread(all.max_over_mean)],
      ["Jain's index per window", spread(all.jain)],
    ]),
    html`<p class="caption">1 is perfect in both. Totals alone hide a herd that moves between servers.</p> `,
  ];
}

export function failureParts({ failure_reasons: reasons, failed_requests: failed }: Report): Content {
  const entries = Object.entries(reasons).sort((a, b) => b[1] - a[1]);
  if (entries.length === 0) {
    return absent(
      failed === 0 ? 'No request failed.' : `Unknown: no reason is recorded for ${whole(failed)} failures.`,
    );
  }
  const all = entries.reduce((sum, [, count]) => sum + count, 0);
  const { shown, rest } = capped(entries, MAX_ROWS);
  const rows = shown.map(([reason, count]) => [
    reason,
    whole(count),
    `${percent(count, all)}%`,
    bar(count, all, css(OTHER)),
  ]);
  const columns = ['Reason', 'requests', 'share', { name: 'of all failures', text: true }];
  return [htmlTable({ label: 'Failures by reason', columns, rows }), rest];
}

export function auditParts({ audit }: Report): Content {
  const adds = audit.adds_up === 'unknown' ? null : audit.adds_up;
  const lost = audit.adds_up === 'unknown' && audit.lost ? `${whole(audit.lost)} or fewer` : counted(audit.lost);
  return [
    html`<p>
        ${mark(adds === null ? 'unknown' : adds ? 'good' : 'bad', adds === null ? 'Unknown whether it adds up' : adds ? 'It adds up' : 'It does not add up')}
      </p>
      <p>${audit.why}</p> `,
    definitionList([
      ['Requests', whole(audit.requests)],
      ['Successes', whole(audit.successes)],
      ['Executions', counted(audit.executions)],
      ['Repeated', counted(audit.repeated)],
      ['Hedged', whole(audit.hedged)],
      ['Lost', lost],
      ['Corrupted', whole(audit.corrupted)],
      ...audit.corrupted_by.map(({ server_id: id, carriers }): [string, string] => [
        `Corrupted by ${serverText(id)}`,
        whole(carriers),
      ]),
      ['Possibly not written when killed', whole(audit.excusable)],
    ]),
  ];
}
