import { assemble, op } from './wasm-assembler';
import type { WasmFunction } from './wasm-assembler';

/**
 * The three inner loops over samples, 16 samples (2 payload bytes) per step, and Adler-32. In plain JavaScript they
 * cost 4.5 (embed), 1.3 (compare) and 8 (Adler) ns per secret byte, here under 1 each.
 */

const repeat = (value: number) => Array.from({ length: 8 }, () => value);
/** Payload byte 0 to lanes 0…7, byte 1 to lanes 8…15. */
const SPREAD = op.v128([...repeat(0), ...repeat(1)]);
/** Most significant bit first. */
const LANE_BIT = op.v128([0, 1].flatMap(() => [0x80, 0x40, 0x20, 0x10, 8, 4, 2, 1]));
const ONES = op.v128([...repeat(1), ...repeat(1)]);
const REVERSED = op.v128([7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8]);
const WEIGHTS = op.v128(Array.from({ length: 16 }, (_, index) => 16 - index));

const advance = (local: number, by: number) => [...op.get(local), ...op.i32(by), ...op.i32Add, ...op.set(local)];

/** Runs `body` as many times as the local `count` says, counting it down to 0. */
function times(count: number, body: number[]): number[] {
  const again = [...op.get(count), ...op.i32(1), ...op.i32Sub, ...op.tee(count), ...op.brIf(0)];
  return op.block([...op.get(count), ...op.i32Eqz, ...op.brIf(0), ...op.loop([...body, ...again])]);
}

/** Sets all bits of a lane if the payload bit of this sample is 1. */
const bitLanes = (payload: number) => [
  ...[...op.get(payload), ...op.load16Splat, ...SPREAD, ...op.swizzle],
  ...[...LANE_BIT, ...op.and, ...LANE_BIT, ...op.i8x16Eq],
];

/** embed(cover, payload, out, pairs) */
function embed(): WasmFunction {
  const [cover, payload, out, pairs] = [0, 1, 2, 3];
  const step = [
    ...op.get(out),
    ...[...bitLanes(payload), ...op.get(cover), ...op.load, ...ONES, ...op.bitselect],
    ...op.store,
    ...[...advance(cover, 16), ...advance(payload, 2), ...advance(out, 16)],
  ];
  return { name: 'embed', params: 4, result: false, locals: { i32: 0, v128: 0 }, code: times(pairs, step) };
}

/** differs(samples, payload, pairs) → 0 or 1 */
function differs(): WasmFunction {
  const [samples, payload, pairs, wrong] = [0, 1, 2, 3];
  const step = [
    ...[...bitLanes(payload), ...op.get(samples), ...op.load, ...op.xor, ...ONES, ...op.and],
    ...[...op.get(wrong), ...op.or, ...op.set(wrong)],
    ...[...advance(samples, 16), ...advance(payload, 2)],
  ];
  const code = [...times(pairs, step), ...op.get(wrong), ...op.anyTrue];
  return { name: 'differs', params: 3, result: true, locals: { i32: 0, v128: 1 }, code };
}

/** extract(samples, payload, pairs): a shift by 7 in 16-bit lanes moves the low bit of both bytes to their top. */
function extract(): WasmFunction {
  const [samples, payload, pairs] = [0, 1, 2];
  const step = [
    ...[...op.get(payload), ...op.get(samples), ...op.load, ...op.i32(7), ...op.i16x8Shl],
    ...[...REVERSED, ...op.swizzle, ...op.bitmask, ...op.i32Store16],
    ...[...advance(samples, 16), ...advance(payload, 2)],
  ];
  return { name: 'extract', params: 3, result: false, locals: { i32: 0, v128: 0 }, code: times(pairs, step) };
}

const laneSum = (local: number) =>
  [0, 1, 2, 3].flatMap((lane) => [...op.get(local), ...op.i32x4Lane(lane), ...(lane > 0 ? op.i32Add : [])]);

/**
 * adler(bytes, steps, a, b) → b << 16 | a, over 16 × steps bytes, steps ≤ 256 (32-bit sums).
 * Per step: `before` collects the sums of the earlier steps, `sum` the bytes, `weighted` 16 × first … 1 × last.
 */
function adler(): WasmFunction {
  const [bytes, steps, a, b] = [0, 1, 2, 3];
  const [v, sum, before, weighted] = [4, 5, 6, 7];
  const products = (half: number[]) => [...op.get(v), ...WEIGHTS, ...half, ...op.pairsI16ToI32];
  const step = [
    ...[...op.get(before), ...op.get(sum), ...op.i32x4Add, ...op.set(before)],
    ...[...op.get(bytes), ...op.load, ...op.tee(v), ...op.pairsI8ToI16, ...op.pairsI16ToI32],
    ...[...op.get(sum), ...op.i32x4Add, ...op.set(sum)],
    ...[...products(op.mulLowU8), ...products(op.mulHighU8), ...op.i32x4Add],
    ...[...op.get(weighted), ...op.i32x4Add, ...op.set(weighted), ...advance(bytes, 16)],
  ];
  const modulo = [...op.i32(65521), ...op.i32RemU];
  const code = [
    ...[...op.get(b), ...op.get(a), ...op.get(steps), ...op.i32(16), ...op.i32Mul, ...op.i32Mul, ...op.i32Add],
    ...op.set(b),
    ...times(steps, step),
    ...[...laneSum(before), ...op.i32(16), ...op.i32Mul, ...laneSum(weighted), ...op.i32Add],
    ...[...op.get(b), ...op.i32Add, ...modulo, ...op.i32(16), ...op.i32Shl],
    ...[...op.get(a), ...laneSum(sum), ...op.i32Add, ...modulo, ...op.i32Or],
  ];
  return { name: 'adler', params: 4, result: true, locals: { i32: 0, v128: 4 }, code };
}

/** Returns the module of kernel.ts, a few hundred bytes. */
export function kernelBytes(pages: number): Uint8Array {
  return assemble([embed(), differs(), extract(), adler()], pages);
}
