/**
 * Ends the process on stop signals until a command handles them itself, and in commands that never do: unfinished files
 * are removed. Imported before everything that takes time.
 */
import { EXIT } from '../core/errors';
import { endOnStopSignals } from '../core/system/stop-signals';

const isServer = process.argv[2] === 'server';

endOnStopSignals((signal) => process.exit(isServer && signal !== 'SIGINT' ? EXIT.ok : EXIT.interrupted));
