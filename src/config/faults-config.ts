/** The configuration of `faults`: the servers and the plan, from faults.toml or config/server*.toml, and flags. */
import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs';
import { join, parse, resolve } from 'node:path';
import type { Threshold } from '../core/metrics/threshold';
import { printable } from '../core/printable';
import { parseSshTarget, TARGET_SHAPE } from '../core/ssh-target';
import { configFile, readConfig } from './config-file';
import { faultSettings } from './fault-settings';
import { type FaultSpec, specOf } from './faults-spec';
import { badConfig, badSettings, type Problem } from './problem';
import { merge } from './merge';
import type { ServerConfig } from './server-config';
import { loadOwnConfig } from './server-location';
import { type FlagsOf, setting, type ValuesOf } from './settings';
import { MAX_PATH_CHARS } from './show';
import { type TlsFiles, tlsFilesOf, tlsProblems, tlsSettings } from './tls';
import { path, serverId, text } from './value-types';

const SERVER_FILES = 'config';
/** The host of a server on this machine; every other host is reached over SSH. */
export const THIS_MACHINE = 'localhost';
const EVENTS_EXTENSION = '.ndjson';
/** Written beside the log. */
const PROBE_FILE = 'fault_probe.ndjson';
/** The default on another machine; on this one it is the running program. */
const REMOTE_BINARY = './cloudp2p';

/** The table [faults] of faults.toml. */
export const faultsSettings = {
  ...faultSettings,
  log_file: setting(path('FILE'), {
    flag: 'log',
    default: './fault_events.log',
    help: 'log file',
    note: 'the .ndjson is written beside it',
  }),
};

const serverSettings = {
  id: setting(serverId(), { required: true, help: 'id of the server' }),
  host: setting(text(), { default: THIS_MACHINE, help: `[user@]host[:port] of SSH, or ${THIS_MACHINE} without SSH` }),
  config: setting(path('FILE'), {
    defaultText: `${SERVER_FILES}/server{id}.toml`,
    help: 'its configuration, relative to its work_dir',
  }),
  work_dir: setting(path('DIR'), { default: '.', help: 'its working folder, with its pid file and its log' }),
  binary: setting(path('FILE'), {
    defaultText: `this program; over SSH ${REMOTE_BINARY}`,
    help: 'its program, relative to its work_dir',
  }),
};

export const faultsFile = configFile(
  {
    path: 'config/faults.toml',
    purpose: 'the servers and the plan of `cloudp2p faults`',
    tables: { faults: faultsSettings, tls: tlsSettings, servers: { rows: serverSettings } },
  },
  (values) => [...tlsProblems(values.tls), ...ringProblems(values.servers)],
);

type ServerEntry = ValuesOf<typeof serverSettings> & Pick<FaultServer, 'own'>;

/** A server that faults are injected into, as the controller knows it. */
export interface FaultServer {
  id: number;
  /** "localhost", or an SSH target. */
  host: string;
  /** As written; relative to `workDir`. */
  config: string;
  /** As written; on another machine relative to the login folder of SSH. */
  workDir: string;
  /** As written, or the running program. */
  binary: string;
  /** The program and its first arguments; ` server --config CONFIG` follows. A relative program is one of `workDir`. */
  command: readonly string[];
  /** Its own configuration, if it is on this machine. */
  own?: ServerConfig;
}

/** The resolved configuration of the fault simulation. */
export interface FaultsConfig {
  /** At least one, no id twice, in the order of the ring. */
  servers: FaultServer[];
  spec: FaultSpec;
  /** The plan ends when one of these is true. */
  abortWhen: Threshold[];
  allowTotalOutage: boolean;
  /** The TLS files of the controller's probe; undefined without TLS. */
  tls?: TlsFiles;
  logFile: string;
  /** `logFile` with the extension .ndjson; null if the log is a device. */
  eventsFile: string | null;
  /** The records of the controller's probe, in the same folder. */
  probeFile: string | null;
  /** The flag or key that set the path of the log, for errors. */
  logSource: string;
}

/** The flags of `cloudp2p faults`, as typed. */
export type FaultsFlags = FlagsOf<typeof faultsSettings> & { config?: string };

/** Defaults that the running program supplies. */
export interface FaultsDefaults {
  /** The command that started the program: for servers on this machine without a `binary`. */
  ownCommand: readonly string[];
  /** Used if no seed is configured. */
  seed: number;
}

