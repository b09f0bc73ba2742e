import { execFileSync, spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { quoteCommand } from '../../src/ssh/quote.pure';

/** Runs a command in a shell; returns the arguments that `printf` received, each terminated by a zero byte. */
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

test.each(HOSTILE)('%j passes a shell unchanged', (argument) => {
  expect(throughShell([argument, `a${argument}b`, `'${argument}'`])).toEqual([
    argument,
    `a${argument}b`,
    `'${argument}'`,
  ]);
});

test('any arguments pass a shell unchanged', () => {
  const piece = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'grapheme' }));
  const argument = fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join('').replaceAll('\0', ''));
  fc.assert(
    fc.property(fc.array(argument, { minLength: 1, maxLength: 5 }), (argv) => {
      expect(throughShell(argv)).toEqual(argv);
    }),
    { numRuns: 150 },
  );
});

test('runs a program of that name, not the name as a shell command', () => {
  const { stderr, status } = spawnSync('sh', ['-c', quoteCommand(['echo hello; exit 3', 'x'])], { encoding: 'utf8' });
  expect({ stderr, status }).toEqual({ stderr: expect.stringMatching(/not found/), status: 127 });
});

test('a zero byte is refused', () => {
  expect(() => quoteCommand(['a\0b'])).toThrow(expect.objectContaining({ code: 'bad_usage' }));
});
