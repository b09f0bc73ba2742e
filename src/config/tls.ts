/** [tls] of a file, as in etcd: a CA, a certificate of it and the certificate's key, each the path of a PEM file. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import * as v from 'valibot';
import { printable } from '../core/printable';
import type { TlsPem } from '../core/transport/tls';
import { path, section } from './fields';
import { badConfig, type Problem } from './problem';
import { readText } from './read-text';
import { MAX_PATH_CHARS } from './show';

const KEYS = ['ca', 'cert', 'key'] as const;
type Key = (typeof KEYS)[number];
type Blame = (key: Key, text: string) => void;

export const tlsFields = section({ ca: v.optional(path()), cert: v.optional(path()), key: v.optional(path()) });

type TlsSettings = v.InferOutput<typeof tlsFields>;

/** Where the files are, and what to call each in an error (`server1.toml: tls.ca`, `--ca`). */
export type TlsFiles = Record<Key, { path: string; place: string }>;

/** What a certificate is to be used for: servers dial each other, so theirs is for both. */
export type TlsRole = 'server' | 'client';

const PURPOSES: Record<TlsRole, Record<string, string>> = {
  server: { serverAuth: '1.3.6.1.5.5.7.3.1', clientAuth: '1.3.6.1.5.5.7.3.2' },
  client: { clientAuth: '1.3.6.1.5.5.7.3.2' },
};
/** Longer chains are mistakes. */
const MAX_CHAIN = 10;

/** All three or none. */
export function tlsProblems(tls: TlsSettings): Problem[] {
  const given = KEYS.filter((key) => tls[key] !== undefined);
  if (given.length === 0) return [];
  const missing = KEYS.filter((key) => tls[key] === undefined);
  return missing.map((key) => ({
    key: `tls.${key}`,
    text: `missing: expected a path beside tls.${given.join(', tls.')}`,
  }));
}

/** Undefined: no TLS. `file` is the configuration's path. */
export function tlsFilesOf({ ca, cert, key }: TlsSettings, file: string): TlsFiles | undefined {
  if (ca === undefined || cert === undefined || key === undefined) return undefined;
  const at = (name: Key, where: string) => ({ path: where, place: `${printable(file, MAX_PATH_CHARS)}: tls.${name}` });
  return { ca: at('ca', ca), cert: at('cert', cert), key: at('key', key) };
}

/**
 * Reads the three files and checks that the other sides can accept them: dates, the key fits, signed by the CA. Of each
 * file only what it is for: `run` hands `ca` and `cert` out as files that everybody may read, and some keep a
 * certificate and its key in one.
 * @throws ClusterError `bad_config`, one line a problem, which names the key of the configuration and the file
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
    blame('ca', `the CA's certificate has expired, on ${authorities[0]!.validTo}`);
  }
  if (own !== undefined) {
    for (const text of certificateProblems(own, role, nowMs)) blame('cert', text);
    if (key !== undefined && !own.checkPrivateKey(key))
      blame('key', `does not fit the certificate of ${files.cert.path}`);
    if (authorities.length > 0 && signer === undefined) blame('cert', `was not signed by the CA of ${files.ca.path}`);
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

/** OpenSSL has rules of its own, as how long a key must be: a step for each file, so that the right one is blamed. */
function tryPem({ ca, cert, key }: TlsPem, signer: X509Certificate, blame: Blame): void {
  const steps: [Key, Partial<TlsPem>][] = [
    ['cert', { cert }],
    // Of who is trusted it asks nothing before a handshake; of who stands behind a certificate it does.
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

/** A key here is the CA's, most likely, and whoever has that can make servers. */
function authoritiesIn(pem: string, blame: (text: string) => void): X509Certificate[] {
  if (!/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(pem))
    return certificatesIn(pem, () => blame('expected certificates in PEM'));
  blame('holds a private key, expected the certificates of the CA alone');
  return [];
}

/** Nothing to blame in a file that could not be read: that was told. */
function certificatesIn(pem: string, blame: () => void): X509Certificate[] {
  if (pem === '') return [];
  try {
    const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    if (blocks.length > 0) return blocks.map((block) => new X509Certificate(block));
  } catch {
    // told as the lack of any
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
  if (isOver(own, nowMs)) problems.push(`the certificate has expired, on ${own.validTo}`);
  if (Date.parse(own.validFrom) > nowMs) problems.push(`the certificate is not valid before ${own.validFrom}`);
  // Without the extension it is for everything.
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

/** The one of the CA that signed the certificate, if need be by others in the same file. */
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
