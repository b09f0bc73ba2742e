/** Renders the sections of the page on leaders, checks, inputs, and how to repeat the run. */
import { shellWord } from '../../../core/shell-word';
import { foundText } from '../../../core/metrics/threshold';
import type { Interval, Report } from '../../report';
import { absent, capped, definitionList, htmlTable, mark, part } from './elements';
import { counted, duration, figure, utc, whole } from './format';
import { missingRunFiles } from '../run-file-text';
import { whyNoLeaders } from '../why-unknown';
import { type Content, html, Html } from './template';

const MAX_ROWS = 60;
/** Short forms of the rules in docs/rules.md. */
const RULES: Record<string, string> = {
  S1: 'no two leaders that hear each other',
  S2: 'after faults all follow one leader in time',
  S3: 'a crash is not waited out',
  S4: 'a deposed leader assigns nothing',
  S5: 'every task ends in time',
  S6: 'a success has the exact bytes back',
  S7: 'no task is left in a ledger',
  S8: 'during a fault leadership settles',
};
const NEWLINE = new Html('\n');

export function leaderParts(report: Report, zeroMs: number): Content {
  const { leaders: all } = report;
  if (all === null) return absent(`Unknown: ${whyNoLeaders(report)}.`);
  const at = (time: number): string => figure((time - zeroMs) / 1000);
  const spans = (intervals: readonly Interval[]): string => {
    const totalMs = intervals.reduce((sum, { from, to }) => sum + to - from, 0);
    return intervals.length === 0 ? 'never' : `${whole(intervals.length)} ×, ${duration(totalMs)} in all`;
  };
  const { shown, rest } = capped(all.timeline, MAX_ROWS);
  const rows = shown.map(({ server_id: id, term, from, to }) => [`Server ${id}`, term, at(from), at(to)]);
  return [
    definitionList([
      ['New terms', all.terms === null ? `unknown: ${all.unknown}` : whole(all.terms)],
      ['No leader', all.none === null ? `unknown: ${all.unknown}` : spans(all.none)],
      ['Several leaders', all.several === null ? `unknown: ${all.unknown}` : spans(all.several)],
    ]),
    rows.length > 0 && htmlTable({ label: 'Leaders', columns: ['Leader', 'term', 'from, s', 'to, s'], rows }),
    rest,
  ];
}

/** Returns null if there was nothing to check. */
export function checkParts({ rules, thresholds }: Report): Content {
  if ((rules === undefined || rules.length === 0) && thresholds.length === 0) return null;
  return [
    rules !== undefined && rules.length > 0 && part('Rules of the cluster', ruleTable(rules)),
    thresholds.length > 0 && part('Thresholds', thresholdTable(thresholds)),
  ];
}

function ruleTable(rules: NonNullable<Report['rules']>): Html {
  const rows = rules.map(({ rule, verdict, problems }) => [
    Object.hasOwn(RULES, rule) ? html`${rule} <small>${RULES[rule]!}</small>` : rule,
    verdict === 'unknown' ? mark('unknown', 'unknown') : verdict ? mark('good', 'holds') : mark('bad', 'violated'),
    problems.slice(0, 5).map((problem) => html`<p>${problem}</p>`),
  ]);
  const columns = ['Rule', { name: 'verdict', text: true }, { name: 'problems', text: true }];
  return htmlTable({ label: 'Rules of the cluster', columns, rows });
}

function thresholdTable(all: Report['thresholds']): Html {
  const rows = all.map((each) => [
    html`<code>${each.expression}</code>`,
    each.passed ? mark('good', 'passed') : mark('bad', 'crossed'),
    foundText(each),
  ]);
  return htmlTable({ label: 'Thresholds', columns: ['Threshold', { name: 'verdict', text: true }, 'value'], rows });
}

