/** The errors of a configuration: a line per problem, which names the key or flag and the expectation. */
import { ClusterError } from '../core/errors';

/** One error in a configuration: the full path of the key, or the flag as typed, and the expectation. */
export interface Problem {
  key: string;
  text: string;
}

/** Limit on the lines of one error message. */
const MAX_PROBLEMS = 20;

/** Returns the error for an invalid configuration: one line per problem, each prefixed with `where` (the file). */
export function badConfig(problems: readonly Problem[], where = ''): ClusterError {
  const lines = problems
    .slice(0, MAX_PROBLEMS)
    .map(({ key, text }) => [where, key, text].filter((part) => part !== '').join(': '));
  const more = problems.length - lines.length;
  if (more > 0) lines.push(`${where === '' ? '' : `${where}: `}and ${more} more`);
  return new ClusterError('bad_config', lines.join('\n'));
}

/** Returns the error for invalid settings, each with the name of its flag or its key and file. */
export function badSettings(problems: readonly Problem[]): ClusterError {
  const error = badConfig(problems);
  return problems.every(({ key }) => key.startsWith('--')) ? new ClusterError('bad_usage', error.message) : error;
}
