/**
 * What stop signals do before a command has its own way of stopping, and in those that need none: what is not whole goes,
 * and that is all. Imported before everything that takes time.
 */
import { EXIT } from '../core/errors';
import { endOnStopSignals } from '../core/stop-signals';

const isServer = process.argv[2] === 'server';

endOnStopSignals((signal) => process.exit(isServer && signal !== 'SIGINT' ? EXIT.ok : EXIT.interrupted));
