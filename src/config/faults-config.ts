import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs';
import { join, parse, resolve } from 'node:path';
import * as v from 'valibot';
import { type Address, parseAddress } from './address';
import { decimal, list, path, section, table, text, toMs, whole } from './fields';
import { defaultsOf, loadConfig } from './load';
import { badConfig, type Problem } from './problem';
import { loadServerConfig } from './server-config';
import { readServerFile, serverId } from './server-file';
import { printable } from '../core/printable';
import { MAX_PATH_CHARS } from './show';

const DEFAULT_FILE = 'config/faults.toml';
const SERVER_FILES = 'config';
/** How a server of this machine is written; every other host is one over SSH. */
const THIS_MACHINE = 'localhost';
const EVENTS_EXTENSION = '.ndjson';

const secs = () => decimal(0, 7 * 24 * 3600, 'seconds');
const cycles = () => whole(1, 100_000);

/** The schema of `faults.toml`. */
export const faultsFileSchema = table({
  faults: section({
    fault_interval_secs: v.optional(secs(), 30),
    restart_delay_secs: v.optional(secs(), 10),
    num_cycles: v.optional(cycles(), 3),
    log_file: v.optional(path(), './fault_events.log'),
  }),
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

/** A server that faults happen to. */
export interface FaultServer {
  id: number;
  host: string;
  /** As written; relative to `workDir`. */
  config: string;
  workDir: string;
  /** As written, or the running program. */
  binary: string;
  /** The program and its first arguments, absolute; ` server --config CONFIG` follows. */
  command: readonly string[];
  /** Absolute. */
  pidFile: string;
  /** Where this machine reaches it. */
  address: Address;
}

/** All that the fault simulation needs to know at its start. */
export interface FaultsConfig {
  /** At least one, no id twice, in the order of the ring. */
  servers: FaultServer[];
  intervalMs: number;
  restartDelayMs: number;
  cycles: number;
  logFile: string;
  /** `logFile` with the extension .ndjson. */
  eventsFile: string;
  /** What gave the path of the log, for errors about it. */
  logSource: string;
}

/** The flags of `cloudp2p faults`, as typed. */
export interface FaultsFlags {
  config?: string;
  cycles?: string;
  interval?: string;
  'restart-delay'?: string;
  log?: string;
}

/**
 * The configuration of the fault simulation: of the named file, which must exist, or of config/faults.toml if it is
 * there; flags win. A file that lists no servers means those of config/server*.toml.
 * @param ownCommand the running program, for servers without a `binary`
 * @throws ClusterError `bad_config`, one line a problem, which names the flag or the file's key
 */
export function faultsConfigOf(flags: FaultsFlags, ownCommand: readonly string[]): FaultsConfig {
  const file = flags.config ?? DEFAULT_FILE;
  const required = flags.config !== undefined;
  const settings =
    loadConfig(faultsFileSchema, file, { required, check: ringProblems }) ?? defaultsOf(faultsFileSchema);
  const times = timesOf(settings.faults, flags);
  const logSource = flags.log === undefined ? `${printable(file, MAX_PATH_CHARS)}: faults.log_file` : '--log';
  const files = filesOf(flags.log ?? settings.faults.log_file, logSource);
  const servers = serversOf(settings.servers ?? serversHere(file), settings.servers && file, ownCommand);
  return { servers, ...times, ...files, logSource };
}

/** What the servers must be in view of each other. */
function ringProblems({ servers }: FaultsSettings): Problem[] {
  if (servers?.length === 0) return [{ key: 'servers', text: 'expected at least one server, got an empty list' }];
  const ids = (servers ?? []).map(({ id }) => id);
  return (servers ?? []).flatMap(({ id, host }, index) => {
    const first = ids.indexOf(id);
    const again = `expected each id once, got ${id} again (first at servers[${first}].id)`;
    const remote = `expected "${THIS_MACHINE}", got "${printable(host)}": hosts over SSH come with another version`;
    return [
      ...(first === index ? [] : [{ key: `servers[${index}].id`, text: again }]),
      ...(host === THIS_MACHINE ? [] : [{ key: `servers[${index}].host`, text: remote }]),
    ];
  });
}

function timesOf(faults: FaultsSettings['faults'], flags: FaultsFlags) {
  const problems: Problem[] = [];
  const flag = (name: 'cycles' | 'interval' | 'restart-delay', schema: v.GenericSchema<number>, inFile: number) => {
    const typed = flags[name];
    if (typed === undefined) return inFile;
    const result = v.safeParse(schema, /^\d+(\.\d+)?$/.test(typed) ? Number(typed) : NaN);
    if (result.success) return result.output;
    problems.push({ key: `--${name}`, text: `expected ${result.issues[0].message}, got "${printable(typed)}"` });
    return inFile;
  };
  const times = {
    intervalMs: toMs(flag('interval', secs(), faults.fault_interval_secs)),
    restartDelayMs: toMs(flag('restart-delay', secs(), faults.restart_delay_secs)),
    cycles: flag('cycles', cycles(), faults.num_cycles),
  };
  if (problems.length > 0) throw badConfig(problems);
  return times;
}

function filesOf(logFile: string, source: string): { logFile: string; eventsFile: string } {
  const { dir, name, ext } = parse(logFile);
  const expected = `expected a file with another extension than ${EVENTS_EXTENSION}`;
  const got = `got "${printable(logFile, MAX_PATH_CHARS)}"`;
  if (name === '') throw badConfig([{ key: source, text: `expected a file, ${got}` }]);
  if (ext === EVENTS_EXTENSION) {
    throw badConfig([{ key: source, text: `${expected} (the events for programs go there), ${got}` }]);
  }
  return { logFile, eventsFile: join(dir, `${name}${EVENTS_EXTENSION}`) };
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
  const servers = entries.flatMap((entry, index) => {
    const wrong = placeProblem(entry);
    if (wrong === undefined) return [serverOf(entry, ownCommand, `servers[${index}].id`, problems)];
    problems.push({ key: `servers[${index}].${wrong.key}`, text: wrong.text });
    return [];
  });
  if (problems.length > 0) throw badConfig(problems, file && printable(file, MAX_PATH_CHARS));
  return servers;
}

/** Said before anything is killed: a server that cannot be started again would stay down. */
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

function serverOf(
  { id, host, config = defaultConfig(id), work_dir: workDir, binary }: ServerEntry,
  ownCommand: readonly string[],
  idKey: string,
  problems: Problem[],
): FaultServer {
  // Its number of workers does not matter here.
  const server = loadServerConfig(join(workDir, config), { availableParallelism: 1 });
  if (server.id !== id) {
    const text = `expected ${server.id}, the id in ${printable(config, MAX_PATH_CHARS)}, got ${id}`;
    problems.push({ key: idKey, text });
  }
  return {
    ...{ id, host, config, workDir },
    binary: binary ?? ownCommand.join(' '),
    command: binary === undefined ? ownCommand : [resolve(workDir, binary)],
    pidFile: resolve(workDir, server.pidFile),
    address: reachable(server.address),
  };
}

function defaultConfig(id: number): string {
  return `${SERVER_FILES}/server${id}.toml`;
}

/** Nobody can be reached at 0.0.0.0; who listens there is reached through the loopback. */
function reachable(listens: string): Address {
  const { host, port } = parseAddress(listens)!;
  const loopback: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
  return { host: loopback[host] ?? host, port };
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
