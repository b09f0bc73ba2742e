// `asset:` imports under jest: what esbuild.config.mjs puts into the bundle, read from the disk instead.
module.exports = {
  process(_source, filename) {
    const read = `require('node:fs').readFileSync(${JSON.stringify(filename)}`;
    const value = filename.endsWith('.toml') ? `${read}, 'utf8')` : `() => ${read})`;
    return { code: `module.exports = { __esModule: true, default: ${value} };` };
  },
};
