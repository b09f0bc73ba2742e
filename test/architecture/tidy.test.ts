import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { TEMPLATES, TEST_IMAGES } from '../../src/assets/assets';
import { COMMANDS } from '../../src/index';
import { ROOT } from './import-graph';
import { findings, SOURCE_RULES, TEXT_RULES } from './tidy';

const SKIPPED = ['node_modules', 'dist', 'coverage', 'runs', 'metrics', 'aggregated_metrics', '.git'];
const TEXT = /\.(ts|mjs|cjs|js|json|toml|md|conf|txt|sh|scenario)$|^[^.]+$/;

/** All text files of the repository, by path. */
function texts(): Map<string, string> {
  const folders = readdirSync(ROOT, { withFileTypes: true }).filter(({ name }) => !SKIPPED.includes(name));
  const files = folders.flatMap((entry) =>
    entry.isDirectory()
      ? readdirSync(path.join(ROOT, entry.name), { recursive: true, withFileTypes: true })
          .filter((inner) => inner.isFile())
          .map((inner) => path.relative(ROOT, path.join(inner.parentPath, inner.name)))
      : [entry.name],
  );
  const isText = (file: string): boolean => TEXT.test(path.basename(file));
  return new Map(files.filter(isText).map((file) => [file, readFileSync(path.join(ROOT, file), 'utf8')]));
}

const all = texts();
const sources = new Map([...all].filter(([file]) => /^(src|bin)\//.test(file)));

describe('the tree is tidy', () => {
  it('was checked', () => {
    expect(all.has('package-lock.json')).toBe(true);
    expect(all.has('.ci/run')).toBe(true);
    expect(sources.size).toBeGreaterThan(50);
  });

  it.each(SOURCE_RULES)('in src and bin: $name', (rule) => expect(findings(sources, rule)).toEqual([]));
  it.each(TEXT_RULES)('everywhere: $name', (rule) => expect(findings(all, rule)).toEqual([]));

  it.each([...SOURCE_RULES, ...TEXT_RULES])('a breach is noticed: $name', (rule) => {
    expect(findings(new Map([['src/bad.ts', rule.bad]]), rule)).toHaveLength(1);
  });
});

describe('what ships', () => {
  it('has every configuration file and image inside the program', () => {
    const configs = readdirSync(path.join(ROOT, 'config')).filter((name) => /\.toml$/.test(name));
    expect(TEMPLATES.map((asset) => asset.path).sort()).toEqual(configs.map((name) => `config/${name}`).sort());
    for (const { path: file, content } of [...TEMPLATES, ...TEST_IMAGES]) {
      expect(Buffer.from(content()).equals(readFileSync(path.join(ROOT, file)))).toBe(true);
    }
  });

  it('has every command file in COMMANDS', () => {
    const files = readdirSync(path.join(ROOT, 'src/commands')).filter(
      (file) => /\.ts$/.test(file) && file !== 'base.ts',
    );
    expect(files.sort()).toEqual(
      Object.keys(COMMANDS)
        .map((id) => `${id.replaceAll(':', '-')}.ts`)
        .sort(),
    );
  });

  it('mentions every configuration file and every command in the documentation', () => {
    const documents = [...all].filter(([file]) => /^(README|docs\/).*\.?md$/.test(file)).map(([, text]) => text);
    const said = documents.join('\n');
    const configs = readdirSync(path.join(ROOT, 'config'));
    const commands = Object.keys(COMMANDS).map((id) => `cloudp2p ${id.replaceAll(':', ' ')}`);
    expect([...configs, ...commands].filter((word) => !said.includes(word))).toEqual([]);
  });

  it('has no source that git ignores', () => {
    // Without git (an unpacked archive) there is nothing to check.
    const folders = ['src', 'test', 'bin', 'config', 'docs', 'test_images', '.ci'];
    const argv = ['ls-files', '--others', '--ignored', '--exclude-standard', '--', ...folders];
    const { stdout } = spawnSync('git', argv, { cwd: ROOT, encoding: 'utf8' });
    expect(stdout.trim()).toBe('');
  });

  it('has scripts whose files exist', () => {
    const { scripts } = JSON.parse(all.get('package.json') ?? '{}') as { scripts: Record<string, string> };
    const programs = Object.values(scripts).flatMap((script) => /^node (?:--\S+ )*(\S+)/.exec(script)?.[1] ?? []);
    expect(programs.filter((file) => !existsSync(path.join(ROOT, file)))).toEqual([]);
  });

  it('has executable programs', () => {
    for (const file of ['bin/run.js', 'bin/dev.js', '.ci/run']) {
      expect(() => execFileSync('test', ['-x', path.join(ROOT, file)])).not.toThrow();
    }
  });
});
