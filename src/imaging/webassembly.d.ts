/** The part of WebAssembly in use: TypeScript has it only in its DOM library. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Instance {
    readonly exports: Record<string, unknown>;
    constructor(module: Module, imports?: object);
  }
  interface Memory {
    readonly buffer: ArrayBuffer;
  }
}

/** The bytes of a file, through esbuild's loader `'.wasm': 'binary'`. */
declare module '*.wasm' {
  const bytes: Uint8Array;
  export default bytes;
}
