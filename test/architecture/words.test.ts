/** The help texts and docstrings are plain English: no headless clauses, and *heal* instead of *mend*. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { COMMANDS } from '../../src/index';
import { ROOT } from './import-graph';

/** All of src. */
const ROOMS = [
  'src/assets',
  'src/check',
  'src/cli',
  'src/client',
  'src/commands',
  'src/config',
  'src/core',
  'src/faults',
  'src/files',
  'src/imaging',
  'src/index.ts',
  'src/init',
  'src/main.ts',
  'src/metrics',
  'src/report',
  'src/run',
  'src/server',
  'src/ssh',
  'src/status',
  'src/stress',
];

const HEADLESS = /^(?:What|Of|Who|Whose|Whether|How|Where|When|By whom)\b/i;
const MEND = /\bmend(?:s|ed)?\b/i;

const breaches = (text: string): boolean => HEADLESS.test(text) || MEND.test(text);

/** The texts of all docstrings of a file, without their markup. */
function docstringsOf(source: string): string[] {
  return [...source.matchAll(/\/\*\*(.*?)\*\//gs)].map(([, body]) => body!.replace(/^\s*\* ?/gm, '').trim());
}

function filesOf(room: string): string[] {
  const place = path.join(ROOT, room);
  if (statSync(place).isFile()) return [room];
  const names = readdirSync(place, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  return names.map((name) => path.join(room, name));
}

it('every room exists', () => {
  expect(ROOMS.filter((room) => !existsSync(path.join(ROOT, room)))).toEqual([]);
});

it('a breach is noticed', () => {
  const bad = '/** What it is. */ /**\n * Of the run.\n */ /** Faults that were mended. */ /** Returns what it is. */';
  expect(docstringsOf(bad).filter(breaches)).toHaveLength(3);
});

it.each(ROOMS)('the docstrings of %s', (room) => {
  const found = filesOf(room).flatMap((file) =>
    docstringsOf(readFileSync(path.join(ROOT, file), 'utf8'))
      .filter(breaches)
      .map((text) => `${file}: ${text}`),
  );
  expect(found).toEqual([]);
});

it.each(Object.entries(COMMANDS))('the help of %s', (_, load) => {
  const { summary = '', description = '', flags = {}, args = {}, baseFlags = {}, examples = [] } = load();
  const options = Object.values({ ...baseFlags, ...flags, ...args });
  const texts = [
    ...[summary, description],
    ...options.flatMap((option) => [option.description ?? '', 'summary' in option ? (option.summary ?? '') : '']),
    ...examples.map((example) => (typeof example === 'string' ? '' : example.description)),
  ];
  expect(texts.filter(breaches)).toEqual([]);
});
