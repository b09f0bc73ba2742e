import * as fc from 'fast-check';

const SURROGATES = 0x800;
const FIRST_SURROGATE = 0xd800;

/**
 * All Unicode characters but surrogates, as the unit of a string: fast-check's own `binary` makes a map of all of them
 * (half a second of CPU) for each string that uses it.
 */
export const codePoint = fc.nat(0x10ffff - SURROGATES).map(
  (index) => String.fromCodePoint(index < FIRST_SURROGATE ? index : index + SURROGATES),
  (text) => {
    const code = typeof text === 'string' && [...text].length === 1 ? text.codePointAt(0)! : -1;
    if (code < 0) throw new Error('not one character');
    return code < FIRST_SURROGATE ? code : code - SURROGATES;
  },
);
