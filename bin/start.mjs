// npm start: builds the executable if it does not exist, and runs the whole workflow. Arguments are those of `run`.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const program = path.join(root, 'dist', 'cloudp2p');

/** The signals that a terminal sends to all processes in its foreground. */
const BY_KEY = ['SIGINT', 'SIGQUIT'];

/** Runs a program to its end; returns its exit code. Ctrl-C reaches the program directly: this process ends after it. */
function run(command, args) {
  const child = spawn(command, args, { cwd: root, stdio: 'inherit' });
  for (const signal of BY_KEY) process.on(signal, () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('exit', (code) => resolve(code ?? 130));
  });
}

if (!existsSync(program)) {
  console.log('dist/cloudp2p does not exist yet: building it.');
  const code = await run(process.execPath, ['esbuild.config.mjs']);
  if (code !== 0) process.exit(code);
}
process.exit(await run(program, ['run', ...process.argv.slice(2)]));
