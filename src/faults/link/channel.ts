/** The connection to a fault agent's process, and the start of an agent on this machine. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { causeOf } from '../../files/cause';

/** A local or remote process with its three streams. */
export interface Channel {
  input: Writable;
  output: Readable;
  errors: Readable;
  /** Resolves with the reason when it has ended or is unreachable. */
  ended: Promise<string>;
  /** Closes the connection. The program at the other end sees the end of its input. */
  destroy(): void;
}

/** Starts an agent on this machine in its own session, so that Ctrl-C in this terminal does not reach it. */
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
  // A failed write shows in `ended`.
  input.on('error', () => undefined);
  return { input, output, errors, ended, destroy: () => input.destroy() };
}
