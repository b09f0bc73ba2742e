/** The help texts and docstrings are plain English: files have heads, clauses are not headless, and faults *heal*. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { COMMANDS } from '../../src/index';
import { ROOT } from './import-graph';

const ROOMS = ['src', 'test'].flatMap(roomsIn);

const HEADLESS = /^(?:What|Of|Who|Whose|Whether|How|Where|When|By whom)\b/i;
const MEND = /\bmend(?:s|ed|ing)?\b/i;

const breaches = (text: string): boolean => HEADLESS.test(text) || MEND.test(text);

function roomsIn(folder: string): string[] {
  return readdirSync(path.join(ROOT, folder)).map((name) => path.posix.join(folder, name));
}

/** The texts of all docstrings of a file, without their markup. */
function docstringsOf(source: string): string[] {
  return [...source.matchAll(/^\s*\/\*\*(.*?)\*\//gms)].map(([, body]) => body!.replace(/^\s*\* ?/gm, '').trim());
}

function filesOf(room: string): string[] {
  const place = path.join(ROOT, room);
  if (statSync(place).isFile()) return [room];
  const names = readdirSync(place, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(?:ts|mjs)$/.test(name));
  return names.map((name) => path.join(room, name));
}

/** True if the first docstring begins the file, is a sentence, and stands nowhere else in the file. */
function hasHead(source: string): boolean {
  const [head = '', ...others] = docstringsOf(source);
  return source.startsWith('/**') && /^[A-Z0-9`].*\.$/s.test(head.split('\n\n', 1)[0]!) && !others.includes(head);
}

it('a breach is noticed', () => {
  const texts = ['What it is.', 'Of the run.', 'Faults that were mended.', 'Returns what it is.'];
  const source = texts.map((text) => `/**\n * ${text}\n */`).join('\n');
  expect(docstringsOf(source).filter(breaches)).toEqual(texts.slice(0, 3));
});

it.each(ROOMS)('the docstrings of %s', (room) => {
  const found = filesOf(room).flatMap((file) =>
    docstringsOf(readFileSync(path.join(ROOT, file), 'utf8'))
      .filter(breaches)
      .map((text) => `${file}: ${text}`),
  );
  expect(found).toEqual([]);
});

it.each(ROOMS.filter((room) => room !== 'test/architecture'))('%s says heal everywhere', (room) => {
  const found = filesOf(room).filter((file) => MEND.test(readFileSync(path.join(ROOT, file), 'utf8')));
  expect(found).toEqual([]);
});

describe('every file of src begins with a sentence that says what it is for', () => {
  it.each([
    ['/** Draws it. */', true],
    ['/**\n * `x`: draws it.\n *\n * In two colours\n */', true],
    ["import x from 'x';\n/** Draws it. */", false],
    ['/** draws it. */', false],
    ['/** Draws it */', false],
    ['/** Draws it. */\n/** Draws it. */', false],
    ['// Draws it.', false],
  ])('%j: %s', (source, expected) => expect(hasHead(source)).toBe(expected));

  it('holds', () => {
    expect(filesOf('src').filter((file) => !hasHead(readFileSync(path.join(ROOT, file), 'utf8')))).toEqual([]);
  });
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
