/** Ends the process once stdout and stderr are flushed, even if handles are still open. */
export function endProcess(exitCode: number): void {
  process.exitCode = exitCode;
  process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)));
}
