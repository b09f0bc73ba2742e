import * as fc from 'fast-check';
import { fitsJson, jsonTextBytes } from '../../src/core/json-text';
import { codePoint } from '../support/code-points';

test.each([
  ['', 0],
  ['abc ~', 5],
  ['"', 2],
  ['\\', 2],
  ['\n', 2],
  ['\u0001', 6],
  ['\u007f', 1],
  ['ä', 2],
  ['日', 3],
  ['😀', 4],
  ['\ud800', 6],
])('%j takes %d bytes', (text, bytes) => expect(jsonTextBytes(text)).toBe(bytes));

test('equals the size of JSON between its quotes', () => {
  fc.assert(
    fc.property(fc.string({ unit: codePoint }), (text) => {
      expect(jsonTextBytes(text)).toBe(Buffer.byteLength(JSON.stringify(text)) - 2);
    }),
  );
});

test('fitsJson agrees with the size', () => {
  fc.assert(
    fc.property(fc.string({ unit: codePoint, maxLength: 20 }), fc.nat(60), (text, maxBytes) => {
      expect(fitsJson(text, maxBytes)).toBe(jsonTextBytes(text) <= maxBytes);
    }),
  );
});
