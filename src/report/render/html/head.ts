/** The top of the page: the verdict, the run, its key figures, and warnings about them. */
import { counted } from '../../../core/counted';
import { foundText } from '../../../core/metrics/threshold';
import { rateText } from '../../../core/metrics/failure-scale';
import type { Report, Verdict } from '../../report';
import { bytes, duration, length, utc, whole } from './format';
import { definitionList, mark, type Mood, tile } from './elements';
import { type Content, html, type Html } from './template';

const MOODS: Record<Verdict['kind'], Mood> = {
  wrong: 'bad',
  invalid: 'bad',
  crossed: 'bad',
  'not verified': 'unknown',
  facts: 'good',
};
/** A failure rate above this is no good news, even if nothing else is wrong; in percent. */
const FEW_FAILED = 1;

export function headOf(report: Report): Html {
  const { verdict, total_requests: total } = report;
  const wrong = contradictions(report);
  const mood = verdict.kind === 'facts' && verdict.failure_rate >= FEW_FAILED ? 'fair' : MOODS[verdict.kind];
  return html`<header>
    <div class="above">
      <span><b>CloudP2P</b> Stress Test Report</span><button id="theme" type="button">Light or dark</button>
    </div>
    <div class="verdict ${wrong.length > 0 ? 'bad' : mood}">
      <h1>${verdict.text}</h1>
      ${total > 0 && html`<p>${failedText(report)}</p>`}
      ${verdict.scale_text !== null && html`<p>${verdict.scale_text}</p>`}
      ${
        wrong.length > 0 &&
        html`<ul>
          ${wrong.map((each) => html`<li>${mark('bad', each)}</li>`)}
        </ul>`
      }
    </div>
    ${thresholds(report)}${runDetails(report)}${tiles(report)}${notes(report)}
  </header> `;
}

/** The verdict counts undecided requests as failed. */
function failedText({
  verdict,
  total_requests: total,
  failed_requests: failed,
  undecided_requests: undecided,
}: Report) {
  const rate = `${rateText(verdict.failure_rate)} of the requests failed`;
  if (undecided === 0) return `${rate}: ${whole(failed)} of ${whole(total)}.`;
  return `${rate} or were undecided at the end: ${whole(failed)} and ${whole(undecided)} of ${whole(total)}.`;
}

/** Returns the failed checks, which count regardless of the failure rate. */
function contradictions({ thresholds: all, rules = [], audit }: Report): string[] {
  const crossed = all.filter(({ passed }) => !passed).length;
  const violated = rules.filter(({ verdict }) => verdict === false).length;
  return [
    ...(crossed > 0 ? [`${crossed} of ${counted(all.length, 'threshold')} crossed`] : []),
    ...(violated > 0 ? [`${violated} of ${counted(rules.length, 'rule')} violated`] : []),
    ...(audit.adds_up === false ? ['the audit does not add up'] : []),
  ];
}

function thresholds({ thresholds: all }: Report): Content {
  if (all.length === 0) return null;
  const items = all.map((each) => {
    const { expression, passed } = each;
    return html`<li>
      ${mark(passed ? 'good' : 'bad', passed ? 'passed' : 'crossed')} <code>${expression}</code> is ${foundText(each)}
    </li> `;
  });
  return html`<ul class="chips" aria-label="Thresholds">
    ${items}
  </ul> `;
}

function valueText(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 2 });
}

function runDetails(report: Report): Html {
  const { run, runs, loads, timeline } = report;
  const begin = run?.started_at ?? timeline?.from ?? loads[0]?.started_at;
  const taken = [...new Set(runs.filter((each) => each.taken).map(({ run_id: id }) => id))];
  const all: (readonly [string, Content])[] = [
    ['Started', begin === undefined ? 'unknown' : utc(begin)],
    ['Duration', length(report.duration_secs)],
    ...(taken.length > 0 ? ([['Run', html`<code>${taken.join(', ')}</code>`]] as const) : []),
    ...(report.faults
      ? ([['Faults', report.faults.length === 0 ? 'none' : whole(report.faults.length)]] as const)
      : []),
    ['Sent and received', `${bytes(report.bytes_sent)} and ${bytes(report.bytes_received)}`],
  ];
  return html`<div class="brief">${definitionList(all)}</div> `;
}

function tiles(report: Report): Html {
  const { all_stats: stats, balance, undecided_requests: undecided, missing_records: missing } = report;
  const { never_sent_requests: neverSent, attempted_per_s: attempted, goodput_per_s: goodput } = report;
  const perSecond = (value: number): string => valueText(Number(value.toPrecision(4)));
  const imbalance = balance.total_max_over_mean;
  return html`<dl class="tiles">
    ${tile('Requests', whole(report.total_requests), `${whole(report.retry_count)} ${report.retry_count === 1 ? 'retry' : 'retries'}`)}
    ${tile('Failed', whole(report.failed_requests), `${report.failure_rate.toFixed(2)}%${undecided > 0 ? ' of those decided' : ''}`)}
    ${undecided > 0 && tile('Undecided', whole(undecided), 'at the end of the run')}
    ${neverSent > 0 && tile('Never sent', whole(neverSent), 'failed: no client was free')}
    ${missing > 0 && tile('Missing records', whole(missing), 'counted as failed')}
    ${tile('Goodput', goodput === null ? 'unknown' : html`${perSecond(goodput)}/s`, `${perSecond(attempted)}/s attempted`)}
    ${tile('Latency p50', duration(stats.median_ms))} ${tile('p95', duration(stats.p95_ms))}
    ${tile('p99', duration(stats.p99_ms))} ${tile('p99.9', duration(stats.p99_9_ms))} ${feltTile(report)}
    ${tile('Imbalance', imbalance === null ? 'unknown' : imbalance.toFixed(3), 'busiest server by the mean')}
  </dl> `;
}

/** The longest that any fault was felt. */
function feltTile({ faults, baseline }: Report): Html {
  const name = 'Felt at most';
  if (faults !== null && faults.length === 0) return tile(name, '–', 'no faults');
  const all = faults ?? [];
  const unknown = all.filter(({ felt_ms }) => felt_ms === null).length;
  if (all.length === unknown) return tile(name, 'unknown');
  const worst = all.reduce((most, { felt_at_least_ms: ms }) => Math.max(most, ms ?? 0), 0);
  if (unknown > 0) return tile('Felt', html`at least ${duration(worst)}`, `${unknown} of ${all.length} unknown`);
  const resolutionMs = baseline?.felt_resolution_ms ?? null;
  if (worst === 0)
    return tile('Faults', 'not felt', resolutionMs && `a stall under ${whole(resolutionMs)} ms would not show`);
  return tile(name, duration(worst));
}

/** The self-check, after a prominent warning if a generator was the bottleneck. */
function notes({ self_check: said, generators }: Report): Content {
  const saturated = generators.filter((each) => each.saturated);
  const warning =
    saturated.length > 0 &&
    html`<div class="notes bad">
      <p>${mark('bad', 'The load generator was the bottleneck, not the cluster.')}</p>
      <ul>
        ${saturated.map(({ machine_id: id, why }) => html`<li>Machine ${id}: ${why ?? 'no reason given'}</li>`)}
      </ul>
    </div> `;
  const list =
    said.length > 0 &&
    html`<div class="notes">
      <h2>Self-check</h2>
      <ul>
        ${said.map((text) => html`<li>${text}</li> `)}
      </ul>
    </div> `;
  return [warning, list];
}
