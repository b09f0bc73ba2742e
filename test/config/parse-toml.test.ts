import * as fc from 'fast-check';
import { parseToml } from '../../src/config/parse-toml';
import { TomlDate } from '../../src/config/toml-values';
import { codePoint } from '../support/code-points';

function problemOf(text: string): string {
  const result = parseToml(text);
  if ('table' in result) throw new Error('expected a problem');
  const { line, column, text: reason } = result.problem;
  return `${line}:${column} ${reason}`;
}

describe('parseToml', () => {
  test.each([
    ['a = yes', '1:5 expected a value (text in quotes), got "yes"'],
    ['[server]\nid = True', '2:6 expected a value (text in quotes), got "True"'],
    ['[server]\nid = ', '2:6 the file ends too early: expected a value (text in quotes)'],
    ['[server]\r\nid =\r\n', '2:5 the line ends too early: expected a value (text in quotes)'],
    ['[server', '1:8 the file ends too early: expected "]"'],
    ['[server]]', '1:9 expected the end of the line, got "]"'],
    ['id = 1 address = "x"', '1:8 expected the end of the line, got "address"'],
    ['id 1', '1:4 expected "=" after the key, got "1"'],
    ['= 1', '1:1 expected a key, a [table] or a comment, got "="'],
    ['a.b.', '1:5 the file ends too early: expected a key'],
    ['a = "abc', '1:9 the file ends too early: expected the closing quote'],
    ["a = 'abc\n", '1:9 the line ends too early: expected the closing quote'],
    ['a = """abc', '1:11 the file ends too early: expected the closing quote'],
    ['a = "C:\\path"', "1:8 invalid escape sequence (write \\\\ for \\, or use 'single quotes')"],
    ['a = [1, 2', '1:10 the file ends too early: expected "," or "]"'],
    ['a = { b = 1 ', '1:13 the file ends too early: expected "," or "}"'],
    ['a = { ', '1:7 the file ends too early: expected a key or "}"'],
    ['a = 1__0', '1:7 expected a complete number or date, got "_0"'],
    ['a = 99999999999999999999', '1:5 the number is too large'],
    ['a = 9007199254740993', '1:5 the number is too large'],
    ['a = 1\u0001', '1:6 control characters are not allowed'],
    ['a = 1\na = 2', '2:1 a is set twice'],
    ['[server]\nid = 1\n\n[server]\n', '4:1 server is set twice'],
    ['[server]\nid = 1\nid = 2', '3:1 server.id is set twice'],
    ['"x\\n\\u001b[2J" = 1\n"x\\n\\u001b[2J" = 1', '2:1 x\\u000a\\u001b[2J is set twice'],
    [`a = ${'['.repeat(100)}`, '1:37 lists or tables are nested too deeply'],
    ['a = 2025-13-40', '1:5 invalid date: month 13 out of range'],
  ])('explains %j', (text, problem) => {
    expect(problemOf(text)).toBe(problem);
  });

  test('keeps every kind of date as a date, so that none passes for text', () => {
    const result = parseToml('a = 2025-10-31\nb = 10:00:00\nc = 2025-10-31T10:00:00\nd = 2025-10-31T10:00:00Z');
    if ('problem' in result) throw new Error(result.problem.text);
    for (const key of 'abcd') expect(result.table[key]).toBeInstanceOf(TomlDate);
  });

  test('hostile keys change no prototype', () => {
    const result = parseToml('__proto__ = 1\nconstructor.prototype.polluted = 1\n[toString.__proto__]\npolluted = 1');
    if ('problem' in result) throw new Error(result.problem.text);
    expect(Object.keys(result.table)).toEqual(['__proto__', 'constructor', 'toString']);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  test('gives a table or a position in the text for any input', () => {
    const piece = fc.constantFrom(
      '[',
      ']',
      '{',
      '}',
      '=',
      '"',
      "'",
      ',',
      '.',
      '\n',
      '\r',
      '#',
      'a',
      '1',
      '-',
      '\\',
      ' ',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: codePoint }),
          fc.array(piece).map((all) => all.join('')),
        ),
        (text) => {
          const result = parseToml(text);
          if ('table' in result) return;
          expect(result.problem.line).toBeGreaterThanOrEqual(1);
          expect(result.problem.line).toBeLessThanOrEqual(text.split('\n').length);
          expect(result.problem.column).toBeGreaterThanOrEqual(1);
          expect(result.problem.text).not.toMatch(/\p{Cc}/u);
        },
      ),
      { numRuns: 500 },
    );
  });
});
