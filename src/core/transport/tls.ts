/**
 * Mutual TLS under the frames: both sides show a certificate of the same CA, and who is dialed must also be the server
 * that was meant (docs/tls.md). Only programs with [tls] in their configuration load this file.
 */
import { X509Certificate } from 'node:crypto';
import { isIP, type TcpNetConnectOpts } from 'node:net';
import { connect, createSecureContext, type SecureContext, type SecureContextOptions, type TLSSocket } from 'node:tls';
import { WRONG_NAME } from './tls-problem';
import { type HandshakeOptions, Handshakes } from './tls-handshakes';

/** The texts of three PEM files. */
export interface TlsPem {
  ca: string;
  cert: string;
  key: string;
}

/** Who is to be dialed: the certificate must name the host, or the server; without an id, any server will do. */
export interface ServerName {
  host: string;
  serverId?: number;
}

/** What a program shows of itself and whom it believes. */
export class Secure {
  readonly #options: SecureContextOptions;
  readonly #context: SecureContext;

  constructor({ ca, cert, key }: TlsPem) {
    this.#options = { ca, cert, key, minVersion: 'TLSv1.2' };
    this.#context = createSecureContext(this.#options);
  }

  /** Begins to connect; 'secureConnect' comes once the other side has proved who it is, and nothing is sent before. */
  connect(options: TcpNetConnectOpts & { highWaterMark: number }, name: ServerName): TLSSocket {
    const socket = connect({
      ...options,
      secureContext: this.#context,
      rejectUnauthorized: true,
      checkServerIdentity: (_host, { raw }) => identityError(new X509Certificate(raw), name),
    });
    // tls.connect knows nothing of these.
    socket.setNoDelay(options.noDelay);
    socket.setKeepAlive(options.keepAlive, options.keepAliveInitialDelay);
    socket.cork();
    socket.once('secureConnect', () => socket.uncork());
    return socket;
  }

  /** For a listener: makes accepted sockets secure ones. */
  handshakes(options: Omit<HandshakeOptions, 'context'>): Handshakes {
    return new Handshakes({ ...options, context: this.#options });
  }
}

/** Its message is ours; undefined: it is who it should be. */
function identityError(cert: X509Certificate, { host, serverId }: ServerName): Error | undefined {
  const isHost = isIP(host) === 0 ? namesHost(cert, host) : cert.checkIP(host) !== undefined;
  const names = cert.subjectAltName?.split(', ') ?? [];
  if (isHost || names.some((name) => serverIdOf(name) !== null && [undefined, serverIdOf(name)].includes(serverId))) {
    return undefined;
  }
  const wanted = `${host} or ${serverId === undefined ? 'server-N' : `server-${serverId}`}`;
  const text = `its certificate names ${cert.subjectAltName ?? 'no server (it has no subjectAltName)'}, not ${wanted}`;
  return Object.assign(new Error(text), { code: WRONG_NAME });
}

function namesHost(cert: X509Certificate, host: string): boolean {
  return cert.checkHost(host, { subject: 'never', partialWildcards: false }) !== undefined;
}

/** Node quotes and escapes names that could pass for two. */
function serverIdOf(name: string): number | null {
  const match = /^DNS:server-([1-9]\d{0,9})$/i.exec(name);
  return match === null ? null : Number(match[1]);
}
