import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs';
import { join, parse, resolve } from 'node:path';
import * as v from 'valibot';
import type { Threshold } from '../core/metrics/threshold';
import { printable } from '../core/printable';
import { systemClock } from '../core/system-clock';
import type { TlsPem } from '../core/transport/tls';
import { parseSshTarget, TARGET_SHAPE } from '../core/ssh-target';
import { type Address, canonicalAddress, parseAddress } from './address';
import { type FaultSpec, specFields, type SpecFlags, specOf } from './faults-spec';
import { list, path, section, table, text } from './fields';
import { defaultsOf, loadConfig } from './load';
import { badConfig, type Problem } from './problem';
import { advertisedAddress, loadServerConfig } from './server-config';
import { readServerFile, serverId } from './server-file';
import { MAX_PATH_CHARS } from './show';
import { readTls, tlsFields, type TlsFiles, tlsFilesOf, tlsProblems } from './tls';

export const DEFAULT_FAULTS_FILE = 'config/faults.toml';
const SERVER_FILES = 'config';
/** How a server of this machine is written; every other host is one over SSH. */
export const THIS_MACHINE = 'localhost';
const EVENTS_EXTENSION = '.ndjson';
/** Beside the log. */
const PROBE_FILE = 'fault_probe.ndjson';
/** Of another machine; here it is the running program. */
const REMOTE_BINARY = './cloudp2p';

/** The schema of `faults.toml`. */
export const faultsFileSchema = table({
  faults: section({ ...specFields, log_file: v.optional(path(), './fault_events.log') }),
  tls: tlsFields,
  servers: v.optional(
    list(
      table({
        id: serverId(),
        host: v.optional(text(), THIS_MACHINE),
        config: v.optional(path()),
        work_dir: v.optional(path(), '.'),
        binary: v.optional(path()),
      }),
      'a list of [[servers]]',
    ),
  ),
});

type FaultsSettings = v.InferOutput<typeof faultsFileSchema>;
type ServerEntry = NonNullable<FaultsSettings['servers']>[number];

/** A server that faults happen to, as the controller knows it. */
export interface FaultServer {
  id: number;
  /** "localhost", or where SSH leads. */
  host: string;
  /** As written; relative to `workDir`. */
  config: string;
  /** As written; on another machine relative to where SSH begins. */
  workDir: string;
  /** As written, or the running program. */
  binary: string;
  /** The program and its first arguments; ` server --config CONFIG` follows. A relative program is one of `workDir`. */
  command: readonly string[];
}

/** What a server's own configuration says, read on its machine. */
export interface ServerLocation {
  /** Absolute. */
  pidFile: string;
  /** Where its own machine reaches it. */
  address: Address;
  /** Where others reach it (host:port); null: at its machine's address and this port. */
  advertised: string | null;
  /** host:port of the others. */
  peers: readonly string[];
  /** Its own files, for who asks it something there; null: it speaks in the clear. */
  tls: TlsPem | null;
}

/** All that the fault simulation needs to know at its start. */
export interface FaultsConfig {
  /** At least one, no id twice, in the order of the ring. */
  servers: FaultServer[];
  spec: FaultSpec;
  /** In force when true: the plan ends then. */
  abortWhen: Threshold[];
  allowTotalOutage: boolean;
  /** Of the controller's own probe. Undefined: in the clear. */
  tls?: TlsFiles;
  logFile: string;
  /** `logFile` with the extension .ndjson; null: nothing stands beside a device. */
  eventsFile: string | null;
  /** What the controller's own probe has seen, in the same folder. */
  probeFile: string | null;
  /** What gave the path of the log, for errors about it. */
  logSource: string;
}

/** The flags of `cloudp2p faults`, as typed. */
export interface FaultsFlags extends SpecFlags {
  config?: string;
  log?: string;
}

/** What the program itself contributes. */
export interface FaultsDefaults {
  /** How it was started: for servers of this machine without a `binary`. */
  ownCommand: readonly string[];
  /** Where nobody gave one. */
  seed: number;
}

