import fc from 'fast-check';
import { LineCursor, literalOf } from '../../../src/report/read/fast-parse-line';

const KEY = literalOf('"k":');

/** Remembers at most two texts, so that nearly every text meets another one's bytes. */
const cursor = new LineCursor(2);

test('a text is read correctly, whatever was remembered, at any position', () => {
  const some = fc.constantFrom(...'ab !ß🦊');
  const texts = fc.array(fc.string({ unit: some, maxLength: 70, size: 'max' }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(texts, fc.nat({ max: 7 }), fc.nat({ max: 5 }), (all, before, behind) => {
      for (const text of all) {
        const line = Buffer.from(`${' '.repeat(before)}"k":${JSON.stringify(text)}\n${'x'.repeat(behind)}`);
        cursor.begin(line, before);
        expect(cursor.text(KEY)).toBe(text);
        expect(cursor.end()).toBe(line.length - 1 - behind);
      }
    }),
    { numRuns: 2000 },
  );
});

test('equal bytes give the remembered text; other bytes of the same length do not', () => {
  const read = (text: string) => {
    cursor.begin(Buffer.from(`"k":"${text}"\n`), 0);
    return cursor.text(KEY);
  };
  for (let n = 0; n < 5000; n++)
    expect([read(`Client_${n % 997}`), read(`Client_${n % 991}`)]).toEqual([`Client_${n % 997}`, `Client_${n % 991}`]);
});

test.each(['a\\"b', 'a\\u0041', '\t', '\u0000', 'abcdefg\u001f', 'x'.repeat(1001), 'no end'])(
  '%j is given up',
  (text) => {
    const isOpen = text === 'no end';
    cursor.begin(Buffer.from(`"k":"${text}${isOpen ? '' : '"'}\n"more"\n`), 0);
    cursor.text(KEY);
    expect(cursor.isLost).toBe(true);
    expect(cursor.end()).toBe(-1);
  },
);
