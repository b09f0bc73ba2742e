import { statSync } from 'node:fs';
import path from 'node:path';
import type { LocalServer } from './local-server';
import type { ProcessInfo } from './process-info';

/** What a server reads that was given no file (../../commands/server). */
const DEFAULT_CONFIG = 'config/server1.toml';
/** The executable under any name that says so, its bundle, and the scripts of a checkout. */
const PROGRAM_NAMES = /^cloudp2p(?![a-z])/i;
const SCRIPTS = /(^|\/)bin\/(run|dev)(\.js)?$/;

/**
 * Whether a process is `cloudp2p server` with this server's configuration and id: `PROGRAM server …`, or
 * `INTERPRETER … SCRIPT server …`, whose program or script is the configured one or is called cloudp2p.
 * @param config as its pid file has it: what stood on its command line, or the default
 */
export function isServerCommand(server: LocalServer, config: string, info: ProcessInfo): boolean {
  const { words } = info;
  const at = words.indexOf('server', 1);
  if (at < 0 || !isOurProgram(server, info, words.slice(0, at))) return false;
  const flags = words.slice(at + 1);
  // Of a command line that came without its limits between words, a path with spaces is many.
  const wanted = info.isSplit ? config.split(/\s+/).join(' ') : config;
  const length = info.isSplit ? wanted.split(' ').length : 1;
  const given = valueOf(flags, '--config', length) ?? DEFAULT_CONFIG;
  const id = valueOf(flags, '--id', 1);
  return given === wanted && (id === undefined || Number(id) === server.id);
}

/** Whether two paths lead to the same file, by whatever links. */
export function isSameFile(one: string, other: string): boolean {
  if (one === other) return true;
  const [first, second] = [one, other].map((file) => statSync(file, { throwIfNoEntry: false }));
  return first !== undefined && first.ino === second?.ino && first.dev === second.dev;
}

function isOurProgram({ command, workDir }: LocalServer, { exe, cwd }: ProcessInfo, words: readonly string[]): boolean {
  const isScript = words.length > 1;
  const typed = path.resolve(cwd ?? workDir, words.at(-1)!);
  // Anything may stand in the place of the program's name; what it is the kernel knows.
  const program = isScript ? typed : (exe ?? typed);
  const configured = path.resolve(workDir, command.at(-1)!);
  if ((isScript || command.length === 1) && isSameFile(program, configured)) return true;
  return PROGRAM_NAMES.test(path.basename(program)) || (isScript && SCRIPTS.test(program));
}

/** The value of a flag, of which the last one counts. */
function valueOf(flags: readonly string[], name: string, length: number): string | undefined {
  const at = flags.findLastIndex((word) => word === name || word.startsWith(`${name}=`));
  if (at < 0) return undefined;
  const text = flags[at] === name ? flags.slice(at + 1, at + 1 + length) : flags.slice(at, at + length);
  return text.join(' ').slice(flags[at] === name ? 0 : name.length + 1);
}
