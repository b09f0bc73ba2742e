/** A connection to one machine after the login, made by `connectSsh`. */
import type { Client, ClientChannel, SFTPWrapper } from 'ssh2';
import type { ClusterError } from '../core/errors';
import { interrupted, lost, unreachable } from './problems.pure';
import { quoteCommand } from './quote.pure';
import { Sftp } from './sftp';

export interface ExecOptions {
  /** The input for its stdin, which then ends. */
  input?: string | Uint8Array;
  /** Limit on each of stdout and stderr; more ends it with an error (default: 1 MiB). */
  maxBytes?: number;
  /** Default: 60 s. */
  timeoutMs?: number;
}

export interface ExecResult {
  /** Null if it was ended by `signal`. */
  code: number | null;
  /** SIGTERM, SIGKILL ... */
  signal: string | null;
  stdout: string;
  stderr: string;
}

const MAX_BYTES = 1024 * 1024;
const EXEC_TIMEOUT_MS = 60_000;

export class Ssh {
  private openSftp: Promise<Sftp> | undefined;
  private lost = false;

  constructor(
    /** The machine as named by the user. */
    readonly name: string,
    readonly connection: Client,
    private readonly abort: AbortSignal,
    private readonly via?: Ssh,
  ) {
    connection.once('close', () => (this.lost = true));
  }

  /** True once either side has ended it. */
  get isLost(): boolean {
    return this.lost;
  }

  /**
   * Runs a program to its end; a failing program is a result, not an error. Arguments are passed literally.
   * @throws ClusterError `not_reachable` if the connection is lost, the time is over or the output is too long
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
      // 'close' has the exit code. So has 'exit', but it may fire before there is a listener. Without a code: connection lost.
      channel.on('close', (code?: number | null, endSignal?: string) => {
        clearTimeout(timer);
        if (code === undefined) return reject(this.failure());
        resolve({ code, signal: endSignal ?? null, stdout: stdout(), stderr: stderr() });
      });
      channel.end(input);
    });
  }

  /** Starts a program and returns its stdin, stdout and stderr. @throws ClusterError `not_reachable` */
  start(argv: readonly string[]): Promise<ClientChannel> {
    const command = quoteCommand(argv);
    return this.request('it runs no commands', (done) => this.connection.exec(command, done));
  }

  /** Returns the one SFTP session of the connection. @throws ClusterError `not_reachable` */
  sftp(): Promise<Sftp> {
    this.openSftp ??= this.request<SFTPWrapper>('it has no SFTP (Subsystem sftp in its sshd_config)', (done) =>
      this.connection.sftp(done),
    ).then((wrapper) => new Sftp(this, wrapper));
    return this.openSftp;
  }

  close(): void {
    this.connection.end();
    this.via?.close();
  }

  /** Returns the reason why pending requests fail: Ctrl-C, or the lost connection. */
  failure(): ClusterError {
    return this.abort.aborted ? interrupted() : lost(this.name);
  }

  private request<T>(refusal: string, ask: (done: (error: Error | undefined, value: T) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      // The connection may end in the meantime, which ssh2 does not report.
      const onClose = (): void => reject(this.failure());
      if (this.lost) return onClose();
      this.connection.once('close', onClose);
      ask((error, value) => {
        this.connection.off('close', onClose);
        if (error) reject(this.lost || this.abort.aborted ? this.failure() : unreachable(this.name, refusal, error));
        else resolve(value);
      });
    });
  }
}

/** Collects a stream as text; `exceed` is called once if it is too long. */
function gather(stream: NodeJS.ReadableStream, maxBytes: number, exceed: (why: string) => void): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= maxBytes) chunks.push(chunk);
    else if (bytes - chunk.length <= maxBytes) exceed(`wrote more than ${maxBytes} bytes`);
  });
  return () => Buffer.concat(chunks).toString('utf8');
}
