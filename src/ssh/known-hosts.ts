/** Finds the keys of a host in known_hosts files (sshd(8)). */
import { createHash, createHmac } from 'node:crypto';
import { matchesPatterns } from './patterns.pure';

/** A line of known_hosts that matches the host. */
export interface KnownHost {
  file: string;
  line: number;
  marker: 'revoked' | 'cert-authority' | null;
  /** The type as in the line: ssh-ed25519, ssh-rsa ... */
  type: string;
  key: Buffer;
}

export interface KnownHostsFile {
  path: string;
  text: string;
}

/**
 * Returns the lines of a host. Its name there is `[host]:port` if the port is not 22; if there is no such line, those of
 * the host itself count, as in OpenSSH.
 */
export function knownHosts(
  files: readonly KnownHostsFile[],
  { host, port }: { host: string; port: number },
): KnownHost[] {
  const name = host.toLowerCase();
  if (port === 22) return linesAbout(files, name);
  const withPort = linesAbout(files, `[${name}]:${port}`);
  return withPort.length > 0 ? withPort : linesAbout(files, name);
}

function linesAbout(files: readonly KnownHostsFile[], name: string): KnownHost[] {
  return files.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) => {
      const entry = parseLine(line);
      if (entry === null || !speaksOf(entry.hosts, name)) return [];
      const { marker, type, key } = entry;
      return [{ file: path, line: index + 1, marker, type, key }];
    }),
  );
}

function parseLine(text: string): (Pick<KnownHost, 'marker' | 'type' | 'key'> & { hosts: string }) | null {
  const words = text.trim().split(/\s+/);
  const marker = words[0]?.startsWith('@') ? words.shift()!.slice(1) : null;
  if (marker !== null && marker !== 'revoked' && marker !== 'cert-authority') return null;
  const [hosts = '', type = '', encoded = ''] = words;
  const key = Buffer.from(encoded, 'base64');
  // The type in the line must be that in the key; comments and lines of version 1 fail here too.
  return type === '' || keyTypeOf(key) !== type ? null : { marker, hosts, type, key };
}

function speaksOf(hosts: string, name: string): boolean {
  const hashed = /^\|1\|([^|]+)\|([^|]+)$/.exec(hosts);
  if (hashed === null) return matchesPatterns(hosts.toLowerCase().split(','), name);
  const hash = createHmac('sha1', Buffer.from(hashed[1]!, 'base64')).update(name).digest();
  return hash.equals(Buffer.from(hashed[2]!, 'base64'));
}

/** Returns the type in the bytes of a public key; '' if they are invalid. */
export function keyTypeOf(key: Buffer): string {
  const length = key.length < 4 ? 0 : key.readUInt32BE(0);
  return length > 64 || length > key.length - 4 ? '' : key.toString('latin1', 4, 4 + length);
}

/** Formats a key like ssh-keygen -l: `ED25519 SHA256:...` */
export function fingerprintOf(key: Buffer): string {
  const type = keyTypeOf(key).replace(/^(ssh-|ecdsa-sha2-)/, '');
  const name = type.startsWith('nistp') ? 'ECDSA' : type.replace(/[^\w.@-]/g, '?').toUpperCase();
  return `${name} SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}
