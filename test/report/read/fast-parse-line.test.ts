import fc from 'fast-check';
import { LineCursor, literalOf } from '../../../src/report/read/fast-parse-line';

const KEY = literalOf('"k":');

/** Two texts at most are remembered, so that nearly all of them meet another one's bytes. */
const cursor = new LineCursor(2);

test('a text is itself, whatever was remembered, wherever it lies, and at the very end of the bytes too', () => {
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

test('the same bytes are the same text, which is not made anew: other bytes of one length are another', () => {
  const read = (text: string) => {
    cursor.begin(Buffer.from(`"k":"${text}"\n`), 0);
    return cursor.text(KEY);
  };
  for (let n = 0; n < 5000; n++)
    expect([read(`Client_${n % 997}`), read(`Client_${n % 991}`)]).toEqual([`Client_${n % 997}`, `Client_${n % 991}`]);
});

test.each(['a\\"b', 'a\\u0041', '\t', '\u0000', 'abcdefg\u001f', 'x'.repeat(1001), 'no end'])('%j is lost', (text) => {
  const isOpen = text === 'no end';
  cursor.begin(Buffer.from(`"k":"${text}${isOpen ? '' : '"'}\n"more"\n`), 0);
  cursor.text(KEY);
  expect(cursor.isLost).toBe(true);
  expect(cursor.end()).toBe(-1);
});
