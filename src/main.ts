import './cli/default-env';
import './cli/early-end';
import { run } from './index';

// Node would open a debugger for whoever sends it. The executable is built not to (esbuild.config.mjs).
process.on('SIGUSR1', () => undefined);

void run(process.argv.slice(2));
