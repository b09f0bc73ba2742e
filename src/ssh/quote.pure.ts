/** Quotes commands for the shell of another machine. */
import { ClusterError } from '../core/errors';
import { shellQuoted } from '../core/shell-word';

/**
 * Quotes a command into the one string that SSH carries, for the remote POSIX shell. That shell interprets nothing in an
 * argument: no spaces, quotes, newlines, `$()`, `;`. The caller must protect a leading dash from being parsed as an option
 * (`--`).
 * @throws ClusterError `bad_usage` for a zero byte, which no argument can contain
 */
export function quoteCommand(argv: readonly string[]): string {
  return argv.map(quote).join(' ');
}

function quote(argument: string): string {
  if (argument.includes('\0')) throw new ClusterError('bad_usage', 'a command over SSH cannot contain a zero byte');
  return shellQuoted(argument);
}
