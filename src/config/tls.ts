/** The table [tls] of a file, as in etcd: the paths of a CA, a certificate that it signed, and its key (PEM files). */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { printable } from '../core/printable';
import type { TlsPem } from '../core/transport/tls';
import { badConfig, type Problem } from './problem';
import { readText } from './read-text';
import { setting, type ValuesOf } from './settings';
import { MAX_PATH_CHARS } from './show';
import { path } from './value-types';

const KEYS = ['ca', 'cert', 'key'] as const;
type Key = (typeof KEYS)[number];
type Blame = (key: Key, text: string) => void;

export const tlsSettings = {
  ca: setting(path('FILE'), { help: 'CA certificate of all machines (PEM)' }),
  cert: setting(path('FILE'), { help: 'certificate signed by that CA (PEM)' }),
  key: setting(path('FILE'), { help: 'private key of the certificate (PEM)' }),
};

type TlsSettings = ValuesOf<typeof tlsSettings>;

/** The paths of the files, and the name of each in errors (`server1.toml: tls.ca`, `--ca`). */
export type TlsFiles = Record<Key, { path: string; place: string }>;

/** The user of a certificate: servers dial each other, so theirs need both purposes. */
export type TlsRole = 'server' | 'client';

/** The OIDs of extendedKeyUsage (RFC 5280, section 4.2.1.12). */
const PURPOSES: Record<TlsRole, Record<string, string>> = {
  server: { serverAuth: '1.3.6.1.5.5.7.3.1', clientAuth: '1.3.6.1.5.5.7.3.2' },
  client: { clientAuth: '1.3.6.1.5.5.7.3.2' },
};
/** Limit on the length of a chain; longer ones are mistakes. */
const MAX_CHAIN = 10;

/** Checks that all three keys are set, or none. */
export function tlsProblems(tls: TlsSettings): Problem[] {
  const given = KEYS.filter((key) => tls[key] !== undefined);
  if (given.length === 0) return [];
  const missing = KEYS.filter((key) => tls[key] === undefined);
  return missing.map((key) => ({
    key: `tls.${key}`,
    text: `missing: expected a path beside tls.${given.join(', tls.')}`,
  }));
}

/** Returns undefined without TLS. `file` is the path of the configuration. */
export function tlsFilesOf({ ca, cert, key }: TlsSettings, file: string): TlsFiles | undefined {
  if (ca === undefined || cert === undefined || key === undefined) return undefined;
  const at = (name: Key, where: string) => ({ path: where, place: `${printable(file, MAX_PATH_CHARS)}: tls.${name}` });
  return { ca: at('ca', ca), cert: at('cert', cert), key: at('key', key) };
}

/**
 * Reads the three files and checks that peers can accept them: dates, matching key, signed by the CA. Returns only the
 * needed parts of each file: `run` copies `ca` and `cert` as world-readable files, and some users keep a certificate
 * and its key in one file.
 * @throws ClusterError `bad_config`, one line per problem, naming the key of the configuration and the file
 */
