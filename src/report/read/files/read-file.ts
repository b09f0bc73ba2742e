/** Reads a file of JSON lines, and counts the damaged ones. */
import { readLines } from './file-lines';
import { CappedList } from '../capped-list';
import type { InputFile, InputKind } from '../../report';
import type { Parsed } from '../parse-line';

/** A file with this many damaged lines, and ten times as many as valid ones, is not ours, whatever its name. */
const HOPELESS_LINES = 10_000;
const HOPELESS_RATIO = 10;

/** Fills `record` from the bytes of a line and returns the index of its end (\n), or -1 if the line must be parsed. */
export interface FastParser<T> {
  readonly record: T;
  parse(block: Buffer, from: number): number;
}

/**
 * Passes the valid lines to `take`, which may reject one with a reason. Bad lines are counted and the first few named.
 * If the file cannot be read to its end, its first problem says why.
 */
export function readRecords<T>(
  path: string,
  kind: InputKind,
  parse: (line: string) => Parsed<T>,
  take: (value: T) => string | void,
  fastParser?: FastParser<T>,
): InputFile & { unreadable: boolean } {
  const bad = new CappedList();
  let wholeLines = 0;
  let damagedLines = 0;
  const isHopeless = (): boolean => damagedLines >= HOPELESS_LINES && damagedLines >= HOPELESS_RATIO * wholeLines;
  const judge = (value: T, number: number): void => {
    wholeLines += 1;
    const refusal = take(value);
    if (refusal) bad.add(`line ${number}: ${refusal}`);
  };
  const damaged = (number: number, text: string): void => {
    damagedLines += 1;
    bad.add(`line ${number}: ${text}`);
  };
  const parseFast = (block: Buffer, from: number, number: number): number => {
    const end = fastParser!.parse(block, from);
    if (end >= 0) judge(fastParser!.record, number);
    return end;
  };
  const read = readLines(path, {
    isEnough: isHopeless,
    problem: damaged,
    ...(fastParser && { bytes: parseFast }),
    line(text, number) {
      const parsed = parse(text);
      if ('ok' in parsed) judge(parsed.ok, number);
      else damaged(number, parsed.problem);
    },
  });
  const gaveUp = `stopped reading: ${damagedLines} of the first ${read.lines} lines are damaged`;
  const problem = read.problem ?? (isHopeless() ? gaveUp : null);
  const problems = problem === null ? bad.lines() : [problem, ...bad.lines()];
  return { path, kind, lines: read.lines, badLines: bad.count, problems, unreadable: problem !== null };
}
