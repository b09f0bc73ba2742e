/** Shared by the tests of both fast parsers: arbitrary values and damage, and the check against the parser. */
import fc from 'fast-check';
import type { Parsed } from '../../../src/report/read/parse-line';
import type { FastParser } from '../../../src/report/read/files/read-file';
import { codePoint } from '../../support/code-points';

const PADDING = 'x\n';

/**
 * Returns a function that gives a line, placed after `before`, to both parsers: it checks that they agree, and returns
 * false if the fast parser leaves the line to the other one. One fast parser reads all lines, because its memory of one
 * must not affect another.
 */
export function agreement<T extends object>(
  fastParser: FastParser<T>,
  parse: (line: string) => Parsed<T>,
  before: object,
) {
  const first = Buffer.from(`${JSON.stringify(before)}\n`);
  return (line: Buffer): boolean => {
    const block = Buffer.concat([first, line, Buffer.from(`\n${PADDING}`)]);
    const end = fastParser.parse(block, first.length);
    if (end < 0) return false;
    expect(end).toBe(first.length + line.length);
    expect(parse(line.toString('utf8'))).toEqual({ ok: { ...fastParser.record } });
    return true;
  };
}

export const number = fc.oneof(
  fc.nat(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.double({ min: 0, max: 5e9, noNaN: true }).map((ms) => Math.round(ms * 1000) / 1000),
  fc.constantFrom(0, -0, 0.1, 1e21, 1e-7, 5e-324, 2 ** 53, 2 ** 53 + 2, 2 ** 32, 8.64e15, 8.64e15 + 1, NaN, Infinity),
);
const anyText = fc.oneof(
  fc.constantFrom('', 'small.png', 'ß🦊', 'a"b', 'a\\b', '\u0000', '\u007f', '\u2028', 'null', 'x'.repeat(1001)),
  fc.string({ unit: codePoint, maxLength: 12 }),
  fc.string({ maxLength: 80, size: 'max' }),
);
export const seldom = <T>(usual: fc.Arbitrary<T>, other: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 30, arbitrary: usual }, { weight: 1, arbitrary: other });
export const count = seldom(fc.nat(), number);
export const time = seldom(
  fc.nat({ max: Number.MAX_SAFE_INTEGER }).map((us) => us / 1000),
  number,
);
export const text = seldom(fc.string({ unit: fc.constantFrom(...'abc.ß🦊 !-'), maxLength: 30 }), anyText);

/** Texts to put in place of a value: signs, exponents, leading zeros, escapes, white space. */
const VALUES = [
  ...['-1', '-0', '1e3', '1E400', '01', '0.', '.5', '0.0', '0.10', '1.0', '+1', '0x1', '12345678901234567890'],
  ...['NaN', 'null', 'true', '""', '"a\\u0041"', '"a\\""', '" "', '"\t"', '{}', '[1]', '', ' 1', '1 '],
  '0.1234567890123456789012345',
];

/** A valid line, with each of its values replaced by each of these texts in turn. */
export function withOtherValues(valid: string): Buffer[] {
  return [...valid.matchAll(/(?<=":)(?:"[^"]*"|[^,}]+)/g)].flatMap(({ index, 0: old }) =>
    VALUES.map((put) => Buffer.from(valid.slice(0, index) + put + valid.slice(index + old.length))),
  );
}

/** Bytes changed, lost, doubled or cut off; keys reordered or missing. */
export function damaged(value: object): fc.Arbitrary<Buffer> {
  const bytes = Buffer.from(JSON.stringify(value));
  const at = fc.nat({ max: bytes.length - 1 });
  const keys = Object.keys(value).length;
  const damage = fc.oneof(
    fc
      .record({ at, byte: fc.nat({ max: 255 }) })
      .map(({ at, byte }) => Buffer.concat([bytes.subarray(0, at), Buffer.from([byte]), bytes.subarray(at + 1)])),
    fc
      .record({ at, length: fc.nat({ max: 40 }) })
      .map(({ at, length }) => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)])),
    fc
      .record({ at, to: at })
      .map(({ at, to }) => Buffer.concat([bytes.subarray(0, to), bytes.subarray(Math.min(at, to))])),
    at.map((end) => bytes.subarray(0, end)),
    fc
      .shuffledSubarray(Object.entries(value), { minLength: Math.floor(keys * 0.75) })
      .map((entries) => Buffer.from(JSON.stringify(Object.fromEntries(entries)))),
    at.map((end) =>
      Buffer.from(
        bytes.toString('latin1').replace(/,/g, (comma, where: number) => (where < end ? ' ,' : comma)),
        'latin1',
      ),
    ),
  );
  return damage.filter((line) => !line.includes(0x0a));
}

/** Expects that nothing after the end of a line is read, wherever it ends. */
export function expectNothingBehind(fastParser: FastParser<unknown>, value: object): void {
  const line = JSON.stringify(value);
  for (let cut = 0; cut < line.length; cut++) {
    const block = Buffer.from(`${line.slice(0, cut)}\n${line.slice(cut)}\n`);
    expect(fastParser.parse(block, 0)).toBe(-1);
  }
}