export function readTls(files: TlsFiles, role: TlsRole, nowMs: number): TlsPem {
  const problems: Problem[] = [];
  const blame: Blame = (key, text) => {
    const { path: file, place } = files[key];
    problems.push({ key: place, text: `${printable(file, MAX_PATH_CHARS)}: ${text}` });
  };
  const texts = textsOf(files, blame);
  const authorities = authoritiesIn(texts.ca, (text) => blame('ca', text));
  const chain = certificatesIn(texts.cert, () => blame('cert', 'expected a certificate in PEM'));
  const key = keyIn(texts.key, (text) => blame('key', text));
  const [own] = chain;
  const signer = signerOf(chain, authorities);
  if (authorities.length > 0 && authorities.every((each) => isOver(each, nowMs))) {
    blame('ca', `the CA certificate expired on ${authorities[0]!.validTo}`);
  }
  if (own !== undefined) {
    for (const text of certificateProblems(own, role, nowMs)) blame('cert', text);
    if (key !== undefined && !own.checkPrivateKey(key))
      blame('key', `does not match the certificate in ${files.cert.path}`);
    if (authorities.length > 0 && signer === undefined) blame('cert', `was not signed by the CA in ${files.ca.path}`);
  }
  if (problems.length > 0 || key === undefined || signer === undefined) throw badConfig(problems);
  const pem = {
    ca: pemOf(authorities),
    cert: pemOf(chain),
    key: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
  tryPem(pem, signer, blame);
  if (problems.length > 0) throw badConfig(problems);
  return pem;
}

function pemOf(certificates: readonly X509Certificate[]): string {
  return certificates.map((each) => each.toString()).join('');
}

/** OpenSSL has more rules, such as a minimum key length: one step per file, so that the error names the right one. */
function tryPem({ ca, cert, key }: TlsPem, signer: X509Certificate, blame: Blame): void {
  const steps: [Key, Partial<TlsPem>][] = [
    ['cert', { cert }],
    // OpenSSL checks a CA before the handshake only as the issuer of a certificate.
    ['ca', { ca, cert: cert + pemOf([signer]) }],
    ['key', { cert, key }],
  ];
  for (const [name, part] of steps) {
    try {
      createSecureContext(part);
    } catch (error) {
      const { reason, message } = error as Error & { reason?: string };
      return blame(name, `OpenSSL does not accept it: ${printable(reason ?? message)}`);
    }
  }
}

function textsOf(files: TlsFiles, blame: Blame): TlsPem {
  const textOf = (key: Key): string => {
    const read = readText(files[key].path);
    if ('text' in read) return read.text;
    blame(key, read.problem.text);
    return '';
  };
  return { ca: textOf('ca'), cert: textOf('cert'), key: textOf('key') };
}

/** A private key in this file is most likely that of the CA, and anyone who has it can issue certificates. */
function authoritiesIn(pem: string, blame: (text: string) => void): X509Certificate[] {
  if (!/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(pem))
    return certificatesIn(pem, () => blame('expected certificates in PEM'));
  blame('contains a private key, expected only CA certificates');
  return [];
}

/** An empty text is a file that could not be read, which is already reported. */
function certificatesIn(pem: string, blame: () => void): X509Certificate[] {
  if (pem === '') return [];
  try {
    const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    if (blocks.length > 0) return blocks.map((block) => new X509Certificate(block));
  } catch {
    // reported below as a missing certificate
  }
  blame();
  return [];
}

function keyIn(pem: string, blame: (text: string) => void): KeyObject | undefined {
  if (pem === '') return undefined;
  try {
    return createPrivateKey(pem);
  } catch {
    const isEncrypted = /BEGIN ENCRYPTED PRIVATE KEY|^Proc-Type: 4,ENCRYPTED/m.test(pem);
    blame(isEncrypted ? 'the key is encrypted, expected one without a passphrase' : 'expected a private key in PEM');
    return undefined;
  }
}

function certificateProblems(own: X509Certificate, role: TlsRole, nowMs: number): string[] {
  const problems: string[] = [];
  if (isOver(own, nowMs)) problems.push(`the certificate expired on ${own.validTo}`);
  if (Date.parse(own.validFrom) > nowMs) problems.push(`the certificate is not valid before ${own.validFrom}`);
  // Without the extension it is valid for every purpose.
  const allowed = own.keyUsage as string[] | undefined;
  const lacking = Object.entries(PURPOSES[role]).filter(([, id]) => allowed !== undefined && !allowed.includes(id));
  if (lacking.length > 0) {
    problems.push(
      `the certificate of a ${role} must allow ${lacking.map(([name]) => name).join(' and ')} (extendedKeyUsage)`,
    );
  }
  return problems;
}

function isOver({ validTo }: X509Certificate, nowMs: number): boolean {
  return Date.parse(validTo) < nowMs;
}

/** Finds the CA certificate that signed the certificate, directly or through intermediates in the same file. */
function signerOf(
  [own, ...others]: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
): X509Certificate | undefined {
  let current = own;
  for (let step = 0; step < MAX_CHAIN && current !== undefined; step += 1) {
    const signed: X509Certificate = current;
    const signs = (other: X509Certificate): boolean => signed.checkIssued(other) && signed.verify(other.publicKey);
    const signer = authorities.find(signs);
    if (signer !== undefined) return signer;
    current = others.find(signs);
  }
  return undefined;
}
