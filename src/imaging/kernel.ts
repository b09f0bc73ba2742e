/** The inner loops over samples in WebAssembly (kernel.wat), with a small memory of their own, one per thread. */

/** The module of kernel.wat in base64, by esbuild's define. */
declare const KERNEL: string;

/**
 * Callers copy a strip in, run the loops on it and copy the result out: the copies cost less than a tenth of what the
 * loops save (measured by test/bench/imaging.ts). Nothing in the memory outlives one synchronous call.
 */
export interface Kernel {
  /** The whole memory; areas are at the offsets in `AREA`. */
  readonly bytes: Uint8Array;
  /** Copies `pairs` × 16 samples from `cover` to `out` with `pairs` × 2 payload bytes in their lowest bits. */
  embed(cover: number, payload: number, out: number, pairs: number): void;
  /** Returns 1 if the lowest bits of `pairs` × 16 samples are not the `pairs` × 2 payload bytes. */
  differs(samples: number, payload: number, pairs: number): number;
  /** Reads `pairs` × 2 payload bytes out of `pairs` × 16 samples. */
  extract(samples: number, payload: number, pairs: number): void;
  /** Returns Adler-32 as b << 16 | a after `steps` × 16 bytes, steps ≤ 256; see `adler32`. */
  adler(bytes: number, steps: number, a: number, b: number): number;
}

/** Areas of the kernel's memory, which has 512 KiB: name → offset in bytes. */
export const AREA = { payload: 0, cover: 0xc000, samples: 0x28000 } as const;
/** The size of each area, in bytes. The loops never touch more than their arguments say. */
export const AREA_BYTES = { payload: 0xc000, cover: 0x1c000, samples: 0x58000 } as const;

let shared: Kernel | undefined;

/** Returns this thread's kernel, made at the first call (about 1 ms). */
export function kernel(): Kernel {
  shared ??= instantiate();
  return shared;
}

function instantiate(): Kernel {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(KERNEL, 'base64')));
  const made = exports as unknown as Omit<Kernel, 'bytes'> & { memory: WebAssembly.Memory };
  return {
    bytes: new Uint8Array(made.memory.buffer),
    embed: made.embed,
    differs: made.differs,
    extract: made.extract,
    adler: made.adler,
  };
}

/** Continues the Adler-32 (RFC 1950) `value` over `length` bytes of the kernel's memory from `offset`. */
export function adler32(loops: Kernel, value: number, offset: number, length: number): number {
  const end = offset + length;
  for (; end - offset >= 16;) {
    const steps = Math.min(256, (end - offset) >>> 4);
    value = loops.adler(offset, steps, value & 0xffff, value >>> 16) >>> 0;
    offset += steps * 16;
  }
  let a = value & 0xffff;
  let b = value >>> 16;
  for (; offset < end; offset++) {
    a = (a + loops.bytes[offset]!) % 65521;
    b = (b + a) % 65521;
  }
  return ((b << 16) | a) >>> 0;
}