/**
 * The configuration of the fault simulation: of the named file, which must exist, or of config/faults.toml if it is
 * there; flags win. A file that lists no servers means those of config/server*.toml.
 * @throws ClusterError `bad_config`, one line a problem, which names the flag or the file's key
 */
export function faultsConfigOf(flags: FaultsFlags, { ownCommand, seed }: FaultsDefaults): FaultsConfig {
  const file = flags.config ?? DEFAULT_FAULTS_FILE;
  const required = flags.config !== undefined;
  const settings =
    loadConfig(faultsFileSchema, file, { required, check: fileProblems }) ?? defaultsOf(faultsFileSchema);
  const name = printable(file, MAX_PATH_CHARS);
  const logSource = flags.log === undefined ? `${name}: faults.log_file` : '--log';
  const files = filesOf(flags.log ?? settings.faults.log_file, logSource);
  const servers = serversOf(settings.servers ?? serversHere(file), settings.servers && file, ownCommand);
  const serverIds = servers.map(({ id }) => id);
  const spec = specOf({ settings: settings.faults, flags, file: name, serverIds, seed });
  return { servers, ...spec, ...files, logSource, tls: tlsFilesOf(settings.tls, file) };
}

/**
 * What the configuration of a server says of it; read where the server runs.
 * @throws ClusterError `bad_config` also when it is that of another server
 */
export function locateServer({ id, config, workDir }: Pick<FaultServer, 'id' | 'config' | 'workDir'>): ServerLocation {
  // Its number of workers does not matter here.
  const server = loadServerConfig(resolve(workDir, config), { availableParallelism: 1 });
  if (server.id !== id) {
    const text = `expected ${id}, got ${server.id}`;
    throw badConfig([{ key: 'server.id', text }], printable(config, MAX_PATH_CHARS));
  }
  return {
    pidFile: resolve(workDir, server.pidFile),
    address: reachable(server.address),
    advertised: advertisedAddress(server),
    peers: server.peers.map(({ address }) => address),
    tls: server.tls === undefined ? null : readTls(within(server.tls, workDir), 'server', systemClock.unixMs()),
  };
}

/** A server's paths are relative to where it runs. */
function within({ ca, cert, key }: TlsFiles, workDir: string): TlsFiles {
  const at = ({ path: file, place }: TlsFiles['ca']) => ({ path: resolve(workDir, file), place });
  return { ca: at(ca), cert: at(cert), key: at(key) };
}

function fileProblems(settings: FaultsSettings): Problem[] {
  return [...tlsProblems(settings.tls), ...ringProblems(settings)];
}

/** What the servers must be in view of each other. */
function ringProblems({ servers }: FaultsSettings): Problem[] {
  if (servers?.length === 0) return [{ key: 'servers', text: 'expected at least one server, got an empty list' }];
  const ids = (servers ?? []).map(({ id }) => id);
  return (servers ?? []).flatMap(({ id, host }, index) => {
    const first = ids.indexOf(id);
    const again = `expected each id once, got ${id} again (first at servers[${first}].id)`;
    const strange = `expected "${THIS_MACHINE}" or ${TARGET_SHAPE}, got "${printable(host)}"`;
    return [
      ...(first === index ? [] : [{ key: `servers[${index}].id`, text: again }]),
      ...(parseSshTarget(host) !== null ? [] : [{ key: `servers[${index}].host`, text: strange }]),
    ];
  });
}

function filesOf(logFile: string, source: string): Pick<FaultsConfig, 'logFile' | 'eventsFile' | 'probeFile'> {
  const { dir, name, ext } = parse(logFile);
  const expected = `expected a file with another extension than ${EVENTS_EXTENSION}`;
  const got = `got "${printable(logFile, MAX_PATH_CHARS)}"`;
  if (name === '') throw badConfig([{ key: source, text: `expected a file, ${got}` }]);
  if (ext === EVENTS_EXTENSION) {
    throw badConfig([{ key: source, text: `${expected} (the events for programs go there), ${got}` }]);
  }
  return { logFile, eventsFile: join(dir, `${name}${EVENTS_EXTENSION}`), probeFile: join(dir, PROBE_FILE) };
}

