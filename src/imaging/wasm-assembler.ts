/**
 * A minimal WebAssembly assembler for kernel-code.ts: the bytes are made at start from readable instruction lists, so
 * the repository needs neither a binary nor a tool to build one (wabt is 4 MB). Encoding:
 * https://webassembly.github.io/spec/core/binary/ (SIMD: opcodes behind the prefix 0xFD).
 */

/** One function: parameters and result are i32; `locals` counts the further locals, i32 first, then v128. */
export interface WasmFunction {
  name: string;
  params: number;
  result: boolean;
  locals: { i32: number; v128: number };
  code: number[];
}

const I32 = 0x7f;
const V128 = 0x7b;
const EMPTY_BLOCK = 0x40;

/** Encodes unsigned LEB128. */
export function unsignedLeb(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 0x80; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
  return [...bytes, value];
}

function signedLeb(value: number): number[] {
  const bytes: number[] = [];
  for (;;) {
    const low = value & 0x7f;
    value >>= 7;
    if ((value === 0 && !(low & 0x40)) || (value === -1 && low & 0x40)) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

const simd = (opcode: number, ...rest: number[]) => [0xfd, ...unsignedLeb(opcode), ...rest];

/** The instructions in use; names as in the specification. */
export const op = {
  get: (local: number) => [0x20, local],
  set: (local: number) => [0x21, local],
  tee: (local: number) => [0x22, local],
  i32: (value: number) => [0x41, ...signedLeb(value)],
  i32Add: [0x6a],
  i32Sub: [0x6b],
  i32Mul: [0x6c],
  i32RemU: [0x70],
  i32Or: [0x72],
  i32Shl: [0x74],
  i32Eqz: [0x45],
  i32Store16: [0x3b, 0, 0],
  block: (body: number[]) => [0x02, EMPTY_BLOCK, ...body, 0x0b],
  loop: (body: number[]) => [0x03, EMPTY_BLOCK, ...body, 0x0b],
  brIf: (depth: number) => [0x0d, depth],
  load: simd(0, 0, 0),
  load16Splat: simd(8, 0, 0),
  store: simd(11, 0, 0),
  v128: (bytes: number[]) => simd(12, ...bytes),
  swizzle: simd(14),
  i32x4Lane: (lane: number) => simd(27, lane),
  i8x16Eq: simd(35),
  and: simd(78),
  or: simd(80),
  xor: simd(81),
  bitselect: simd(82),
  anyTrue: simd(83),
  bitmask: simd(100),
  pairsI8ToI16: simd(125),
  pairsI16ToI32: simd(127),
  i16x8Shl: simd(139),
  mulLowU8: simd(158),
  mulHighU8: simd(159),
  i32x4Add: simd(174),
};

const vector = (items: number[][]) => [...unsignedLeb(items.length), ...items.flat()];
const sized = (bytes: number[]) => [...unsignedLeb(bytes.length), ...bytes];
const section = (id: number, body: number[]) => [id, ...sized(body)];
const text = (value: string) => sized([...new TextEncoder().encode(value)]);

/** Returns the module's bytes: `functions` exported by name, and `memory` of exactly `pages` × 64 KiB. */
export function assemble(functions: WasmFunction[], pages: number): Uint8Array {
  const types = functions.map(({ params, result }) => [
    0x60,
    ...vector(Array.from({ length: params }, () => [I32])),
    ...vector(result ? [[I32]] : []),
  ]);
  const bodies = functions.map(({ locals, code }) => {
    const declared = vector([
      [...unsignedLeb(locals.i32), I32],
      [...unsignedLeb(locals.v128), V128],
    ]);
    return sized([...declared, ...code, 0x0b]);
  });
  const exported = functions.map(({ name }, index) => [...text(name), 0, index]);
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector(types)),
    ...section(3, vector(functions.map((_, index) => [index]))),
    ...section(5, vector([[1, ...unsignedLeb(pages), ...unsignedLeb(pages)]])),
    ...section(7, vector([...exported, [...text('memory'), 2, 0]])),
    ...section(10, vector(bodies)),
  ]);
}
