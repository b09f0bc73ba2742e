/** The documents: a short README, tables that fit a screen, links and paths that lead somewhere, no names of absent pages. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './import-graph';

const MAX_README_BYTES = 12 * 1024;
const MAX_ROW_CHARS = 160;
/** Pages that this repository does not have. */
const ABSENT = /\b(?:any-cluster|cli|cluster|honest-figures|membership|metrics-and-reports|performance|stack)\.md\b/;
const MEND = /\bmend(?:s|ed|ing)?\b/i;
/** A path of this repository in code marks. */
const PATH = /^(?:src|test|config|docs|bin)\/[\w./{},*-]+$/;
const EXTENSIONS = ['', '.ts', '.test.ts', '.mjs'];

const DOCUMENTS = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(path.join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.join('docs', name)),
].sort();

const textOf = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');
const withoutCode = (text: string): string => text.replace(/^ *```.*?^ *```$/gms, '').replace(/`[^`\n]*`/g, '');

/** Returns the anchors of a page's headings, as GitHub makes them. */
function anchorsOf(text: string): string[] {
  return [...text.replace(/^ *```.*?^ *```$/gms, '').matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Returns the links of a document that lead nowhere, each as a line. */
function deadLinks(file: string, text: string): string[] {
  const links = [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
  return links
    .filter((target) => !/^https?:/.test(target))
    .filter((target) => {
      const [place = '', anchor] = target.split('#');
      const page = place === '' ? file : path.join(path.dirname(file), place);
      if (!existsSync(path.join(ROOT, page))) return true;
      return anchor !== undefined && !anchorsOf(textOf(page)).includes(anchor);
    })
    .map((target) => `${file}: ${target}`);
}

/** Returns the paths that a pattern stands for: `{a,b}` is both, `{id}` and `*` are any part of a name. */
function spelledOut(pattern: string): string[] {
  const [, before = '', inner = '', after = ''] = /^(.*?)\{(.*?)\}(.*)$/.exec(pattern) ?? [];
  if (before !== '') {
    const parts = inner.includes(',') ? inner.split(',') : ['*'];
    return parts.flatMap((part) => spelledOut(before + part + after));
  }
  if (!pattern.includes('*')) return [pattern];
  const [folder, name] = [path.dirname(pattern), path.basename(pattern)];
  const form = new RegExp(`^${name.replaceAll('.', '\\.').replaceAll('*', '.*')}`);
  const found = existsSync(path.join(ROOT, folder)) ? readdirSync(path.join(ROOT, folder)) : [];
  return found.some((file) => form.test(file)) ? [folder] : [pattern];
}

/** Returns the paths in code marks that do not exist, with or without the extension of a source. */
function deadPaths(text: string): string[] {
  const marks = [...text.replace(/^ *```.*?^ *```$/gms, '').matchAll(/`([^`\n]+)`/g)].map(([, mark]) => mark!);
  return marks
    .flatMap((mark) => mark.split(/\s+/))
    .filter((word) => PATH.test(word))
    .flatMap(spelledOut)
    .filter((file) => !EXTENSIONS.some((extension) => existsSync(path.join(ROOT, file + extension))));
}

const longRows = (text: string): string[] => text.match(new RegExp(`^ *\\|.{${MAX_ROW_CHARS},}$`, 'gmu')) ?? [];

it('breaches are noticed', () => {
  const bad = '[a](none.md) [b](#none) [c](docs/faults.md#none) `[d](none.md)` [e](https://example.org)';
  expect(deadLinks('README.md', bad)).toHaveLength(3);
  expect(deadLinks('README.md', '[a](docs/faults.md#safety) [b](#documents)')).toEqual([]);
  expect(deadPaths('`src/none` `test/architecture/{docs,none}` `config/none*.toml` `src/none.ts --flag`')).toHaveLength(
    4,
  );
  expect(deadPaths('`src` `test/architecture/docs` `config/server{id}.toml` `config/s*.toml` `bin/dev.js x`')).toEqual(
    [],
  );
  expect(longRows(`| ${'x'.repeat(MAX_ROW_CHARS)} |\n| short |\n${'x'.repeat(200)}`)).toHaveLength(1);
});

it('the README is short, and leads to the plan of the code at once', () => {
  const text = textOf('README.md');
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAX_README_BYTES);
  expect(text.slice(0, text.indexOf('\n## '))).toContain('(docs/architecture.md)');
  expect(textOf('CONTRIBUTING.md')).toContain('(docs/architecture.md)');
});

it('docs/README.md lists every page', () => {
  const pages = DOCUMENTS.filter((file) => path.dirname(file) === 'docs').map((file) => path.basename(file));
  const index = textOf('docs/README.md');
  expect(pages.filter((page) => page !== 'README.md' && !index.includes(`(${page})`))).toEqual([]);
});

it('docs/README.md lists every decision by its number and title', () => {
  const headings = DOCUMENTS.filter((file) => path.dirname(file) === 'docs/decisions').map((file) => {
    const [, number, title] = /^# (\d{4}) (.+)$/m.exec(textOf(file)) ?? [];
    return `[${number}](decisions/${path.basename(file)}) ${title}`;
  });
  const rows = [...textOf('docs/README.md').matchAll(/^\| (\[\d{4}\]\(\S+\)) +\| (.+?) +\|$/gm)];
  expect(rows.map(([, link, title]) => `${link} ${title}`)).toEqual(headings);
});

it.each(DOCUMENTS)('%s has narrow tables, live links and paths, and our words', (file) => {
  const text = textOf(file);
  expect(longRows(text)).toEqual([]);
  expect(deadLinks(file, text)).toEqual([]);
  expect(deadPaths(text)).toEqual([]);
  expect(ABSENT.exec(text)).toBeNull();
  expect(MEND.exec(text)).toBeNull();
});

it.each(DOCUMENTS.filter((file) => file.startsWith('docs/decisions/')))('%s has the form of a decision', (file) => {
  const text = textOf(file);
  expect(text).toMatch(new RegExp(`^# ${path.basename(file).slice(0, 4)} `));
  const parts = [...text.matchAll(/^\*\*(\w+)\.\*\*/gm)].map(([, part]) => part);
  expect(parts).toEqual(['Context', 'Decision', 'Why', 'Consequences']);
});
