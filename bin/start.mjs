// npm start: builds the executable if it is not there, and runs the whole workflow with it. Arguments are those of `run`.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const program = path.join(root, 'dist', 'cloudp2p');

/** What a terminal sends to all programs of its foreground. */
const BY_KEY = ['SIGINT', 'SIGQUIT'];

/** Runs a program to its end; returns its exit code. A Ctrl-C reaches it anyway: it ends as it should, and then so do we. */
function run(command, args) {
  const child = spawn(command, args, { cwd: root, stdio: 'inherit' });
  for (const signal of BY_KEY) process.on(signal, () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('exit', (code) => resolve(code ?? 130));
  });
}

if (!existsSync(program)) {
  console.log('dist/cloudp2p is not there yet: building it.');
  const code = await run(process.execPath, ['esbuild.config.mjs']);
  if (code !== 0) process.exit(code);
}
process.exit(await run(program, ['run', ...process.argv.slice(2)]));
