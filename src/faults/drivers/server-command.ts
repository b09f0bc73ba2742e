/** Recognizes the process of a configured server by its command line. */
import { statSync } from 'node:fs';
import path from 'node:path';
import type { LocalServer } from './local-server';
import type { ProcessInfo } from './process-info';

/** The default configuration file of a server (../../commands/server). */
const DEFAULT_CONFIG = 'config/server1.toml';
/** Names of the executable, its bundle, and the scripts of a checkout. */
const PROGRAM_NAMES = /^cloudp2p(?![a-z])/i;
const SCRIPTS = /(^|\/)bin\/(run|dev)(\.js)?$/;

/**
 * True if a process is `cloudp2p server` with this server's configuration and id: `PROGRAM server …`, or
 * `INTERPRETER … SCRIPT server …`, whose program or script is the configured one or is called cloudp2p.
 * @param config as in its pid file: from its command line, or the default
 */
export function isServerCommand(server: LocalServer, config: string, info: ProcessInfo): boolean {
  const { words } = info;
  const at = words.indexOf('server', 1);
  if (at < 0 || !isOurProgram(server, info, words.slice(0, at))) return false;
  const flags = words.slice(at + 1);
  // In a command line that was split at spaces, a path with spaces is several words.
  const wanted = info.isSplit ? config.split(/\s+/).join(' ') : config;
  const length = info.isSplit ? wanted.split(' ').length : 1;
  const given = valueOf(flags, '--config', length) ?? DEFAULT_CONFIG;
  const id = valueOf(flags, '--id', 1);
  return given === wanted && (id === undefined || Number(id) === server.id);
}

/** True if two paths lead to the same file, also through links. */
export function isSameFile(one: string, other: string): boolean {
  if (one === other) return true;
  const [first, second] = [one, other].map((file) => statSync(file, { throwIfNoEntry: false }));
  return first !== undefined && first.ino === second?.ino && first.dev === second.dev;
}

function isOurProgram({ command, workDir }: LocalServer, { exe, cwd }: ProcessInfo, words: readonly string[]): boolean {
  const isScript = words.length > 1;
  const typed = path.resolve(cwd ?? workDir, words.at(-1)!);
  // argv[0] may be anything; the kernel knows the program.
  const program = isScript ? typed : (exe ?? typed);
  const configured = path.resolve(workDir, command.at(-1)!);
  if ((isScript || command.length === 1) && isSameFile(program, configured)) return true;
  return PROGRAM_NAMES.test(path.basename(program)) || (isScript && SCRIPTS.test(program));
}

/** Returns the value of a flag; the last one counts. */
function valueOf(flags: readonly string[], name: string, length: number): string | undefined {
  const at = flags.findLastIndex((word) => word === name || word.startsWith(`${name}=`));
  if (at < 0) return undefined;
  const text = flags[at] === name ? flags.slice(at + 1, at + 1 + length) : flags.slice(at, at + length);
  return text.join(' ').slice(flags[at] === name ? 0 : name.length + 1);
}
