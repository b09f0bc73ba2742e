/** Finds, for all faults in one pass over the requests, the term before each fault and the first success after it. */
import type { ForEachRow } from '../read/columns';
import type { FaultWindow } from './fault-windows';
import { countUpTo } from './recovery';

/** Values for one fault that depend on requests anywhere in the run. */
export interface FaultMarks {
  /** The greatest term of the successes that ended before the fault began; -1 if there were none. */
  termBefore: number;
  /**
   * The end of the first success among the requests started after the fault took effect; Infinity if there was none.
   */
  firstSuccessMs: number;
}

/** Each request counts for the first fault it applies to, and then for all others that it applies to. */
export function faultMarks(faults: readonly FaultWindow[], forEachRow: ForEachRow): FaultMarks[] {
  const starts = ascending(faults.map(({ startMs }) => startMs));
  const dones = ascending(faults.map(({ doneMs }) => doneMs));
  const terms = new Float64Array(faults.length + 1).fill(-1);
  const endsMs = new Float64Array(faults.length + 1).fill(Infinity);
  forEachRow(({ success, startMs, endMs, term }) => {
    if (!success) return;
    const next = countUpTo(starts, endMs);
    if (term > terms[next]!) terms[next] = term;
    const begun = countUpTo(dones, startMs);
    if (endMs < endsMs[begun]!) endsMs[begun] = endMs;
  });
  for (let at = 1; at < faults.length; at++) terms[at] = Math.max(terms[at]!, terms[at - 1]!);
  for (let at = faults.length - 1; at > 0; at--) endsMs[at] = Math.min(endsMs[at]!, endsMs[at + 1]!);
  return faults.map(({ startMs, doneMs }) => ({
    termBefore: terms[starts.indexOf(startMs)]!,
    firstSuccessMs: endsMs[countUpTo(dones, doneMs)]!,
  }));
}

function ascending(times: readonly number[]): Float64Array {
  return Float64Array.from(times).sort();
}
