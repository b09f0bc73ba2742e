/** Runs `report --compare A B`: prints the comparison of two runs, and writes it to the requested files. */
import path from 'node:path';
import { ClusterError } from '../core/errors';
import { printable } from '../core/printable';
import { goesToStdout, refuseOverwriting } from '../files/target';
import { writeAll } from '../files/write-whole';
import { compare, type Named } from './compare/compare';
import type { Comparison } from './compare/comparison';
import { renderCompareHtml } from './compare/html';
import { fileOf, readReport } from './read-report';
import { renderCompareText } from './compare/text';

export interface CompareOptions {
  /** The arguments: a final_report.json or its folder, twice. */
  places: readonly string[];
  /** Additional output files, in the format of each extension. */
  outFiles: readonly string[];
  /** Receives the output for people; not called with --json. */
  say(text: string): void;
}

type Render = (comparison: Comparison, a: Named, b: Named) => string;

const FORMATS: Record<string, Render> = {
  '.txt': renderCompareText,
  '.html': (comparison, a, b) => renderCompareHtml(comparison, { a: a.report, b: b.report }),
  '.json': (comparison) => `${JSON.stringify(comparison, null, 2)}\n`,
};

/** @throws ClusterError `bad_usage` if there are not two reports, or if a file cannot be written */
export async function runCompare({ places, outFiles, say }: CompareOptions): Promise<Comparison> {
  const [placeA, placeB, ...others] = places;
  if (placeA === undefined || placeB === undefined || others.length > 0) {
    const expected = 'two runs, each a folder with a final_report.json or the file itself';
    throw new ClusterError('bad_usage', `--compare: expected ${expected}; got ${places.length}`);
  }
  const renders = [...new Set(outFiles)].map((file) => ({ file, render: renderOf(file) }));
  const inputs = [placeA, placeB].map((place) => ({
    path: fileOf(place),
    name: `a report to compare (${printable(place, 4096)})`,
  }));
  refuseOverwriting(outFiles, inputs);
  const [a, b] = [readReport(placeA), readReport(placeB)];
  const comparison = compare(a, b);
  await writeAll(renders.map(({ file, render }) => ({ path: file, content: render(comparison, a, b) })));
  say(renderCompareText(comparison).trimEnd());
  for (const { file } of renders) say(`✓ Saved comparison: ${printable(file, 4096)}`);
  return comparison;
}

function renderOf(file: string): Render {
  const extension = path.extname(file).toLowerCase();
  if (Object.hasOwn(FORMATS, extension)) return FORMATS[extension]!;
  if (extension === '' && goesToStdout(file)) return renderCompareText;
  const known = Object.keys(FORMATS).join(', ');
  const text = `--out: expected a file name ending in ${known}, got "${printable(file, 200)}"`;
  throw new ClusterError('bad_usage', text);
}
