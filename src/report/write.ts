/** Writes a report to the files of `--out`, each in the format of its extension. */
import path from 'node:path';
import { ClusterError } from '../core/errors';
import { goesToStdout } from '../files/target';
import { writeAll } from '../files/write-whole';
import { printable } from '../core/printable';
import { renderCsv } from './render/csv';
import { renderHtml } from './render/html';
import { renderJson } from './render/json';
import { renderJunit } from './render/junit';
import { renderText } from './render/text';
import type { Report } from './report';

/** Formats by file extension, with their names for users. */
const FORMATS = {
  '.json': { name: 'JSON', render: renderJson },
  '.txt': { name: 'text', render: renderText },
  '.html': { name: 'HTML', render: renderHtml },
  '.xml': { name: 'JUnit', render: renderJunit },
  '.csv': { name: 'CSV', render: renderCsv },
} as const;

type Extension = keyof typeof FORMATS;

/**
 * Returns the format of an output file; text for standard output.
 * @throws ClusterError `bad_usage` for an unknown extension
 */
export function formatOf(file: string): (typeof FORMATS)[Extension] {
  const extension = path.extname(file).toLowerCase();
  if (Object.hasOwn(FORMATS, extension)) return FORMATS[extension as Extension];
  if (extension === '' && goesToStdout(file)) return FORMATS['.txt'];
  const known = Object.keys(FORMATS).join(', ');
  throw new ClusterError('bad_usage', `--out: expected a file name ending in ${known}, got "${printable(file, 200)}"`);
}

/** Writes all files or none. @throws ClusterError `bad_usage` */
export async function writeReports(report: Report, files: readonly string[]): Promise<void> {
  await writeAll(files.map((file) => ({ path: file, content: formatOf(file).render(report) })));
}
