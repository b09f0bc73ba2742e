/** Files that esbuild (esbuild.config.mjs) puts into the bundle; under jest they come from the disk. */
declare module 'asset:*.toml' {
  const text: string;
  export default text;
}

/** Decoded when asked for, so that a start does not pay for images that it does not show. */
declare module 'asset:*.png' {
  const bytes: () => Uint8Array;
  export default bytes;
}

declare module 'asset:*.jpg' {
  const bytes: () => Uint8Array;
  export default bytes;
}
