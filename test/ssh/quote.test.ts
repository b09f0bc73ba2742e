import { execFileSync, spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { quoteCommand } from '../../src/ssh/quote';

/** What a shell makes of a command: the arguments of `printf`, each ended by a zero byte. */
function throughShell(argv: readonly string[]): string[] {
  const command = quoteCommand(['printf', '%s\\0', ...argv]);
  return execFileSync('sh', ['-c', command], { encoding: 'utf8', stdio: 'pipe' }).split('\0').slice(0, -1);
}

const HOSTILE = [
  '',
  ' ',
  "'",
  '"',
  '\\',
  '\n',
  '$(id)',
  '`id`',
  ';',
  '&',
  '|',
  '>x',
  '-n',
  '--',
  '*',
  '~',
  '!',
  '#',
  'é',
  '\t',
];

test.each(HOSTILE)('%j comes through a shell as it is', (argument) => {
  expect(throughShell([argument, `a${argument}b`, `'${argument}'`])).toEqual([
    argument,
    `a${argument}b`,
    `'${argument}'`,
  ]);
});

test('any arguments come through a shell as they are', () => {
  const piece = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'grapheme' }));
  const argument = fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join('').replaceAll('\0', ''));
  fc.assert(
    fc.property(fc.array(argument, { minLength: 1, maxLength: 5 }), (argv) => {
      expect(throughShell(argv)).toEqual(argv);
    }),
    { numRuns: 150 },
  );
});

test('a program of that name is run, not what the name says to a shell', () => {
  const { stderr, status } = spawnSync('sh', ['-c', quoteCommand(['echo hello; exit 3', 'x'])], { encoding: 'utf8' });
  expect({ stderr, status }).toEqual({ stderr: expect.stringMatching(/not found/), status: 127 });
});

test('a zero byte is refused', () => {
  expect(() => quoteCommand(['a\0b'])).toThrow(expect.objectContaining({ code: 'bad_usage' }));
});
