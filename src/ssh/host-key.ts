/** Decides whether a host key is trusted, and explains how to add one that is not known. */
import type { ServerHostKeyAlgorithm } from 'ssh2';
import { fingerprintOf, keyTypeOf, type KnownHost } from './known-hosts';

/** The host key algorithms to request, best first, without ssh-rsa (SHA-1). */
const ALGORITHMS: readonly ServerHostKeyAlgorithm[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
];

export interface HostNames {
  host: string;
  port: number;
  /** The file to add its key to. */
  knownHostsFile: string;
}

/** Puts the algorithms of known keys first: a host that is known by one key must not show another. */
export function hostKeyAlgorithms(known: readonly KnownHost[]): ServerHostKeyAlgorithm[] {
  const types = new Set(known.filter(({ marker }) => marker === null).map(({ type }) => type));
  const isKnown = (algorithm: string): boolean => types.has(algorithm.replace(/^rsa-sha2-.*/, 'ssh-rsa'));
  return [...ALGORITHMS.filter(isKnown), ...ALGORITHMS.filter((algorithm) => !isKnown(algorithm))];
}

/** Returns the reason why a host key is not trusted, in one line; null if it is the known one. */
export function hostKeyProblem(known: readonly KnownHost[], key: Buffer, names: HostNames): string | null {
  const same = known.filter((each) => each.key.equals(key));
  const revoked = same.find(({ marker }) => marker === 'revoked');
  if (revoked) return `its host key ${fingerprintOf(key)} is revoked by ${placeOf(revoked)}`;
  if (same.some(({ marker }) => marker === null)) return null;
  const others = known.filter(({ marker }) => marker === null);
  if (others.length > 0) return changed(key, others);
  const authority = known.find(({ marker }) => marker === 'cert-authority');
  const why = authority
    ? `is known only by a certificate authority (${placeOf(authority)}), which is not supported`
    : 'is not known';
  return `its host key ${fingerprintOf(key)} ${why}: ${howToAdd(names, key)}`;
}

function changed(key: Buffer, known: readonly KnownHost[]): string {
  const wanted = known.find(({ type }) => type === keyTypeOf(key)) ?? known[0]!;
  return (
    `its host key has changed, so another machine may be impersonating it: it shows ${fingerprintOf(key)}, ` +
    `${placeOf(wanted)} has ${fingerprintOf(wanted.key)}`
  );
}

function howToAdd({ host, port, knownHostsFile }: HostNames, key: Buffer): string {
  const type = keyTypeOf(key).replace(/^ssh-|-sha2-.*/g, '');
  const scan = `ssh-keyscan ${port === 22 ? '' : `-p ${port} `}-t ${type} ${host} >> ${knownHostsFile}`;
  return `compare it with the output of ssh-keygen -l on that machine, then connect once with ssh, or: ${scan}`;
}

function placeOf({ file, line }: KnownHost): string {
  return `${file} line ${line}`;
}
