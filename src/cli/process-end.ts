/** Ends the process once what was written to stdout and stderr is out, whatever is still open. */
export function endProcess(exitCode: number): void {
  process.exitCode = exitCode;
  process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)));
}
