/** The part of WebAssembly in use: TypeScript has it in its DOM library only. */
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

/** The bytes of a file, by esbuild's loader `'.wasm': 'binary'`. */
declare module '*.wasm' {
  const bytes: Uint8Array;
  export default bytes;
}
