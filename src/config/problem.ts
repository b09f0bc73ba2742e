import { ClusterError } from '../core/errors';

/** One thing that is wrong in a configuration: the key's full path, or the flag as typed, and what was expected. */
export interface Problem {
  key: string;
  text: string;
}

/** A file of thousands of wrong keys needs no thousand lines to be understood. */
const MAX_PROBLEMS = 20;

/** The error of a wrong configuration: one line for every problem. `where` (the file) stands before each. */
export function badConfig(problems: readonly Problem[], where = ''): ClusterError {
  const lines = problems
    .slice(0, MAX_PROBLEMS)
    .map(({ key, text }) => [where, key, text].filter((part) => part !== '').join(': '));
  const more = problems.length - lines.length;
  if (more > 0) lines.push(`${where === '' ? '' : `${where}: `}and ${more} more`);
  return new ClusterError('bad_config', lines.join('\n'));
}