/** The servers whose files stand in config/ here, by id. */
function serversHere(file: string): ServerEntry[] {
  const names = existsSync(SERVER_FILES) ? readdirSync(SERVER_FILES).sort() : [];
  const files = names.filter((name) => /^server.*\.toml$/.test(name)).map((name) => `${SERVER_FILES}/${name}`);
  if (files.length === 0) {
    const text = 'expected [[servers]] there or config/server*.toml here, found neither (cloudp2p init writes both)';
    throw badConfig([{ key: 'servers', text }], printable(file, MAX_PATH_CHARS));
  }
  const seen = new Map<number, string>();
  const entries = files.map((config) => {
    const { id } = readServerFile(config, { required: true })!.settings.server;
    const first = seen.get(id);
    if (first !== undefined) {
      const text = `expected each id once, got ${id} again (first in ${printable(first, MAX_PATH_CHARS)})`;
      throw badConfig([{ key: 'server.id', text }], printable(config, MAX_PATH_CHARS));
    }
    seen.set(id, config);
    return { id, host: THIS_MACHINE, config, work_dir: '.' };
  });
  return entries.sort((a, b) => a.id - b.id);
}

function serversOf(
  entries: readonly ServerEntry[],
  file: string | undefined,
  ownCommand: readonly string[],
): FaultServer[] {
  const problems: Problem[] = [];
  const servers = entries.map((entry, index) => {
    const wrong = entry.host === THIS_MACHINE ? placeProblem(entry) : undefined;
    if (wrong !== undefined) problems.push({ key: `servers[${index}].${wrong.key}`, text: wrong.text });
    else if (entry.host === THIS_MACHINE) checkId(entry, `servers[${index}].id`, problems);
    return serverOf(entry, ownCommand);
  });
  if (problems.length > 0) throw badConfig(problems, file && printable(file, MAX_PATH_CHARS));
  return servers;
}

/** Said before anything is broken: a server that cannot be started again would stay down. */
function placeProblem({ id, work_dir: workDir, config = defaultConfig(id), binary }: ServerEntry): Problem | undefined {
  const shown = (file: string) => printable(file, MAX_PATH_CHARS);
  if (!statSync(workDir, { throwIfNoEntry: false })?.isDirectory()) {
    return { key: 'work_dir', text: `expected an existing folder, got "${shown(workDir)}"` };
  }
  if (!existsSync(resolve(workDir, config))) {
    const text = `expected the configuration of server ${id}, got "${shown(config)}", which does not exist`;
    return { key: 'config', text };
  }
  if (binary !== undefined && !isProgram(resolve(workDir, binary))) {
    return { key: 'binary', text: `expected a program, got "${shown(binary)}", which cannot be run` };
  }
  return undefined;
}

function checkId({ id, config = defaultConfig(id), work_dir: workDir }: ServerEntry, key: string, problems: Problem[]) {
  const server = loadServerConfig(resolve(workDir, config), { availableParallelism: 1 });
  if (server.id === id) return;
  problems.push({ key, text: `expected ${server.id}, the id in ${printable(config, MAX_PATH_CHARS)}, got ${id}` });
}

function serverOf(entry: ServerEntry, ownCommand: readonly string[]): FaultServer {
  const { id, host, config = defaultConfig(id), work_dir: workDir } = entry;
  const binary = entry.binary ?? (host === THIS_MACHINE ? undefined : REMOTE_BINARY);
  return {
    ...{ id, host, config, workDir },
    binary: binary ?? ownCommand.join(' '),
    command: binary === undefined ? ownCommand : [binary],
  };
}

function defaultConfig(id: number): string {
  return `${SERVER_FILES}/server${id}.toml`;
}

/** Nobody can be reached at 0.0.0.0; who listens there is reached through the loopback. */
function reachable(listens: string): Address {
  const { host, port } = parseAddress(canonicalAddress(listens))!;
  const loopback: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
  return { host: loopback[host] ?? host, port };
}

/** Whether a file can be run. */
export function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
