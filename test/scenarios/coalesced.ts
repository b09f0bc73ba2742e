import { createHash } from 'node:crypto';

/** Fewer are shown as they are. */
const MIN_COALESCED = 4;
const TASK_EVENT = /^ *\S+ server(\d+) (assigned .*\bto=(\d+)|executed .*\boutcome=(answered|overloaded))\b/;

/**
 * Returns a trace with each stretch of ordinary task events as one line: its times, the numbers by server, and a digest
 * of the whole lines, so that no change goes unnoticed. `npm run sim -- --scenario FILE` prints the lines.
 */
export function coalesced(trace: readonly string[]): string[] {
  const shown: string[] = [];
  let stretch: string[] = [];
  const flush = (): void => {
    shown.push(...(stretch.length < MIN_COALESCED ? stretch : [summary(stretch)]));
    stretch = [];
  };
  for (const line of trace) {
    if (TASK_EVENT.test(line)) {
      stretch.push(line);
    } else {
      flush();
      shown.push(line);
    }
  }
  flush();
  return shown;
}

function summary(lines: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const line of lines) {
    const [, server, , executor, outcome] = TASK_EVENT.exec(line)!;
    const what = outcome === undefined ? `assigned by ${server} to ${executor}` : `${outcome} by ${server}`;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  const told = [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([what, count]) => `${count} ${what}`);
  const digest = createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 12);
  const lastTime = lines.at(-1)!.trim().split(' ')[0]!;
  return `${lines[0]!.slice(0, 11)} to ${lastTime} ${told.join(', ')} (${lines.length} lines, ${digest})`;
}
