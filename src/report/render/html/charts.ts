/** Renders the placeholders of the charts with their captions; without data, the reason. */
import type { Report } from '../../report';
import { absent, part } from './elements';
import { length, whole } from './format';
import { whyNoLeaders, whyNoSamples } from '../why-unknown';
import { type Content, html, type Html } from './template';

export const ZOOM = 'Drag to zoom; double-click, or Escape, to see all.';
const NO_RECORDS = 'Unknown: there are no records of single requests, so there are no times.';

/** A placeholder for the script; `label` is the text for screen readers, which also says where the figures are. */
export function place(name: string, label: string): Html {
  return html`<div class="chart" data-chart="${name}" data-label="${label}"></div> `;
}

export function chart(title: string, caption: Content, body: Content): Html {
  return part(title, html`${caption && html`<p class="caption">${caption}</p> `}${body}`);
}

export function timeCharts(report: Report): Html {
  const hasFaults = report.faults !== null && report.faults.length > 0;
  const shades = hasFaults && ' Shaded: a fault was active; lighter: it was healed, but there was no calm second yet.';
  return html`${guide(html`Seconds into the run, the same in every chart. ${ZOOM}${shades}`)}${latency(report)}${throughput(report)}${failures(report)}${leaders(report)}`;
}

/** The caption of all charts on the time axis, with the button that ends a zoom. */
export function guide(caption: Content): Html {
  return html`<div class="guide">
      <p class="caption">${caption}</p>
      <button id="reset" type="button" disabled>Show the whole run</button>
    </div>
    <noscript><p class="absent">The charts need JavaScript; all figures are in the tables below.</p></noscript> `;
}

function latency({ timeline }: Report): Html {
  const caption =
    timeline &&
    `All requests that ended within windows of ${length(timeline.window_ms / 1000)}, including failed ones and those undecided at the end.`;
  const out = timeline !== null && timeline.left_out > 0;
  const note =
    out && absent(`Not shown: ${whole(timeline.left_out)} requests whose times are too far from the others.`);
  const label =
    'Latency over time: p50, p95, p99 and maximum. The tables of latency by phase and by image have the figures.';
  return chart('Latency', caption, timeline ? [place('latency', label), note] : absent(NO_RECORDS));
}

function throughput({ timeline }: Report): Html {
  const hasUndecided = timeline !== null && timeline.undecided.some((count) => count > 0);
  const label = 'Requests per second over time by server. The table of servers has the totals.';
  return chart(
    'Throughput by server',
    timeline && `Requests ended per second${hasUndecided ? ', and those undecided at the end' : ''}.`,
    timeline ? place('throughput', label) : absent(NO_RECORDS),
  );
}

function failures({ timeline, failed_requests: failed }: Report): Html {
  const title = 'Failures by reason';
  if (timeline === null) return chart(title, null, absent(NO_RECORDS));
  if (failed === 0) return chart(title, null, absent('No request failed.'));
  if (!timeline.by_reason.some(({ requests }) => requests.some((count) => count > 0))) {
    return chart(title, null, absent('The times are unknown: no failed request has a record of its own.'));
  }
  const label = 'Failed requests over time by reason. The table of failures has all reasons.';
  return chart(
    title,
    `Failed requests that ended within windows of ${length(timeline.window_ms / 1000)}.`,
    place('failures', label),
  );
}

function leaders(report: Report): Html {
  if (report.leaders === null) return chart('Leader', null, absent(`Unknown: ${whyNoLeaders(report)}.`));
  return chart(
    'Leader',
    null,
    place('leaders', 'Leaders over time, with their terms. The table of leaders has the same data.'),
  );
}

/** Small charts of the processes, on the same time axis. */
export function sampleCharts(report: Report): Html {
  const { servers, generators } = report;
  const serverPart = servers.length > 0 ? place('servers', '') : absent(`Unknown: ${whyNoSamples(report)}.`);
  const generatorPart =
    generators.length > 0
      ? place('generators', '')
      : absent('Unknown: there is no machine_{n}_generator.ndjson of this run.');
  return html`${part('Servers', serverPart)}${part('Load generators', [generatorPart, generatorDetails(generators)])}`;
}

function generatorDetails(all: Report['generators']): Content {
  return all.map((each) => {
    const late = each.sent === 0 ? '' : ` (${((each.late_sends / each.sent) * 100).toFixed(2)}%)`;
    const verdict = each.saturated
      ? `It was the bottleneck: ${each.why ?? 'no reason given'}.`
      : each.saturated === null
        ? 'Whether it was the bottleneck is unknown.'
        : 'It was not the bottleneck.';
    return html`<p>
      Machine ${each.machine_id}: ${whole(each.late_sends)} of ${whole(each.sent)} requests were sent late${late}.
      ${verdict}
    </p> `;
  });
}

export function curveChart({ percentile_curve: curve, clients_without_percentiles: without }: Report): Html {
  if (curve.filter(({ latency_ms: ms }) => ms !== null).length < 2) {
    return chart('Percentiles of the whole run', null, absent('Unknown: too few requests with known latencies.'));
  }
  const note = without > 0 && ` ${whole(without)} clients without percentiles are not included.`;
  const caption = html`All requests that were due; service time of successes. Each further nine of the percentile takes
  the same space, so that the slowest few are visible.${note}`;
  return chart('Percentiles of the whole run', caption, place('curve', 'Latency and service time by percentile.'));
}
