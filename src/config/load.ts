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
  /** A missing optional file is undefined instead of an error; every other fault is an error all the same. */
  required: boolean;
  /** What one value must be in view of another; asked only when each value by itself is right. */
  check?: (settings: T) => Problem[];
}

type Required<T> = LoadOptions<T> & { required: true };

/**
 * The settings of a TOML file, checked by a schema of `table`, `section` and the other fields.
 * @throws ClusterError `bad_config`, one line for every problem: file, key, what was expected, what stands there.
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

/** The same for a text; `name` stands for the file in errors. */
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

/** Defaults for everything, as if an empty file had been read; for files that may be left out. */
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
