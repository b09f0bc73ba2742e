/** Reports an error as text, or as JSON with --json, and gives the exit code. */
import { Errors } from '@oclif/core';
import { nearest } from '../config/nearest';
import { oneLine, printable } from '../core/printable';
import { ClusterError, EXIT, type ErrorCode, exitCodeOf } from '../core/errors';
import { asksForJson, didYouMean, wordsOf } from './command-line';

/** The parts of oclif's parse errors that are used here; its classes are not exported. */
interface ParseError extends Error {
  /** Unknown flags as typed. */
  flags?: string[];
  /** Unexpected arguments as typed, or the missing ones. */
  args?: (string | { name: string; description?: string })[];
  parse?: { input?: { flags?: Record<string, unknown> } };
}

interface Failure {
  code: ErrorCode;
  message: string;
  exitCode: number;
  /** Further lines of text, without --json. */
  hint?: string;
}

const BUG = 'this is a bug in cloudp2p, please report it';

/** Writes the error to stderr (with --json: to stdout, as one object) and returns the exit code. */
export function reportFailure(error: unknown, argv: readonly string[]): number {
  if (error instanceof Errors.ExitError) return error.oclif.exit ?? EXIT.ok;
  const failure = failureOf(error, argv);
  if (asksForJson(argv)) {
    const { code, message } = failure;
    process.stdout.write(`${JSON.stringify({ error: { code, message } })}\n`);
  } else {
    for (const line of failure.message.split('\n')) process.stderr.write(`Error: ${oneLine(line)}\n`);
  }
  if (failure.hint !== undefined && (failure.exitCode === EXIT.bug || !asksForJson(argv))) {
    process.stderr.write(`${failure.hint}\n`);
  }
  return failure.exitCode;
}

function failureOf(error: unknown, argv: readonly string[]): Failure {
  if (error instanceof ClusterError) {
    return { code: error.code, message: error.message, exitCode: exitCodeOf(error) };
  }
  if (error instanceof Errors.CLIError) {
    const hint = `See "cloudp2p ${wordsOf(argv)[0] ?? ''} --help".`;
    return { code: 'bad_usage', message: usageMessage(error), exitCode: EXIT.usage, hint };
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  return { code: 'internal', message, exitCode: EXIT.bug, hint: `${stack ?? ''}\n${BUG}` };
}

function usageMessage(error: ParseError): string {
  const { flags, args, parse } = error;
  if (flags !== undefined) return flags.map((flag) => unknownFlag(flag, parse?.input?.flags ?? {})).join('\n');
  if (args !== undefined && args.length > 0) {
    return args
      .map((arg) =>
        typeof arg === 'string'
          ? `unexpected argument "${printable(arg)}"`
          : `missing argument ${arg.name.toUpperCase()}${arg.description ? `: ${arg.description}` : ''}`,
      )
      .join('\n');
  }
  // oclif's own message, without the help line (ours names the command) and without its heading.
  return error.message
    .replace(/\nSee more help with --help$/, '')
    .replace(/^Parsing (--\S+)\s+/, '$1: ')
    .replace(/^The following errors? occurred:\n\s*/, '')
    .replace(/\u001b\[[\d;]*m/g, '');
}

function unknownFlag(typed: string, known: Record<string, unknown>): string {
  const [flag = typed] = typed.split('=');
  const near = nearest(flag.replace(/^-+/, ''), [...Object.keys(known), 'json', 'help']);
  return `unknown flag ${printable(flag)}${near === undefined ? '' : didYouMean(`--${near}`)}`;
}
