// Assembles kernel.wat. The build puts the module into the program as KERNEL, in base64; jest transforms the file by this.
const { execFileSync } = require('node:child_process');
const { readFileSync } = require('node:fs');
const path = require('node:path');

/** The part of esbuild's `define` that src/imaging needs. */
exports.kernelDefine = () => ({ KERNEL: JSON.stringify(base64()) });
exports.process = () => ({ code: `module.exports = '${base64()}';` });

/** In a process of its own: wabt is asynchronous, and neither jest's transforms nor esbuild's buildSync can wait. */
function base64() {
  return execFileSync(process.execPath, [__filename], { encoding: 'utf8' });
}

async function assemble() {
  const { parseWat } = await require('wabt')();
  const source = readFileSync(path.join(__dirname, 'kernel.wat'), 'utf8');
  process.stdout.write(Buffer.from(parseWat('kernel.wat', source).toBinary({}).buffer).toString('base64'));
}

if (require.main === module) assemble();
