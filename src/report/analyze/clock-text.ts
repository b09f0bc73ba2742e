/** Describes changes of clocks for the self-check, one sentence for each, however many files noticed it. */
import { printable } from '../../core/printable';
import { isoTime } from '../../core/system/iso-time';
import type { ClockChange } from '../report';

/** The longest time between notices of one change by processes of one machine, or by machines with one time server. */
const TOGETHER_MS = 3000;
const SAME_MS = 100;
const SEEN = {
  'as it happened': 'at',
  before: 'some time before its process began at',
  after: 'some time after its last line at',
};
const MAX_FILES = 5;
const MAX_SENTENCES = 20;

export function clockSentences(changes: readonly ClockChange[]): string[] {
  const groups: ClockChange[][] = [];
  for (const change of [...changes].sort((a, b) => a.at - b.at)) {
    const group = groups.find(([first]) => isOneOf(first!, change));
    if (group) group.push(change);
    else groups.push([change]);
  }
  const rest = groups.length - MAX_SENTENCES;
  const more = rest > 0 ? [`${rest} more clock changes are listed in final_report.json (clock_changes).`] : [];
  return [...groups.slice(0, MAX_SENTENCES).map(sentence), ...more];
}

function isOneOf(first: ClockChange, { kind, seen, by_ms, at }: ClockChange): boolean {
  const isNear = Math.abs(first.by_ms - by_ms) <= SAME_MS && Math.abs(first.at - at) <= TOGETHER_MS;
  return first.kind === kind && first.seen === seen && isNear;
}

function sentence(group: readonly ClockChange[]): string {
  const [{ kind, by_ms: byMs, seen, at }] = group as [ClockChange];
  const who = listed(group.map((change) => change.who));
  const files = group.map(({ file }) => printable(file, 4096));
  const more = files.length > MAX_FILES ? ` and ${files.length - MAX_FILES} more` : '';
  const where = `(${files.slice(0, MAX_FILES).join(', ')}${more})`;
  const secs = `${(Math.abs(byMs) / 1000).toFixed(Math.abs(byMs) < 1000 ? 3 : 1)} s`;
  const side = byMs > 0 ? 'forward' : 'back';
  switch (kind) {
    case 'set':
      return `The clock of ${who} was set ${side} by ${secs} ${SEEN[seen]} ${isoTime(at)} ${where}: earlier times are corrected by this amount.`;
    case 'drifted':
      return `The clock of ${who} drifted ${side} by ${secs} until ${isoTime(at)} ${where}: earlier times may be wrong by this amount.`;
    case 'suspended':
      return `The machine of ${who} was suspended for ${secs} until ${isoTime(at)} ${where}: nothing ran there during that time.`;
  }
}

function listed(names: readonly string[]): string {
  const all = [...new Set(names)];
  return all.length < 2 ? (all[0] ?? '') : `${all.slice(0, -1).join(', ')} and ${all.at(-1)}`;
}
