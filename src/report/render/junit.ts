/** Renders the checks of a report as JUnit XML, for Jenkins, GitLab and others. */
import { ACCEPTABLE_UP_TO, rateText } from '../../core/metrics/failure-scale';
import { foundText } from '../../core/metrics/threshold';
import { wrongServersText } from '../../core/metrics/wrong-carriers';
import { oneLine } from '../../core/printable';
import type { Report } from '../report';
import { isoTime } from '../../core/system/iso-time';

const TEXT_CHARS = 1000;
const VALID = 'the load is valid and nothing is wrong';

/** The result of one check of the report. `error`: the check was impossible, because input is missing. */
interface Case {
  name: string;
  outcome: 'passed' | 'failure' | 'error';
  message: string;
}

interface Suite {
  name: string;
  cases: Case[];
}

/**
 * Anything that the exit code of `report` counts as failed fails here too: an unknown threshold value. What it counts as
 * incomplete is an error: an unreadable place, an audit or a check that is unknown.
 */
export function renderJunit(report: Report): string {
  const suites = [verdict(report), thresholds(report), checks(report), audit(report), inputs(report)].filter(
    ({ cases }) => cases.length > 0,
  );
  const all = suites.flatMap(({ cases }) => cases);
  const sums = { tests: all.length, failures: count(all, 'failure'), errors: count(all, 'error') };
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes({ name: 'cloudp2p', ...sums, time: report.duration_secs })}>`,
    ...suites.flatMap((suite, at) => suiteLines(suite, at === 0 ? figures(report) : {}, report)),
    '</testsuites>',
    '',
  ].join('\n');
}

function verdict({ verdict: { kind, failure_rate: rate, text } }: Report): Suite {
  const outcome = kind === 'wrong' ? 'failure' : kind === 'invalid' ? 'error' : 'passed';
  // Names never change with the run: other programs compare them over time.
  const failures = judged(`failure_rate<=${ACCEPTABLE_UP_TO}%`, rate <= ACCEPTABLE_UP_TO, `it is ${rateText(rate)}`);
  return { name: 'verdict', cases: [{ name: VALID, outcome, message: text }, failures] };
}

function thresholds({ thresholds: all }: Report): Suite {
  const cases = all.map((each): Case => {
    const message = each.value === null ? 'the value is unknown' : `it is ${foundText(each)}`;
    return { name: each.expression, outcome: each.passed ? 'passed' : 'failure', message };
  });
  return { name: 'thresholds', cases };
}

function checks({ rules = [] }: Report): Suite {
  const cases = rules.map(({ rule, verdict, problems }) => judged(rule, verdict, problems.join('; ')));
  return { name: 'checks', cases };
}

function audit({ audit: { adds_up, why, corrupted, corrupted_by: by } }: Report): Suite {
  const carriers = judged('no carrier is wrong', corrupted === 0, `${corrupted} were wrong (${wrongServersText(by)})`);
  return { name: 'audit', cases: [carriers, judged('requests and executions add up', adds_up, why)] };
}

function inputs({ inputs: { missing } }: Report): Suite {
  const outcome = missing.length === 0 ? 'passed' : 'error';
  return {
    name: 'inputs',
    cases: [{ name: 'all that was named could be read', outcome, message: missing.join('; ') }],
  };
}

function judged(name: string, verdict: boolean | 'unknown', message: string): Case {
  return { name, outcome: verdict === 'unknown' ? 'error' : verdict ? 'passed' : 'failure', message };
}

function figures(report: Report): Record<string, string | number | null> {
  const { all_stats: latency, run, loop, blocked_client_secs, missed_requests } = report;
  const runIds = new Set(report.runs.flatMap(({ run_id, taken }) => (taken ? [run_id] : [])));
  return {
    total_requests: report.total_requests,
    failed_requests: report.failed_requests,
    failure_rate_percent: report.failure_rate,
    undecided_requests: report.undecided_requests,
    missing_records: report.missing_records,
    failure_rate_max_percent: report.failure_rate_max,
    throughput_per_s: report.throughput_per_s,
    goodput_per_s: report.goodput_per_s,
    attempted_per_s: report.attempted_per_s,
    loop,
    ...(loop !== 'open' && { blocked_client_secs, missed_requests }),
    latency_p50_ms: latency.median_ms,
    latency_p95_ms: latency.p95_ms,
    latency_p99_ms: latency.p99_ms,
    latency_p99_9_ms: latency.p99_9_ms,
    latency_max_ms: latency.max_ms,
    imbalance: report.balance.total_max_over_mean,
    retry_count: report.retry_count,
    bytes_sent: report.bytes_sent,
    bytes_received: report.bytes_received,
    run_ids: [...runIds].join(' '),
    ...(run && { command_line: run.command_line.join(' ') }),
  };
}

function suiteLines({ name, cases }: Suite, told: ReturnType<typeof figures>, report: Report): string[] {
  const from = report.run?.started_at ?? report.timeline?.from;
  const sums = {
    tests: cases.length,
    failures: count(cases, 'failure'),
    errors: count(cases, 'error'),
  };
  // Jenkins accepts only times without a zone.
  const timestamp = from === undefined ? undefined : isoTime(from).slice(0, 19);
  const properties = Object.entries(told).map(
    ([name, value]) => `      <property${attributes({ name, value: value ?? 'unknown' })}/>`,
  );
  return [
    `  <testsuite${attributes({ name, ...sums, time: 0, timestamp })}>`,
    ...(properties.length > 0 ? ['    <properties>', ...properties, '    </properties>'] : []),
    ...cases.flatMap((each) => caseLines(name, each)),
    '  </testsuite>',
  ];
}

function caseLines(suite: string, { name, outcome, message }: Case): string[] {
  const open = `    <testcase${attributes({ classname: `cloudp2p.${suite}`, name, time: 0 })}`;
  if (outcome === 'passed') return [`${open}/>`];
  // Jenkins shows the attribute, GitLab the text.
  const why = `<${outcome}${attributes({ message, type: suite })}>${escaped(message)}</${outcome}>`;
  return [`${open}>`, `      ${why}`, '    </testcase>'];
}

function count(cases: readonly Case[], outcome: Case['outcome']): number {
  return cases.filter((each) => each.outcome === outcome).length;
}

function attributes(values: Record<string, string | number | undefined>): string {
  return Object.entries(values)
    .map(([name, value]) => (value === undefined ? '' : ` ${name}="${escaped(String(value))}"`))
    .join('');
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };

/** Escapes text: control characters and lone surrogates become codes; two more that XML forbids are dropped. */
function escaped(text: string): string {
  const legal = oneLine(text.slice(0, TEXT_CHARS)).replace(/[\ufffe\uffff]/g, '');
  return legal.replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}
