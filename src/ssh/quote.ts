import { ClusterError } from '../core/errors';

/**
 * A command as the one text that SSH carries, for the POSIX shell that takes it apart on the other side. Nothing of an
 * argument is obeyed by that shell: not spaces, quotes, newlines, `$()`, `;`. Whether the program takes a leading dash
 * for an option is the caller's business (`--`).
 * @throws ClusterError `bad_usage` for a zero byte, which no argument can hold
 */
export function quoteCommand(argv: readonly string[]): string {
  return argv.map(quote).join(' ');
}

function quote(argument: string): string {
  if (argument.includes('\0')) throw new ClusterError('bad_usage', 'a command over SSH cannot hold a zero byte');
  return `'${argument.replaceAll("'", `'\\''`)}'`;
}
