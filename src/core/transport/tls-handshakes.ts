/** Runs the TLS handshakes of a listener's accepted sockets; a socket costs no TLS before its first byte. */
import { constants } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type SecureContextOptions, type Server, type TLSSocket } from 'node:tls';
import { formatAddress } from './address';
import { encodeMessage } from './wire/frame';
import { type Guard, guarded } from './guard';
import { NOT_TLS, tlsProblem, tlsRefusal } from './wire/tls-problem';

export interface HandshakeOptions {
  context: SecureContextOptions;
  /** From the connection's first moment to the end of the handshake. */
  timeoutMs: number;
  /** Beyond it, the oldest one is closed. */
  maxCount: number;
  guard: Guard;
  /** The other side has a certificate of the CA; nothing was read yet. */
  onSecure(socket: TLSSocket): void;
  /**
   * The other side was refused, with the reason; hang-ups and stalls are not reported, since every port gets scanned.
   */
  onProblem(remoteAddress: string, problem: string): void;
}

/** Time that a refused caller gets to read the reason. */
const LINGER_MS = 1_000;
const HANDSHAKE_RECORD = 0x16;

interface Handshake {
  raw: Socket;
  timer: NodeJS.Timeout;
}

/** Accepted sockets that have not yet authenticated. */
export class Handshakes {
  private readonly server: Server;
  /** Handshakes by remote address, in the order in which they began. */
  private readonly pending = new Map<string, Handshake>();

  constructor(private readonly options: HandshakeOptions) {
    this.server = createServer({
      ...options.context,
      // OpenSSL requests and verifies certificates; `judge` refuses, so that it can state the reason.
      requestCert: true,
      rejectUnauthorized: false,
      // A resumed session shows no certificate: it would outlive the one shown first, and refused callers get tickets
      // too. Sessions are kept in the tickets alone, unless there is a listener for 'newSession' and 'resumeSession'.
      secureOptions: constants.SSL_OP_NO_TICKET,
    });
    const { guard } = options;
    this.server.on('secureConnection', (socket) => guarded(socket, guard, () => this.judge(socket)));
    this.server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) =>
      guarded(socket, guard, () => this.failed(error, socket)),
    );
  }

  get count(): number {
    return this.pending.size;
  }

  begin(raw: Socket): void {
    const address = addressOf(raw);
    raw.on('error', () => undefined);
    if (address === undefined) return void raw.destroy();
    const timer = setTimeout(() => raw.destroy(), this.options.timeoutMs);
    const handshake = { raw, timer };
    this.pending.set(address, handshake);
    raw.once('close', () => {
      clearTimeout(timer);
      if (this.pending.get(address) === handshake) this.pending.delete(address);
    });
    raw.once('readable', () => guarded(raw, this.options.guard, () => this.firstBytes(raw, address)));
    if (this.pending.size > this.options.maxCount) this.dropOldest();
  }

  close(): void {
    for (const { raw } of this.pending.values()) raw.destroy();
  }

  /** Answers a program without TLS in plain text. */
  private firstBytes(raw: Socket, address: string): void {
    const bytes = raw.read() as Buffer | null;
    if (bytes === null) return void raw.destroy();
    if (bytes[0] !== HANDSHAKE_RECORD) {
      this.options.onProblem(address, NOT_TLS);
      return turnAway(raw, NOT_TLS);
    }
    raw.unshift(bytes);
    this.server.emit('connection', raw);
  }

  private judge(socket: TLSSocket): void {
    const address = addressOf(socket);
    const handshake = address === undefined ? undefined : this.pending.get(address);
    if (address === undefined || handshake === undefined) return void socket.destroy();
    const text = certificateProblem(socket);
    if (text === undefined) {
      this.pending.delete(address);
      clearTimeout(handshake.timer);
      return this.options.onSecure(socket);
    }
    this.options.onProblem(address, text);
    socket.on('error', () => undefined);
    turnAway(socket, text);
  }

  private failed(error: NodeJS.ErrnoException, socket: TLSSocket): void {
    const address = addressOf(socket);
    const problem = tlsProblem(error);
    if (address !== undefined && problem !== undefined) this.options.onProblem(address, problem);
    socket.destroy();
  }

  private dropOldest(): void {
    const [oldest] = this.pending.values();
    oldest?.raw.destroy();
  }
}

/**
 * Returns undefined if the other side has just shown a good certificate. `authorized` alone is not enough: Node 20 sets
 * it to true for a resumed session without a certificate.
 */
function certificateProblem(socket: TLSSocket): string | undefined {
  if (socket.isSessionReused()) return 'it resumed an earlier session, which shows no certificate';
  if (socket.getPeerX509Certificate() === undefined) return 'it has no certificate';
  if (socket.authorized === true) return undefined;
  const code = String(socket.authorizationError);
  return tlsProblem({ name: '', message: '', code }) ?? `its certificate is not accepted (${code})`;
}

/** Sends the problem and closes; further input is discarded, so that the kernel does not reset what was sent. */
function turnAway(socket: Socket, problem: string): void {
  socket.end(encodeMessage(tlsRefusal(problem)));
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
}

function addressOf({ remoteAddress, remotePort }: Socket): string | undefined {
  return remoteAddress === undefined ? undefined : formatAddress(remoteAddress, remotePort ?? 0);
}
