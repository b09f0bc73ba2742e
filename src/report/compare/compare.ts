/** Compares two runs: their settings, their figures with a verdict, and single figures without one. */
import { printable } from '../../core/printable';
import type { Block, BlockOperation, Blocks } from '../report-blocks';
import type { Compared, Comparison, Scope, Side } from './comparison';
import { differencesOf, hasSettings } from './differences';
import { failedPercent } from './estimate';
import { groupsOf } from './groups';
import { FALSE_ALARMS_PERCENT, judge, judgedRow, type Part, unknownScope } from './judge';

const MAX_WHY_CHARS = 60;

/** A report and the path it was read from. */
export interface Named {
  name: string;
  report: Compared;
}

export function compare(a: Named, b: Named): Comparison {
  return {
    a: sideOf(a),
    b: sideOf(b),
    differences: differencesOf(a.report, b.report),
    notes: [
      ...[...verdictNotes('A', a.report), ...verdictNotes('B', b.report)],
      ...[...notesOf('A', a.report), ...notesOf('B', b.report)],
      ...[...leftOutNote(a.report, b.report), CAVEAT, ...loopNote(a.report, b.report)],
    ],
    false_alarms_percent: FALSE_ALARMS_PERCENT,
    may_flatter: ['interval', 'detectable', 'verdict'],
    scopes: scopesOf(a.report.blocks, b.report.blocks).map((scope) => withKnownGoodput(scope, a.report, b.report)),
    groups: groupsOf(a.report, b.report),
  };
}

function sideOf({ name, report }: Named): Side {
  return {
    name,
    requests: report.total_requests,
    duration_secs: report.duration_secs,
    started: report.timeline?.from ?? null,
    goodput_per_s: report.goodput_per_s,
    failure_rate_max: report.failure_rate_max,
    p99_ms: report.all_stats.p99_ms,
    verdict: report.verdict.kind,
    is_incomplete: report.verdict.not_verified.length > 0 || report.inputs.missing.length > 0,
  };
}

/** Returns the judged parts; none if a report has no records. */
export function scopesOf(a: Blocks | null, b: Blocks | null): Scope[] {
  if (a === null || b === null) return [];
  const isMoreFailing = failedPercent(b.whole) > failedPercent(a.whole);
  const whys = [...whyUnknown('A', a), ...whyUnknown('B', b)];
  const scopes = a.steady === null && b.steady === null ? (['whole'] as const) : (['steady', 'whole'] as const);
  return scopes.map((scope) => {
    const [partA, partB] = [partOf(a, b, scope), partOf(b, a, scope)];
    return whys[0] === undefined
      ? judge(scope, partA, partB, isMoreFailing)
      : unknownScope(scope, partA, partB, whys[0]);
  });
}

/** Withdraws the goodput of a run whose report does not know it, such as one without the time of its end. */
function withKnownGoodput(scope: Scope, a: Compared, b: Compared): Scope {
  const letter = a.goodput_per_s === null ? 'A' : b.goodput_per_s === null ? 'B' : null;
  if (letter === null) return scope;
  const why = `${letter}: unknown in its report`;
  const rows = scope.rows.map((row) => {
    const isKnown = row.name !== 'goodput' || row.verdict === 'unknown';
    return isKnown ? row : judgedRow('goodput', why, why, false);
  });
  return { ...scope, rows };
}

/** A run without faults is steady as a whole. */
function partOf(blocks: Blocks, others: Blocks, scope: Scope['scope']): Part {
  const [own, of] = [partBlocks(blocks, scope), partBlocks(others, scope)];
  const names = new Set(namesIn(others.images, of));
  const operations = namesIn(blocks.images, own).filter((image) => names.has(image));
  return { blocks: own, operations: operations.sort().map((image) => blocks.images.indexOf(image)) };
}

function partBlocks({ whole, steady }: Blocks, scope: Scope['scope']): Block[] {
  return scope === 'steady' && steady !== null ? steady : whole;
}

/** Returns the operations of which any request was due in these blocks. */
function namesIn(images: readonly string[], blocks: readonly Block[]): string[] {
  const isUsed = ({ histogram, unknown }: BlockOperation): boolean => histogram.length > 0 || unknown > 0;
  const used = images.filter((_, at) => blocks.some(({ operations }) => isUsed(operations[at]!)));
  return [...new Set(used)];
}

function whyUnknown(letter: 'A' | 'B', { unknown }: Blocks): string[] {
  return unknown === null ? [] : [`${letter}: ${printable(unknown, MAX_WHY_CHARS)}`];
}

const CAVEAT =
  'The noise is that of the time within each run. Runs with the same settings also differ by what changes between ' +
  'runs, such as other work on the machine: repeat both, or run them side by side, before you trust a change.';

function loopNote({ loop: a }: Compared, { loop: b }: Compared): string[] {
  const closed = [...(a === 'closed' ? ['A'] : []), ...(b === 'closed' ? ['B'] : [])].join(' and ');
  if (closed === '') return [];
  return [
    `In a closed loop (${closed}) the clients wait for the answers, so goodput follows latency: the two are one finding.`,
  ];
}

/** Names a run with wrong answers, with a load that was cut short, or not verified. A saturated generator has its own note. */
function verdictNotes(letter: 'A' | 'B', { verdict, generators }: Compared): string[] {
  const { kind, text, not_verified: unknown } = verdict;
  const isCut = kind === 'invalid' && !generators.some(({ saturated }) => saturated);
  if (kind === 'wrong' || kind === 'not verified' || isCut) return [`${letter}: ${text}`];
  return unknown.length > 0 ? [`${letter}: Not verified: ${unknown.join('; ')}.`] : [];
}

function notesOf(letter: 'A' | 'B', report: Compared): string[] {
  const { generators, timeline, faults, inputs } = report;
  const notes = generators
    .filter(({ saturated }) => saturated)
    .map(
      ({ machine_id, why }) =>
        `In ${letter} the load generator of machine ${machine_id} was a bottleneck: its figures are not the cluster's ` +
        (why === null ? 'alone.' : `alone: ${why}.`),
    );
  if (timeline === null) notes.push(`${letter} has no records of single requests: its noise is unknown.`);
  if (faults === null)
    notes.push(`${letter} does not say whether there were faults: its steady part may contain some.`);
  if (inputs.missing.length > 0) notes.push(`${letter} is incomplete: some of its files could not be read.`);
  if (!hasSettings(report)) notes.push(`${letter} does not record its settings: there may be more differences.`);
  return notes;
}

/** Latencies are compared only within operations that both have. */
function leftOutNote({ blocks: a }: Compared, { blocks: b }: Compared): string[] {
  if (a === null || b === null) return [];
  const [ofA, ofB] = [namesIn(a.images, a.whole), namesIn(b.images, b.whole)];
  const both = ofA.filter((image) => ofB.includes(image)).length;
  const count = ofA.length + ofB.length - 2 * both;
  return count === 0 ? [] : [`Latencies leave out ${count} images that only one of the runs has.`];
}
