/** Reads the report of a run for `report --compare`, and says what is wrong with a file that is not one. */
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { ClusterError } from '../core/errors';
import { printable } from '../core/printable';
import { causeOf } from '../files/cause';
import type { Named } from './compare/compare';
import type { Compared } from './compare/comparison';
import { comparedSchema } from './compare/schema';

const FILE_NAME = 'final_report.json';
/** Our reports have a few megabytes. */
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_PATH_CHARS = 500;

/**
 * `place` is a final_report.json, or a folder that contains one.
 * @throws ClusterError `bad_usage` with the file, the problem, and what was expected
 */
export function readReport(place: string): Named {
  const file = fileOf(place);
  const name = printable(file, MAX_PATH_CHARS);
  const bad = (text: string): ClusterError => new ClusterError('bad_usage', `--compare: ${name}: ${text}`);
  let content: unknown;
  try {
    const there = statSync(file);
    // Reading a FIFO may take forever, and no signal would end it.
    if (!there.isFile()) throw bad(`cannot be read: is ${there.isDirectory() ? 'a folder' : 'not a regular file'}`);
    const { size } = there;
    if (size > MAX_BYTES) throw bad(`has ${size} bytes, more than the limit for a report (${MAX_BYTES})`);
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error instanceof ClusterError) throw error;
    if (error instanceof SyntaxError) throw bad('is not valid JSON, or is truncated');
    throw bad(`cannot be read: ${causeOf(error)}`);
  }
  const result = v.safeParse(comparedSchema, content, { abortEarly: true });
  if (result.success) return { name: place, report: result.output satisfies Compared };
  throw bad(problemOf(result.issues[0]));
}

/** Returns the path of the report in a folder, or `place` itself if it is not a folder. */
export function fileOf(place: string): string {
  const isFolder = statSync(place, { throwIfNoEntry: false })?.isDirectory() ?? false;
  return isFolder ? path.join(place, FILE_NAME) : place;
}

function problemOf({ path: keys, received, message }: v.BaseIssue<unknown>): string {
  if (keys === undefined) return `is not a report: expected the ${FILE_NAME} that \`cloudp2p report\` writes`;
  const key = printable(keys.map((item) => String(item.key)).join('.'), 100);
  if (received === 'undefined') {
    return `has no ${key}: it is not a report, or one of an older version; create it again with \`cloudp2p report\``;
  }
  return `${key}: expected ${message}, got ${printable(received, 60)}`;
}
