/**
 * Mutual TLS below the frames: both sides show a certificate of the same CA, and a dialed server must also be the one
 * that was meant (docs/tls.md). Only programs with [tls] in their configuration load this file.
 */
import { X509Certificate } from 'node:crypto';
import { isIP, type TcpNetConnectOpts } from 'node:net';
import { connect, createSecureContext, type SecureContext, type SecureContextOptions, type TLSSocket } from 'node:tls';
import { printable } from '../printable';
import { WRONG_NAME } from './wire/tls-problem';
import { type HandshakeOptions, Handshakes } from './tls-handshakes';

const MAX_CHARS = 300;

/** The contents of three PEM files. */
export interface TlsPem {
  ca: string;
  cert: string;
  key: string;
}

/** The expected server: the certificate must name its host or its id; without an id, any server matches. */
export interface ServerName {
  host: string;
  serverId?: number;
}

/** A program's own certificate and the CA that it trusts. */
export class Secure {
  private readonly cert: string;
  private readonly options: SecureContextOptions;
  private readonly context: SecureContext;

  constructor({ ca, cert, key }: TlsPem) {
    this.cert = cert;
    this.options = { ca, cert, key, minVersion: 'TLSv1.2' };
    this.context = createSecureContext(this.options);
  }

  /** Begins to connect; 'secureConnect' follows once the other side has authenticated, and nothing is sent before. */
  connect(options: TcpNetConnectOpts & { highWaterMark: number }, name: ServerName): TLSSocket {
    const socket = connect({
      ...options,
      secureContext: this.context,
      rejectUnauthorized: true,
      checkServerIdentity: (_host, { raw }) => identityError(new X509Certificate(raw), name),
    });
    // tls.connect does not support these.
    socket.setNoDelay(options.noDelay);
    socket.setKeepAlive(options.keepAlive, options.keepAliveInitialDelay);
    socket.cork();
    socket.once('secureConnect', () => socket.uncork());
    return socket;
  }

  /** Returns the `nameProblem` of its own certificate. */
  nameProblem(serverId: number, hosts: readonly string[]): string | undefined {
    return nameProblem(this.cert, serverId, ...hosts);
  }

  /** Returns why a caller with this certificate is not the server that it claims to be; undefined if it is. */
  callerProblem(certificate: X509Certificate | undefined, name: ServerName): string | undefined {
    return certificate === undefined ? 'it has no certificate' : identityError(certificate, name)?.message;
  }

  /** Makes the part of a listener that runs the TLS handshakes of accepted sockets. */
  handshakes(options: Omit<HandshakeOptions, 'context'>): Handshakes {
    return new Handshakes({ ...options, context: this.options });
  }
}

/**
 * Returns why peers would refuse a server with this certificate (PEM), as a statement about the certificate; undefined
 * if it names the id or a host. Without hosts it is unknown what peers dial, and any host that it names may be right.
 */
export function nameProblem(cert: string, serverId: number, ...hosts: string[]): string | undefined {
  const own = new X509Certificate(cert);
  const isHost = hosts.length > 0 ? hosts.some((host) => namesHost(own, host)) : namesAnyHost(own);
  if (isHost || namesServer(own, serverId)) return undefined;
  const dialed = hosts.length > 0 ? ` (${hosts.join(', ')})` : '';
  return `${printable(namesText(own), MAX_CHARS)}, but peers look for server-${serverId} or the host they dial${dialed}`;
}

/** Returns an error with our own message; undefined if the certificate is the expected one. */
function identityError(cert: X509Certificate, { host, serverId }: ServerName): Error | undefined {
  if (namesHost(cert, host) || namesServer(cert, serverId)) return undefined;
  const wanted = `${host} or ${serverId === undefined ? 'server-N' : `server-${serverId}`}`;
  const text = `its certificate ${namesText(cert)}, not ${wanted}`;
  return Object.assign(new Error(text), { code: WRONG_NAME });
}

function namesText({ subjectAltName }: X509Certificate): string {
  return `names ${subjectAltName ?? 'no server (it has no subjectAltName)'}`;
}

function namesOf({ subjectAltName }: X509Certificate): string[] {
  return subjectAltName?.split(', ') ?? [];
}

/** Returns true if the certificate names this server; `serverId` undefined: any server. */
function namesServer(cert: X509Certificate, serverId: number | undefined): boolean {
  return namesOf(cert).some((name) => serverIdOf(name) !== null && [undefined, serverIdOf(name)].includes(serverId));
}

function namesAnyHost(cert: X509Certificate): boolean {
  return namesOf(cert).some((name) => /^(DNS|IP Address):/.test(name) && serverIdOf(name) === null);
}

function namesHost(cert: X509Certificate, host: string): boolean {
  // The zone of fe80::1%eth0 is meaningful on this machine only; no certificate has one, and checkIP would throw.
  if (isIP(host) !== 0) return cert.checkIP(host.split('%', 1)[0]!) !== undefined;
  return cert.checkHost(host, { subject: 'never', partialWildcards: false }) !== undefined;
}

/** Node quotes and escapes names that could pass for two. */
function serverIdOf(name: string): number | null {
  const match = /^DNS:server-([1-9]\d{0,9})$/i.exec(name);
  return match === null ? null : Number(match[1]);
}
