/** Splits a stream into lines of limited length, on both sides of the agent protocol. */
import type { Readable } from 'node:stream';

/** Calls `onLine` for each line of a stream, and `onEnd` once when it ends or fails, or a line is too long. */
export function streamLines(
  input: Readable,
  maxChars: number,
  onLine: (line: string) => void,
  onEnd: () => void,
): void {
  let rest = '';
  let hasEnded = false;
  const end = (): void => {
    if (!hasEnded) onEnd();
    hasEnded = true;
  };
  input.setEncoding('utf8');
  input.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop()!;
    for (const line of lines) if (!hasEnded) onLine(line);
    if (rest.length > maxChars) {
      end();
      input.destroy();
    }
  });
  input.on('end', end).on('close', end).on('error', end);
}
