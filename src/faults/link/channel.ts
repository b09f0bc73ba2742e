import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { causeOf } from '../../files/cause';

/** A program that runs somewhere, as seen through its three streams. */
export interface Channel {
  input: Writable;
  output: Readable;
  errors: Readable;
  /** Resolves when it has ended or cannot be reached any more, with words about that. */
  ended: Promise<string>;
  /** Gives the connection up. What runs at its other end notices by the end of its input. */
  destroy(): void;
}

/** Starts an agent on this machine, in a session of its own: a Ctrl-C in this terminal is not for it. */
export function localChannel(command: readonly string[]): Channel {
  const [program, ...args] = command;
  const child: ChildProcess = spawn(program!, [...args, 'fault-agent'], { detached: true, stdio: 'pipe' });
  const ended = new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(`cannot run ${program}: ${causeOf(error)}`));
    child.on('close', (code, by) =>
      resolve(code === null ? `it was ended by ${by}` : `it ended with exit code ${code}`),
    );
  });
  const [input, output, errors] = [child.stdin!, child.stdout!, child.stderr!];
  // What cannot be said any more shows in `ended`.
  input.on('error', () => undefined);
  return { input, output, errors, ended, destroy: () => input.destroy() };
}
