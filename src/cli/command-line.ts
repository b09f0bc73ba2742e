/** Finds the command that a command line means, and suggests the nearest one for a misspelling. */
import { nearest } from '../config/nearest';
import { printable } from '../core/printable';
import { ClusterError } from '../core/errors';

export type CommandLine =
  | { kind: 'version' }
  | { kind: 'rootHelp' }
  | { kind: 'help'; id: string }
  | { kind: 'run'; id: string; rest: string[] };

const HELP_FLAGS = ['--help', '-h'];

/**
 * Splits a command line into the id of a command (one of `ids`) and its arguments.
 * @throws ClusterError `bad_usage` for an unknown command
 */
export function splitCommandLine(argv: readonly string[], ids: readonly string[]): CommandLine {
  const [first, ...others] = argv;
  if (first === undefined || HELP_FLAGS.includes(first)) return { kind: 'rootHelp' };
  if (first === '--version') return { kind: 'version' };
  if (first === 'help') return splitCommandLine([...others, '--help'], ids);
  if (first.startsWith('-')) throw unknownFirstFlag(first, ids);
  const words = wordsOf(argv);
  for (let count = words.length; count > 0; count--) {
    const id = words.slice(0, count).join(':');
    if (!ids.includes(id)) continue;
    const rest = argv.slice(count);
    return asksForHelp(rest) ? { kind: 'help', id } : { kind: 'run', id, rest };
  }
  throw unknownCommand(words, ids);
}

/** True if errors and results are to be JSON; `--` ends the flags. */
export function asksForJson(argv: readonly string[]): boolean {
  return beforeDoubleDash(argv).includes('--json');
}

/** A command as it is typed: `client hide`. */
export function typedCommand(id: string): string {
  return id.replaceAll(':', ' ');
}

/** Returns the known command, as it is typed, that was probably meant. */
function nearestCommand(typed: string, ids: readonly string[]): string | undefined {
  return nearest(typed, ids.map(typedCommand));
}

/** Returns the words that may be flags: `--` ends them. */
function beforeDoubleDash(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--');
  return end < 0 ? argv : argv.slice(0, end);
}

function asksForHelp(rest: readonly string[]): boolean {
  return beforeDoubleDash(rest).some((word) => HELP_FLAGS.includes(word));
}

/** Returns the words before the first flag. */
export function wordsOf(argv: readonly string[]): readonly string[] {
  const end = argv.findIndex((word) => word.startsWith('-'));
  return end < 0 ? argv : argv.slice(0, end);
}

function unknownFirstFlag(flag: string, ids: readonly string[]): ClusterError {
  const near = nearest(flag, ['--help', '--version']);
  const hint = near === undefined ? `; a command comes first: ${ids.map(typedCommand).join(', ')}` : didYouMean(near);
  return new ClusterError('bad_usage', `unknown flag ${printable(flag)}${hint}`);
}

function unknownCommand(words: readonly string[], ids: readonly string[]): ClusterError {
  const [first = '', second = ''] = words;
  const near = nearestCommand(`${first} ${second}`.trim(), ids) ?? nearestCommand(first, ids);
  const hint = near === undefined ? `; known: ${ids.map(typedCommand).join(', ')}` : didYouMean(near);
  return new ClusterError('bad_usage', `unknown command "${printable(first)}"${hint}`);
}

/** Returns the suggestion that ends an error about a misspelled word. */
export function didYouMean(word: string): string {
  return `, did you mean "${word}"?`;
}
