import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { shellQuoted, shellWord } from '../../src/core/shell-word';

test.each([
  ['/opt/cloudp2p/bin', '/opt/cloudp2p/bin'],
  ['--rate=5,10%', '--rate=5,10%'],
  ['anna@s1:22+x', 'anna@s1:22+x'],
  ['', `''`],
  ['a b', `'a b'`],
  [`it's`, `'it'\\''s'`],
  ['$(id)', `'$(id)'`],
  ['~', `'~'`],
  ['é', `'é'`],
  ['a\nb', `'a\nb'`],
])('%j is typed as %s', (text, expected) => {
  expect(shellWord(text)).toBe(expected);
});

test('quotes also what needs none, if asked for', () => {
  expect(shellQuoted('kill')).toBe(`'kill'`);
});

test('any words pass a shell unchanged, typed or quoted', () => {
  const word = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\0', ''));
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 10 }), (words) => {
      for (const write of [shellWord, shellQuoted]) {
        const output = execFileSync('sh', ['-c', `printf '%s\\0' ${words.map(write).join(' ')}`], { encoding: 'utf8' });
        expect(output.split('\0').slice(0, -1)).toEqual(words);
      }
    }),
    { numRuns: 50 },
  );
});
