/** Parses TOML, with the parser's syntax errors reworded for users. */
import { parse } from 'toml';
import { printable } from '../core/printable';
import { TomlDate, type TomlTable } from './toml-values';

/** A syntax error in a TOML text; line and column count from 1. */
export interface TomlProblem {
  line: number;
  column: number;
  text: string;
}

/** The errors of the parser: its own carry line and column, those of its grammar a location. */
interface ParserError {
  message: string;
  line?: number;
  column?: number;
  location?: { start: { line: number; column: number; offset: number } };
  expected?: { type: string; text?: string }[];
  found?: string | null;
}

/** Limit on nesting; settings are three tables deep. */
const MAX_DEPTH = 32;

const keepText = { from: (text: string) => new TomlDate(text) };
const TEMPORAL = { ZonedDateTime: keepText, PlainDateTime: keepText, PlainDate: keepText, PlainTime: keepText };

/** Parses a TOML text, or returns its first syntax error. */
export function parseToml(text: string): { table: TomlTable } | { problem: TomlProblem } {
  try {
    // Without this option a local date would be a string and pass for a name.
    return { table: parse(text, { useTemporal: true, temporal: TEMPORAL, maxDepth: MAX_DEPTH }) as TomlTable };
  } catch (error) {
    return { problem: describe(error as ParserError, text) };
  }
}

function describe(error: ParserError, text: string): TomlProblem {
  const start = error.location?.start;
  if (start === undefined) return { line: error.line ?? 1, column: error.column ?? 1, text: reword(error.message) };
  return { line: start.line, column: start.column, text: explain(error, text.slice(start.offset, start.offset + 100)) };
}

/** Rewords the parser's messages, which are written for programmers. */
function reword(message: string): string {
  const duplicate = /^Cannot redefine existing key '(.*)'\.$/s.exec(message);
  if (duplicate !== null) return `${printable(duplicate[1]!)} is set twice`;
  if (message.startsWith('Integer')) return 'the number is too large';
  if (message.startsWith('Maximum nesting depth')) return 'lists or tables are nested too deeply';
  if (message.startsWith('Invalid escape'))
    return `invalid escape sequence (write \\\\ for \\, or use 'single quotes')`;
  return printable(`${message.charAt(0).toLowerCase()}${message.slice(1).replace(/\.$/, '')}`, 200);
}

/** An error of the grammar lists dozens of accepted characters; the message names the one that is missing. */
function explain({ expected = [], found }: ParserError, rest: string): string {
  const literals = new Set(expected.map((item) => item.text));
  if (found !== null && found !== undefined && isControl(found)) return 'control characters are not allowed';
  const quotes = ["'", "'''"].some((quote) => literals.has(quote)) && !literals.has('"');
  const inText = quotes || literals.has('\\');
  const wanted = inText ? 'the closing quote' : wantedBy(literals);
  if (found === null) return `the file ends too early: expected ${wanted}`;
  if (found === '\n' || found === '\r') return `the line ends too early: expected ${wanted}`;
  return `expected ${wanted}, got "${printable(/^[^\s,\]}#=]+/.exec(rest)?.[0] ?? found ?? '', 30)}"`;
}

function wantedBy(literals: Set<string | undefined>): string {
  if (literals.has('true')) return 'a value (text in quotes)';
  if (literals.has('=')) return '"=" after the key';
  if (literals.has(',')) return literals.has(']') ? '"," or "]"' : '"," or "}"';
  if (literals.has(']')) return '"]"';
  if (literals.has('[')) return 'a key, a [table] or a comment';
  if (literals.has('\n')) return literals.has('}') ? 'a key or "}"' : 'the end of the line';
  return literals.has('"') ? 'a key' : 'a complete number or date';
}

function isControl(character: string): boolean {
  return character < ' ' && !'\t\r\n'.includes(character);
}
