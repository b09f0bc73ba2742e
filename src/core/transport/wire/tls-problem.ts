/** Describes TLS problems between two sides, in words about the other side. */
import { printable } from '../../printable';
import type { Message } from '../../protocol';

const MAX_CHARS = 300;

/** Node's error code. */
export const WRONG_NAME = 'ERR_TLS_CERT_ALTNAME_INVALID';

const NOT_OF_OUR_CA = 'its certificate was not signed by the CA that is configured here ([tls] ca)';
export const NOT_TLS = 'it does not speak TLS, which [tls] of the configuration here asks for';
export const TLS_UNEXPECTED = 'it speaks TLS, for which there is no [tls] in the configuration here';

/** The end of warnings about a server that is reached from other machines without TLS. */
export const WITHOUT_TLS =
  'without TLS ([tls]): anyone who can connect can read all traffic, send tasks and pose as a server';

/** Problems that OpenSSL and Node find with the other side's certificate or input. */
const PROBLEMS: Record<string, string> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet (are the clocks right?)',
  CERT_SIGNATURE_FAILURE: NOT_OF_OUR_CA,
  DEPTH_ZERO_SELF_SIGNED_CERT: NOT_OF_OUR_CA,
  SELF_SIGNED_CERT_IN_CHAIN: NOT_OF_OUR_CA,
  UNABLE_TO_GET_ISSUER_CERT: NOT_OF_OUR_CA,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: NOT_OF_OUR_CA,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: NOT_OF_OUR_CA,
  INVALID_CA: NOT_OF_OUR_CA,
  INVALID_PURPOSE: 'its certificate is for another purpose (extendedKeyUsage)',
  ERR_SSL_WRONG_VERSION_NUMBER: NOT_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NOT_TLS,
  ERR_SSL_HTTP_REQUEST: NOT_TLS,
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'it speaks only TLS older than 1.2',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'it speaks only TLS older than 1.2',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'it wants a certificate, and got none',
};

/** Makes the Error that a TLS listener sends to a caller that it refuses. */
export function tlsRefusal(problem: string): Message {
  return { kind: 'Error', code: problem === NOT_TLS ? 'tls_needed' : 'bad_certificate', message: problem };
}

/** Returns the text of such an Error as a statement about the listener; undefined for any other message. */
export function refusalText(message: Message): string | undefined {
  if (message.kind !== 'Error') return undefined;
  if (message.code === 'tls_needed') return TLS_UNEXPECTED;
  if (message.code !== 'bad_certificate') return undefined;
  return `it turned us away, saying of us: "${printable(message.message, MAX_CHARS)}"`;
}

/**
 * Returns why a handshake failed, as a statement about the other side; undefined if the cause is not TLS (refused,
 * closed, unreachable).
 */
export function tlsProblem(error: NodeJS.ErrnoException): string | undefined {
  const { code = '', message } = error;
  // Our own message, with names from the other side's certificate.
  if (code === WRONG_NAME) return printable(message, MAX_CHARS);
  const known = Object.hasOwn(PROBLEMS, code) ? PROBLEMS[code] : undefined;
  if (known !== undefined) return known;
  if (/^(ERR_SSL_|ERR_TLS_|CERT_|CRL_|UNABLE_TO_|INVALID_|EPROTO|HOSTNAME_)/.test(code)) {
    return `the TLS handshake failed (${printable(code)})`;
  }
  return undefined;
}

/** Returns true if the bytes received instead of a frame begin a TLS alert or handshake record. */
export function looksLikeTls(bytes: Uint8Array): boolean {
  return (bytes[0] === 0x15 || bytes[0] === 0x16) && bytes[1] === 0x03 && bytes[2]! <= 0x04;
}
