import type { Client, ClientChannel, SFTPWrapper } from 'ssh2';
import type { ClusterError } from '../core/errors';
import { interrupted, lost, unreachable } from './problems';
import { quoteCommand } from './quote';
import { Sftp } from './sftp';

export interface ExecOptions {
  /** For its stdin, which then ends. */
  input?: string | Uint8Array;
  /** Of stdout, and as much of stderr; more ends it with an error. Default: 1 MiB. */
  maxBytes?: number;
  /** Default: 60 s. */
  timeoutMs?: number;
}

export interface ExecResult {
  /** null: it was ended by `signal`. */
  code: number | null;
  /** SIGTERM, SIGKILL ... */
  signal: string | null;
  stdout: string;
  stderr: string;
}

const MAX_BYTES = 1024 * 1024;
const EXEC_TIMEOUT_MS = 60_000;

/** A connection to one machine, logged in. Made by `connectSsh`. */
export class Ssh {
  #sftp: Promise<Sftp> | undefined;
  #isLost = false;

  constructor(
    /** As the user named the machine. */
    readonly name: string,
    readonly connection: Client,
    private readonly abort: AbortSignal,
    private readonly via?: Ssh,
  ) {
    connection.once('close', () => (this.#isLost = true));
  }

  /** It has ended, by whichever side. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /**
   * Runs a program to its end; a program that fails is a result, not an error. Its arguments come there as they are.
   * @throws ClusterError `not_reachable` when the connection is lost, the time is over or the output too long
   */
  async exec(argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    const { input, maxBytes = MAX_BYTES, timeoutMs = EXEC_TIMEOUT_MS } = options;
    const channel = await this.start(argv);
    return new Promise((resolve, reject) => {
      const give = (why: string): void => {
        reject(unreachable(this.name, `${argv[0]} ${why}`));
        channel.close();
      };
      const timer = setTimeout(() => give(`did not end within ${timeoutMs / 1000} s`), timeoutMs);
      const stdout = gather(channel, maxBytes, give);
      const stderr = gather(channel.stderr, maxBytes, give);
      channel.on('error', () => undefined); // 'close' follows
      // Says how it ended. 'exit' does too, but may have come before anybody listened; neither: the connection is lost.
      channel.on('close', (code?: number | null, endSignal?: string) => {
        clearTimeout(timer);
        if (code === undefined) return reject(this.failure());
        resolve({ code, signal: endSignal ?? null, stdout: stdout(), stderr: stderr() });
      });
      channel.end(input);
    });
  }

  /** Begins a program and returns its stdin, stdout and stderr. @throws ClusterError `not_reachable` */
  start(argv: readonly string[]): Promise<ClientChannel> {
    const command = quoteCommand(argv);
    return this.request('it runs no commands', (done) => this.connection.exec(command, done));
  }

  /** The files there; one session, however often it is asked for. @throws ClusterError `not_reachable` */
  sftp(): Promise<Sftp> {
    this.#sftp ??= this.request<SFTPWrapper>('it has no SFTP (Subsystem sftp in its sshd_config)', (done) =>
      this.connection.sftp(done),
    ).then((wrapper) => new Sftp(this, wrapper));
    return this.#sftp;
  }

  close(): void {
    this.connection.end();
    this.via?.close();
  }

  /** Why what was under way will not end: the user's Ctrl-C, or the connection. */
  failure(): ClusterError {
    return this.abort.aborted ? interrupted() : lost(this.name);
  }

  private request<T>(refusal: string, ask: (done: (error: Error | undefined, value: T) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      // A connection that ends meanwhile: ssh2 would say so to nobody.
      const onClose = (): void => reject(this.failure());
      if (this.#isLost) return onClose();
      this.connection.once('close', onClose);
      ask((error, value) => {
        this.connection.off('close', onClose);
        if (error) reject(this.#isLost || this.abort.aborted ? this.failure() : unreachable(this.name, refusal, error));
        else resolve(value);
      });
    });
  }
}

/** Everything that a stream says, as text; `exceed` is called once when that is too much. */
function gather(stream: NodeJS.ReadableStream, maxBytes: number, exceed: (why: string) => void): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= maxBytes) chunks.push(chunk);
    else if (bytes - chunk.length <= maxBytes) exceed(`said more than ${maxBytes} bytes`);
  });
  return () => Buffer.concat(chunks).toString('utf8');
}
