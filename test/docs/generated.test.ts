import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../architecture/import-graph';
import { generatedFiles } from './generated';

const LONGEST_ROW_CHARS = 160;
const files = generatedFiles();

test.each(files)('$path is as `npm run docs` writes it', ({ path: name, text }) => {
  const file = path.join(ROOT, name);
  expect(existsSync(file) ? readFileSync(file, 'utf8') : 'missing').toBe(text);
});

test('no row of a table is long', () => {
  const lines = files.flatMap(({ text }) => text.split('\n'));
  expect(lines.filter((line) => line.startsWith('|') && line.length > LONGEST_ROW_CHARS)).toEqual([]);
});
