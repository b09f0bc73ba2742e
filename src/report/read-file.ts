import { readLines } from './file-lines';
import { Few } from './few';
import type { InputFile, InputKind } from './inputs';
import type { Parsed } from './parse-line';

/**
 * Reads a file of JSON lines and shows the good ones to `take`, which may refuse one with a reason. Bad ones are
 * counted and the first few named. A file that cannot be read has no lines and one problem.
 */
export function readRecords<T>(
  path: string,
  kind: InputKind,
  parse: (line: string) => Parsed<T>,
  take: (value: T) => string | void,
): InputFile & { unreadable: boolean } {
  const bad = new Few();
  const problem = (number: number, text: string): void => bad.add(`line ${number}: ${text}`);
  const read = readLines(path, {
    problem,
    line(text, number) {
      const parsed = parse(text);
      const refusal = 'ok' in parsed ? take(parsed.ok) : parsed.problem;
      if (refusal) problem(number, refusal);
    },
  });
  if ('problem' in read) {
    return { path, kind, lines: 0, badLines: 0, problems: [read.problem], unreadable: true };
  }
  return { path, kind, lines: read.lines, badLines: bad.count, problems: bad.lines(), unreadable: false };
}
