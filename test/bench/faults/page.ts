import { cpus } from 'node:os';
import packageJson from '../../../package.json';
import type { RuleResult } from '../../../src/core/rule-result';
import type { Report } from '../../../src/report/report';
import type { Netem } from '../../support/netem';
import type { FaultCase } from './cases';
import type { WatchdogResult } from './watchdog';
import type { Cost, Survivor } from './measure';

export interface Results {
  costs: [FaultCase, Cost][];
  overload: { cost: Cost; survivor: Survivor } | null;
  /** S1 to S8 over all of them together. */
  rules: readonly RuleResult[];
  watchdog: WatchdogResult[];
  ring: Report | null;
  netem: Netem | null;
}

const HEAD = [
  ...['fault', 'on', 'detected', 'new leader', 'felt', 'recovered', 'failed', 'retried', 'hedged'],
  ...['p99 steady', 'p99 during', 'p99.9 (of n)', 'max'],
];

/** One row of the table; milliseconds. */
export function rowOf({ kind, on }: FaultCase, cost: Cost): string {
  const { window } = cost;
  const cells = [
    ...[kind, on, ...[cost.detectedMs, cost.newLeaderMs, cost.feltMs, cost.recoveredMs].map(whole)],
    ...[cost.failed, cost.retried, cost.hedged].map(String),
    ...[cost.p99SteadyMs, cost.p99DuringMs].map(tenths),
    `${whole(window.p999Ms)} (${window.requests})`,
    whole(window.maxMs),
  ];
  return `| ${cells.join(' | ')} |`;
}

/** Returns the text of docs/fault-table.md. */
export function page(results: Results, minutes: number): string {
  const { costs, netem, rules } = results;
  const date = new Date().toISOString().slice(0, 10);
  const where = `${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), version ${packageJson.version}`;
  return `${[
    '# What each fault costs',
    '',
    `Written by \`npm run bench:faults\` (root, ${minutes.toFixed(0)} minutes) on ${date}, ${where}. Three servers, two client`,
    'machines and a controller are network namespaces of one machine, each with its own address and sshd. `cloudp2p faults`',
    'injected all faults of the table into one cluster over SSH, one after the other. Load: 100 clients on two machines, a 10 KB',
    'image, think time 250 to 750 ms, 200 requests/s; 10 s before the fault, 10 s of it (a restart is over at once), 20 s after.',
    '',
    'Milliseconds from the start of the fault; `-`: it did not happen. `new leader`: every survivor follows it. `felt`, `recovered`:',
    'how long clients felt it, and when they felt it no more. `p99 during`: until the fault was healed. `p99.9` and `max`: of all',
    'requests started from the fault until 3 s (the failure timeout) after it.',
    '',
    `| ${HEAD.join(' | ')} |`,
    `| ${HEAD.map((_, index) => (index < 2 ? '---' : '---:')).join(' | ')} |`,
    ...costs.map(([each, cost]) => rowOf(each, cost)),
    '',
    ...delayLines(netem),
    ...costs.flatMap(([each, cost]) => outageLines(each, cost)),
    `Afterwards all servers followed one leader each time. S1 to S8 over all of it: ${rulesText(rules)}.`,
    '',
    ...overloadLines(results.overload),
    ...watchdogLines(results.watchdog),
    ...ringLines(results.ring),
  ]
    .join('\n')
    .trimEnd()}\n`;
}

function delayLines(netem: Netem | null): string[] {
  if (netem === 'kernel') return [];
  const text =
    netem === null
      ? 'No `delay`: the kernel of this machine has no netem.'
      : 'The kernel of this machine has no netem: `delay` was emulated in user space (`test/support/netem`).';
  return [text, ''];
}

function outageLines({ kind, on }: FaultCase, { failed, reasons, successAfterHealMs }: Cost): string[] {
  if (on !== 'all three') return [];
  const why = Object.entries(reasons).map(([reason, count]) => `${count} × \`${reason}\``);
  const what = failed === 0 ? 'no request failed' : `${failed} failed, by their deadline of 10 s: ${why.join(', ')}`;
  return [
    `With all three at once (${kind}) ${what}; the first success came ${whole(successAfterHealMs)} ms after the first server was back.`,
    '',
  ];
}

function rulesText(rules: readonly RuleResult[]): string {
  return rules
    .map(({ rule, verdict }) => `${rule} ${verdict === true ? 'holds' : verdict === false ? 'VIOLATED' : verdict}`)
    .join(', ');
}

function overloadLines(overload: Results['overload']): string[] {
  if (overload === null) return [];
  const { window, failed, retried } = overload.cost;
  const { overloadedSecs, peakTasks, peakMemoryMb } = overload.survivor;
  return [
    '## Overload',
    '',
    'Two of three servers killed for 10 s under 300 clients with almost no think time (at most 10 ms) and small.png (100 KB):',
    `${failed} of ${window.requests} requests failed, ${retried} were retried, p99.9 ${whole(window.p999Ms)} ms, at most ${whole(window.maxMs)} ms.`,
    `The remaining server said "overloaded" in ${overloadedSecs} of the 10 seconds, had at most ${peakTasks} tasks at a time, and used ${peakMemoryMb} MB.`,
    '',
  ];
}

function watchdogLines(results: readonly WatchdogResult[]): string[] {
  if (results.length === 0) return [];
  return [
    '## The controller dies during a fault',
    '',
    'Time until the server ran without a trace of the fault and its agent had ended:',
    '',
    '| fault at the leader | the controller | healed after |',
    '| --- | --- | ---: |',
    ...results.map(
      ({ kind, how, healedMs }) =>
        `| ${kind} | ${how === 'killed' ? 'SIGKILL' : 'silent network'} | ${whole(healedMs)} ms |`,
    ),
    '',
  ];
}

function ringLines(report: Report | null): string[] {
  if (report === null) return [];
  const { total_requests: total, failed_requests: failed, latency_stats: stats, p99_9_ms: p999 } = report;
  const kills = report.faults?.length ?? 0;
  return [
    '## The ring over SSH',
    '',
    '`cloudp2p run` on the five hosts, 3 cycles, 2 × 100 clients, think time 1 to 4 s, interval 5 s, restart delay 2 s:',
    `${kills} kills, ${failed} of ${total} requests failed, p99 ${tenths(stats.p99_ms)} ms, p99.9 ${tenths(p999)} ms.`,
    '',
  ];
}

function whole(ms: number | null): string {
  return ms === null || Number.isNaN(ms) ? '-' : ms.toFixed(0);
}

function tenths(ms: number | null): string {
  return ms === null ? '-' : ms.toFixed(1);
}