/**
 * Reads the configuration of the fault simulation from the named file, which must exist, or from config/faults.toml if
 * it exists; flags override it. A file without servers means those of config/server*.toml.
 * @throws ClusterError `bad_config`, one line per problem, naming the flag or the key of the file
 */
export function faultsConfigOf(flags: FaultsFlags, { ownCommand, seed }: FaultsDefaults): FaultsConfig {
  const { path: file, values } = readConfig(faultsFile, flags.config);
  const merged = merge(faultsSettings, values.faults, flags, { file, table: 'faults' });
  const logSource = merged.nameOf('log_file', true);
  const files = filesOf(merged.values.log_file, logSource);
  const servers = serversOf(values.servers ?? serversHere(file), values.servers && file, ownCommand);
  const serverIds = servers.map(({ id }) => id);
  return { servers, ...specOf(merged, serverIds, seed), ...files, logSource, tls: tlsFilesOf(values.tls, file) };
}

function ringProblems(servers: readonly ServerEntry[] | undefined): Problem[] {
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
  const expected = `expected a file with an extension other than ${EVENTS_EXTENSION}`;
  const got = `got "${printable(logFile, MAX_PATH_CHARS)}"`;
  if (name === '') throw badSettings([{ key: source, text: `expected a file, ${got}` }]);
  if (ext === EVENTS_EXTENSION) {
    throw badSettings([{ key: source, text: `${expected} (the machine-readable events use it), ${got}` }]);
  }
  return { logFile, eventsFile: join(dir, `${name}${EVENTS_EXTENSION}`), probeFile: join(dir, PROBE_FILE) };
}

/** Returns the servers of the files config/server*.toml, by id. */
function serversHere(file: string): ServerEntry[] {
  const names = existsSync(SERVER_FILES) ? readdirSync(SERVER_FILES).sort() : [];
  const files = names.filter((name) => /^server.*\.toml$/.test(name)).map((name) => `${SERVER_FILES}/${name}`);
  if (files.length === 0) {
    const text =
      'expected [[servers]] in it or config/server*.toml in this folder, found neither (cloudp2p init writes both)';
    throw badConfig([{ key: 'servers', text }], printable(file, MAX_PATH_CHARS));
  }
  const seen = new Map<number, string>();
  const entries = files.map((config) => {
    const own = loadOwnConfig(config);
    const { id } = own;
    const first = seen.get(id);
    if (first !== undefined) {
      const text = `expected each id once, got ${id} again (first in ${printable(first, MAX_PATH_CHARS)})`;
      throw badConfig([{ key: 'server.id', text }], printable(config, MAX_PATH_CHARS));
    }
    seen.set(id, config);
    return { id, host: THIS_MACHINE, config, work_dir: '.', own };
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
    const own = entry.host === THIS_MACHINE ? ownConfigOf(entry, `servers[${index}]`, problems) : undefined;
    return { ...serverOf(entry, ownCommand), own };
  });
  if (problems.length > 0) throw badConfig(problems, file && printable(file, MAX_PATH_CHARS));
  return servers;
}

/** Reads a server's own configuration, which must have this id. */
function ownConfigOf(entry: ServerEntry, key: string, problems: Problem[]): ServerConfig | undefined {
  const wrong = placeProblem(entry);
  if (wrong !== undefined) {
    problems.push({ key: `${key}.${wrong.key}`, text: wrong.text });
    return undefined;
  }
  const { id, config = defaultConfig(id), work_dir: workDir } = entry;
  const own = entry.own ?? loadOwnConfig(resolve(workDir, config));
  const text = `expected ${own.id}, the id in ${printable(config, MAX_PATH_CHARS)}, got ${id}`;
  if (own.id !== id) problems.push({ key: `${key}.id`, text });
  return own;
}

/** Checked before the first fault: a server that cannot be restarted would stay down. */
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
    return { key: 'binary', text: `expected a program, got "${shown(binary)}", which is not executable` };
  }
  return undefined;
}

function serverOf(entry: ServerEntry, ownCommand: readonly string[]): FaultServer {
  const { id, host, config = defaultConfig(id), work_dir: workDir } = entry;
  const binary = entry.binary ?? (host === THIS_MACHINE ? undefined : REMOTE_BINARY);
  return {
    id,
    host,
    config,
    workDir,
    binary: binary ?? ownCommand.join(' '),
    command: binary === undefined ? ownCommand : [binary],
  };
}

function defaultConfig(id: number): string {
  return `${SERVER_FILES}/server${id}.toml`;
}

/** True for an executable file. */
function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
