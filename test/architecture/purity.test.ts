import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { type Edge, importsOf, readSources, ROOT } from './import-graph';

interface Linted {
  fired: string[][];
  pure: string[];
}

/** The rules of eslint.config.mjs that each sample breaks, and the patterns of files that must be pure. */
function lint(samples: readonly (readonly [file: string, code: string])[]): Linted {
  const program = path.join(ROOT, 'test', 'architecture', 'purity.mjs');
  const options = { cwd: ROOT, input: JSON.stringify(samples), encoding: 'utf8' } as const;
  return JSON.parse(execFileSync(process.execPath, [program], options)) as Linted;
}

const BAD: [code: string, rule: string][] = [
  ['export const now = () => Date.now();', 'no-restricted-globals'],
  ['export const at = () => performance.now();', 'no-restricted-globals'],
  ['export const later = (f: () => void) => setTimeout(f, 1);', 'no-restricted-globals'],
  ['export const env = process.env;', 'no-restricted-globals'],
  ['export const any = () => Math.random();', 'no-restricted-properties'],
  ['export const sly = () => globalThis.Date.now();', 'no-restricted-properties'],
  ["import { readFileSync } from 'node:fs';\nexport const r = readFileSync;", 'no-restricted-imports'],
  ["import { connect } from 'net';\nexport const c = connect;", 'no-restricted-imports'],
];

describe('purity', () => {
  const pureFile = 'src/server/member/member.ts';
  const samples = BAD.map(([code]) => [pureFile, code] as const);
  const { fired, pure } = lint([
    ...samples,
    ['src/server/machine-load.ts', BAD[0]![0]],
    [pureFile, 'export const one = 1;'],
  ]);

  it.each(BAD.map(([code, rule], index) => [code, rule, index] as const))('forbids %s', (_, rule, index) => {
    expect(fired[index]).toContain(rule);
  });

  it('is required only of pure files', () => {
    expect(fired.slice(BAD.length)).toEqual([[], []]);
  });

  const patterns = pure.flatMap(alternatives).map(regExpOf);
  const isPure = (file: string): boolean => patterns.some((pattern) => pattern.test(file));
  const sources = readSources('src');

  it('names files that exist', () => {
    const files = [...sources.keys()];
    expect(patterns.filter((pattern) => !files.some((file) => pattern.test(file)))).toEqual([]);
  });

  // Not for whole folders: some have a file or two that start things, or import texts of other rooms.
  it('of a file named so includes what it imports', () => {
    const breach = (from: string, to: string, isTypeOnly = false): Edge => ({ from, to, isTypeOnly });
    expect(impureImports([breach('src/a.pure.ts', 'src/main.ts')], isPure)).toEqual(['src/a.pure.ts: src/main.ts']);
    expect(impureImports([breach('src/a.pure.ts', 'src/main.ts', true)], isPure)).toEqual([]);
    const named = new Map([...sources].filter(([file]) => file.endsWith('.pure.ts')));
    expect(named.size).toBeGreaterThan(10);
    expect(impureImports(importsOf(named, sources), isPure)).toEqual([]);
  });
});

/** The imports of files of src that are not pure, other than of their types. */
function impureImports(edges: readonly Edge[], isPure: (file: string) => boolean): string[] {
  const isBreach = ({ to, isTypeOnly }: Edge): boolean => !isTypeOnly && to.startsWith('src/') && !isPure(to);
  return edges.filter(isBreach).map(({ from, to }) => `${from}: ${to}`);
}

/** Expands `a/{b,c}.ts` to `a/b.ts` and `a/c.ts`, so that each is checked. */
function alternatives(pattern: string): string[] {
  const match = /^(.*)\{([^}]+)\}(.*)$/.exec(pattern);
  return match === null ? [pattern] : match[2]!.split(',').map((word) => `${match[1]}${word}${match[3]}`);
}

/** `a/*.ts` stands for the files of a folder, `a/**\/*.ts` for those below it as well. */
function regExpOf(pattern: string): RegExp {
  const parts = pattern.split(/(\*\*\/|\*)/).map((part) => ({ '**/': '(.*/)?', '*': '[^/]*' })[part] ?? part);
  return new RegExp(`^${parts.join('')}$`);
}
