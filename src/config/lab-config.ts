/** The machines of a run over SSH: the lists [[servers]] and [[clients]] of run.toml. */
import { printable } from '../core/printable';
import { parsePlace, parseSshTarget, TARGET_SHAPE } from '../core/ssh-target';
import { canonicalAddress } from '../core/transport/address';
import * as common from './common-settings';
import type { FileValues } from './config-file';
import type { Problem } from './problem';
import { setting } from './settings';
import { type TlsFiles, tlsFilesOf, tlsProblems, tlsSettings } from './tls';
import { dialAddress, path, serverId, text } from './value-types';

const MAX_PATH_CHARS = 1024;

const host = setting(text(), { required: true, help: '[user@]host[:port] of SSH, or a name of ~/.ssh/config' });
const workDir = setting(text(MAX_PATH_CHARS), {
  required: true,
  help: 'folder there, created if missing; relative to the home folder',
});

const serverSettings = {
  id: setting(serverId(), { required: true, help: 'id of the server' }),
  host,
  address: setting(dialAddress(), { required: true, help: 'address for clients and the other servers' }),
  work_dir: workDir,
  cert: setting(path('FILE'), { help: 'with [tls]: certificate of this server (PEM), copied there' }),
  key: setting(path('FILE'), { help: 'with [tls]: private key of that certificate (PEM), copied there' }),
};

const clientSettings = {
  machine_id: { ...common.machineId, flag: undefined, defaultText: '1, 2, … in this order' },
  host,
  work_dir: workDir,
};

/** The tables of run.toml for these machines. */
export const labTables = { servers: { rows: serverSettings }, clients: { rows: clientSettings }, tls: tlsSettings };

export type LabSettings = FileValues<typeof labTables>;

export interface LabServer {
  id: number;
  /** `[user@]host[:port]` of SSH; an alias of ~/.ssh/config is one. */
  host: string;
  /** The address for clients and peers (host:port); the server listens on this port of all addresses of its machine. */
  address: string;
  /** A path on its machine; without a leading /, relative to the home folder there. */
  workDir: string;
  /** Files on this machine, which are copied there; undefined without TLS. */
  tls?: TlsFiles;
}

export interface LabClient {
  machineId: number;
  host: string;
  workDir: string;
}

/** All machines of a run; at least one of each. */
export interface Lab {
  servers: LabServer[];
  clients: LabClient[];
  /** The TLS files of all clients. */
  tls?: TlsFiles;
}

/** Returns the machines of the lists; undefined without either list: everything runs on this machine. */
export function labOf({ servers, clients, tls }: LabSettings, file = ''): Lab | undefined {
  if (servers === undefined && clients === undefined) return undefined;
  return {
    tls: tlsFilesOf(tls, file),
    servers: (servers ?? []).map(({ work_dir, cert, key, ...rest }, index) => {
      const files = tlsFilesOf({ ca: tls.ca, cert, key }, file);
      return { ...rest, workDir: fromHome(work_dir), tls: files && placedAt(files, `servers[${index}]`, file) };
    }),
    clients: (clients ?? []).map(({ machine_id, host, work_dir }, index) => {
      return { machineId: machine_id ?? index + 1, host, workDir: fromHome(work_dir) };
    }),
  };
}

/** Names the certificate and key of a server by its entry. */
function placedAt({ ca, cert, key }: TlsFiles, entry: string, file: string): TlsFiles {
  const at = (name: string): string => `${printable(file, MAX_PATH_CHARS)}: ${entry}.${name}`;
  return { ca, cert: { ...cert, place: at('cert') }, key: { ...key, place: at('key') } };
}

/** Checks that there are servers and clients, that none is listed twice, and that TLS has its files. */
export function labProblems(settings: LabSettings): Problem[] {
  const lab = labOf(settings);
  const isLost = lab === undefined && settings.tls.ca !== undefined;
  const text = 'expected [[servers]] and [[clients]] beside it: a run on this machine does not use TLS';
  if (lab === undefined) return isLost ? [{ key: 'tls', text }] : [];
  const { servers, clients } = lab;
  return [
    ...emptiness('servers', servers),
    ...emptiness('clients', clients),
    ...hostProblems('servers', servers),
    ...hostProblems('clients', clients),
    ...repeats('servers', 'id', servers, ({ id }) => String(id)),
    ...repeats('servers', 'address', servers, ({ address }) => canonicalAddress(address)),
    ...repeats('clients', 'machine_id', clients, (client) => String(client.machineId)),
    ...tlsProblems(settings.tls),
    ...certificateProblems(settings),
    // Each client has its own configuration and metrics in its folder.
    ...repeats('clients', 'work_dir', clients, ({ host, workDir }) => `${workDir} on ${host}`),
  ];
}

function emptiness(key: 'servers' | 'clients', entries: readonly unknown[]): Problem[] {
  const text = `expected at least one [[${key}]]: a run over SSH needs servers and client machines`;
  return entries.length > 0 ? [] : [{ key, text }];
}

/** Each server needs a certificate with [tls], and must have none without. */
function certificateProblems({ servers = [], tls }: LabSettings): Problem[] {
  return servers.flatMap((server, index) =>
    (['cert', 'key'] as const).flatMap((key) => {
      if ((server[key] === undefined) === (tls.ca === undefined)) return [];
      const text = tls.ca === undefined ? 'expected tls.ca beside it' : 'missing: expected a path, because of tls.ca';
      return [{ key: `servers[${index}].${key}`, text }];
    }),
  );
}

function hostProblems(key: string, entries: readonly { host: string }[]): Problem[] {
  return entries.flatMap(({ host }, index) => {
    const text = `expected ${TARGET_SHAPE}, got "${printable(host)}"`;
    const short = `expected a name of at least two characters, or user@${host}: a single letter is taken for a drive`;
    if (parseSshTarget(host) === null) return [{ key: `${key}[${index}].host`, text }];
    return parsePlace(`${host}:/`) === null ? [{ key: `${key}[${index}].host`, text: short }] : [];
  });
}

function repeats<T>(list: string, key: string, entries: readonly T[], valueOf: (entry: T) => string): Problem[] {
  const values = entries.map(valueOf);
  return values.flatMap((value, index) => {
    const first = values.indexOf(value);
    const text = `expected each once, got ${printable(value)} again (first at ${list}[${first}])`;
    return first === index ? [] : [{ key: `${list}[${index}].${key}`, text }];
  });
}

/** Strips ~/: SFTP does not know it, but starts in the home folder. */
function fromHome(folder: string): string {
  return folder.replace(/^~(?:\/+|$)/, '').replace(/(?<=.)\/+$/, '') || '.';
}
