/** How the process ends. */
import { EXIT } from '../core/errors';

/**
 * Ends the process when somebody closes the pipe that it writes to (`| head`), without an error message: nobody is left
 * to read what would follow.
 */
export function endQuietlyOnClosedPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(process.exitCode ?? EXIT.ok);
    });
  }
}

/** Ends the process once what was written to stdout and stderr is out, whatever is still open. */
export function endProcess(exitCode: number): void {
  process.exitCode = exitCode;
  process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)));
}
