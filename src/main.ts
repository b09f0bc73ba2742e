/** Starts the program: the entry point of the bundle, whose first imports prepare the process for the others. */
import './cli/default-env';
import './cli/early-end';
import { run } from './index';

// Node would open a debugger for anyone who sends it. The executable is built not to (esbuild.config.mjs).
process.on('SIGUSR1', () => undefined);

void run(process.argv.slice(2));