export function inputParts(report: Report): Content {
  const { inputs, clocks, runs } = report;
  const notes = [...missingRunFiles(report), ...inputs.notes];
  // Files with problems first.
  const files = [...inputs.files].sort((a, b) => Number(b.problems.length > 0) - Number(a.problems.length > 0));
  const { shown, rest } = capped(files, MAX_ROWS);
  const isAnyBad = files.some(({ problems }) => problems.length > 0);
  const rows = shown.map(({ path, kind, lines, badLines, problems }) => [
    ...[path, kind, whole(lines), whole(badLines)],
    ...(isAnyBad ? [problems.map((problem) => html`<p>${problem}</p>`)] : []),
  ]);
  const found = { name: 'problems', text: true };
  const columns = ['File', { name: 'kind', text: true }, 'lines', 'damaged', ...(isAnyBad ? [found] : [])];
  return [
    inputs.missing.length > 0 && part('Not read', list(inputs.missing)),
    notes.length > 0 && part('Notes', list(notes)),
    part('Files', [rows.length > 0 ? htmlTable({ label: 'Files', columns, rows }) : absent('No file was read.'), rest]),
    runs.length > 1 && part('Runs', runTable(runs)),
    part('Clocks', clockTable(clocks)),
  ];
}

function list(texts: readonly string[]): Content {
  const { shown, rest } = capped(texts, MAX_ROWS);
  return [
    html`<ul class="plain">
      ${shown.map((text) => html`<li>${text}</li> `)}
    </ul> `,
    rest,
  ];
}

function runTable(runs: Report['runs']): Content {
  const { shown, rest } = capped(runs, MAX_ROWS);
  const rows = shown.map(({ run_id: id, file, requests, taken }) => [
    html`<code>${id}</code>`,
    taken ? 'taken' : 'not taken',
    whole(requests),
    file,
  ]);
  const columns = ['Run', { name: 'taken', text: true }, 'requests', { name: 'file', text: true }];
  return [htmlTable({ label: 'Runs in the files', columns, rows }), rest];
}

function clockTable(clocks: Report['clocks']): Html {
  if (clocks.length === 0) return absent('No clocks were compared: times are as they are in the files.');
  const rows = clocks.map(({ machine, offset_ms: offset, uncertainty_ms: by }) => [
    machine,
    `${offset > 0 ? '+' : ''}${figure(offset)}`,
    `± ${figure(by)}`,
  ]);
  return html`${htmlTable({ label: 'Clocks', columns: ['Machine', 'ahead, ms', 'uncertain by, ms'], rows })}
    <p class="caption">Relative to the machine that made the report; all times here are corrected.</p> `;
}

export function againParts({ run, loads }: Report): Content {
  if (run === undefined && loads.length === 0) {
    return absent('Unknown: the files of this run have no record of its command and seed.');
  }
  return [
    run !== undefined && part('The run', howTo(run, [['Servers', (run.servers ?? []).join(', ') || 'unknown']])),
    loads
      .slice(0, MAX_ROWS)
      .map((load) =>
        part(
          `The load of machine ${load.machine_id}`,
          howTo(load, [['Warm-up', load.warmup_secs > 0 ? `${load.warmup_secs} s` : 'none']]),
        ),
      ),
    capped(loads, MAX_ROWS).rest,
  ];
}

type Told = Pick<
  NonNullable<Report['run']>,
  'run_id' | 'version' | 'node_version' | 'host' | 'cores' | 'seed' | 'started_at' | 'ended_at' | 'config'
> & { command_line: readonly string[] };

function howTo(told: Told, more: readonly (readonly [string, Content])[]): Html {
  const all: (readonly [string, Content])[] = [
    ['Command', html`<code>${told.command_line.map(shellWord).join(' ')}</code>`],
    ['Seed', html`<code>${told.seed}</code>`],
    ['Run', html`<code>${told.run_id}</code>`],
    ['From and to', `${utc(told.started_at)} – ${told.ended_at === null ? 'not recorded' : utc(told.ended_at)}`],
    ['Version', `${told.version} on Node ${told.node_version}`],
    ['Machine', `${told.host}, ${counted(told.cores)} cores`],
    ...more,
  ];
  return html`${definitionList(all)}
    <details>
      <summary>Configuration</summary>
      <pre>${configLines(told.config)}</pre>
    </details> `;
}

/** Splits the text into lines, so that each is escaped separately and stays a line. */
function configLines(config: object): Content {
  return JSON.stringify(config, null, 2)
    .split('\n')
    .map((line) => [line, NEWLINE]);
}
