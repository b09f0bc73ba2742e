/** Loads a TOML file and checks it against a schema; one error reports all of its problems. */
import * as v from 'valibot';
import { ClusterError } from '../core/errors';
import { parseToml } from './parse-toml';
import { badConfig, type Problem } from './problem';
import { readText } from './read-text';
import { printable } from '../core/printable';
import { MAX_PATH_CHARS, showPath, showValue } from './show';
import { structureProblems } from './structure';
import type { TomlTable } from './toml-values';

export interface LoadOptions<T> {
  /** If false, a missing file gives undefined instead of an error; any other problem is still an error. */
  required: boolean;
  /** Checks relations between values; called only if each value by itself is valid. */
  check?: (settings: T) => Problem[];
}

type Required<T> = LoadOptions<T> & { required: true };

/**
 * Reads the settings of a TOML file and checks them against a schema of `table`, `section` and the other fields.
 * @throws ClusterError `bad_config`, one line per problem: file, key, expectation, actual value
 */
export function loadConfig<S extends v.GenericSchema>(
  schema: S,
  path: string,
  options: Required<v.InferOutput<S>>,
): v.InferOutput<S>;
export function loadConfig<S extends v.GenericSchema>(
  schema: S,
  path: string,
  options: LoadOptions<v.InferOutput<S>>,
): v.InferOutput<S> | undefined;
export function loadConfig<S extends v.GenericSchema>(
  schema: S,
  path: string,
  { required, check }: LoadOptions<v.InferOutput<S>>,
): v.InferOutput<S> | undefined {
  const read = readText(path);
  const name = printable(path, MAX_PATH_CHARS);
  if ('problem' in read) {
    if (read.problem.missing && !required) return undefined;
    throw new ClusterError('bad_config', `${name}: ${read.problem.text}`);
  }
  return parseConfig(schema, read.text, name, check);
}

/** The same for a text; `name` names the file in errors. */
export function parseConfig<S extends v.GenericSchema>(
  schema: S,
  text: string,
  name: string,
  check: (settings: v.InferOutput<S>) => Problem[] = () => [],
): v.InferOutput<S> {
  const parsed = parseToml(text);
  if ('problem' in parsed) {
    const { line, column, text: reason } = parsed.problem;
    throw new ClusterError('bad_config', `${name}:${line}:${column}: not valid TOML: ${reason}`);
  }
  const { settings, problems } = validate(schema, parsed.table);
  const all = settings === undefined ? problems : [...problems, ...check(settings)];
  if (settings === undefined || all.length > 0) throw badConfig(all, name);
  return settings;
}

/** Returns all defaults, as from an empty file; for files that may be missing. */
export function defaultsOf<S extends v.GenericSchema>(schema: S): v.InferOutput<S> {
  return v.parse(schema, {});
}

function validate<S extends v.GenericSchema>(
  schema: S,
  value: TomlTable,
): { settings?: v.InferOutput<S>; problems: Problem[] } {
  const structure = structureProblems(schema, value);
  const result = v.safeParse(schema, value);
  if (result.success) return { settings: result.output, problems: structure };
  const values = result.issues.filter((issue) => issue.path?.at(-1)?.origin !== 'key').map(problemOf);
  return { problems: [...structure, ...values] };
}

function problemOf(issue: v.BaseIssue<unknown>): Problem {
  const steps = (issue.path ?? []).map((item) => item.key as string | number);
  return { key: showPath(steps), text: `expected ${issue.message}, got ${showValue(issue.input)}` };
}
