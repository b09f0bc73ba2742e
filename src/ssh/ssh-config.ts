/** Resolves the settings of an SSH target from the user's and the system's files (ssh_config(5)). */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { LineType, parse } from 'ssh-config';
import { ClusterError } from '../core/errors';
import { printable } from '../core/printable';
import { formatSshTarget, parseSshTarget, type SshTarget } from '../core/ssh-target';
import { causeOf } from '../files/cause';
import type { SshEnvironment } from './ssh-environment';
import { matchesPatterns } from './patterns.pure';

/** The settings of a target from ~/.ssh/config and the defaults of OpenSSH. */
export interface SshSettings {
  /** The machine as named by the user, for messages. */
  name: string;
  hostName: string;
  port: number;
  user: string;
  /** In the order to try; `isChosen` if a file names it, so that it should exist. */
  identityFiles: { path: string; isChosen: boolean }[];
  /** True if agent keys without an identity file are not tried. */
  identitiesOnly: boolean;
  agentSocket?: string;
  knownHostsFiles: string[];
  /** The name to look up in known_hosts, instead of the host name. */
  hostKeyAlias?: string;
  connectTimeoutMs?: number;
  /** The jump hosts, in order. */
  jumps: SshTarget[];
}

/** Keyword in lower case → its words; for most the first one counts, identity files add up. */
type Found = Map<string, string[]>;
type Lines = ReturnType<typeof parse>;

interface Walk {
  target: SshTarget;
  env: SshEnvironment;
  found: Found;
}

const DEFAULT_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'];
const SYSTEM_FOLDER = '/etc/ssh';
const MAX_DEPTH = 16;
/** Unsupported keywords: ignoring them would connect differently, or with fewer checks, than the user wants. */
const REFUSED = ['proxycommand', 'revokedhostkeys'];

/**
 * Resolves the settings of a target: first from the target itself, then ~/.ssh/config, then /etc/ssh/ssh_config, then
 * defaults. Never runs a program: `Match exec` does not match.
 * @throws ClusterError `bad_config` naming the file or the keyword
 */
export function resolveTarget(target: SshTarget, env: SshEnvironment): SshSettings {
  const name = formatSshTarget(target);
  const found: Found = new Map();
  readFile(path.join(env.home, '.ssh', 'config'), { target, env, found }, 0);
  readFile(path.join(SYSTEM_FOLDER, 'ssh_config'), { target, env, found }, 0);
  const one = (keyword: string): string | undefined => found.get(keyword)?.[0];
  const refused = REFUSED.find((keyword) => !/^(none)?$/.test(one(keyword) ?? ''));
  if (refused !== undefined) throw bad(name, `${refused} in its ssh configuration is not supported`);
  const hostName = (one('hostname') ?? target.host).replaceAll('%h', target.host).replaceAll('%%', '%');
  const port = target.port ?? numberOf(name, 'port', one('port'), 65_535) ?? 22;
  const user = target.user ?? one('user') ?? env.user;
  const expand = (text: string): string => expanded(text, { target, env, hostName, port, user });
  const timeoutSecs = numberOf(name, 'connecttimeout', one('connecttimeout'), 86_400);
  return {
    name,
    hostName,
    port,
    user,
    identityFiles: identityFiles(found.get('identityfile'), env, expand),
    identitiesOnly: isYes(one('identitiesonly')),
    agentSocket: agentSocket(one('identityagent'), env, expand),
    knownHostsFiles: [
      ...(found.get('userknownhostsfile') ?? ['~/.ssh/known_hosts', '~/.ssh/known_hosts2']),
      ...(found.get('globalknownhostsfile') ?? ['ssh_known_hosts', 'ssh_known_hosts2'].map(inSystemFolder)),
    ].flatMap((file) => (file === 'none' ? [] : [expand(file)])),
    hostKeyAlias: one('hostkeyalias'),
    connectTimeoutMs: timeoutSecs === undefined ? undefined : timeoutSecs * 1000,
    jumps: jumpsOf(name, one('proxyjump')),
  };
}

function readFile(file: string, walk: Walk, depth: number): void {
  if (depth > MAX_DEPTH) throw bad(file, `Include is nested more than ${MAX_DEPTH} levels deep`);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw bad(file, causeOf(error));
  }
  let lines: Lines;
  try {
    lines = parse(text);
  } catch (error) {
    throw bad(file, `cannot be read: ${(error as Error).message}`);
  }
  take(lines, file, walk, depth);
}

function take(lines: Lines, file: string, walk: Walk, depth: number): void {
  for (const line of lines) {
    if (line.type !== LineType.DIRECTIVE) continue;
    const keyword = line.param.toLowerCase();
    const words = wordsOf(line.value);
    if (keyword === 'host' && 'config' in line) {
      if (matchesPatterns(words, walk.target.host)) take(line.config, file, walk, depth);
    } else if (keyword === 'match' && 'config' in line) {
      if ('criteria' in line && isMatch(line.criteria, walk)) take(line.config, file, walk, depth);
    } else if (keyword === 'include') {
      for (const included of words.flatMap((each) => includedFiles(each, file, walk.env))) {
        readFile(included, walk, depth + 1);
      }
    } else if (keyword === 'identityfile') {
      walk.found.set(keyword, [...(walk.found.get(keyword) ?? []), ...words]);
    } else if (!walk.found.has(keyword)) walk.found.set(keyword, words);
  }
}

type Value = string | { val: string }[];

function wordsOf(value: Value): string[] {
  return typeof value === 'string' ? [value] : value.map(({ val }) => val);
}

function isMatch(criteria: Record<string, Value>, { target, env, found }: Walk): boolean {
  const texts: Record<string, string> = {
    host: found.get('hostname')?.[0] ?? target.host,
    originalhost: target.host,
    user: target.user ?? found.get('user')?.[0] ?? env.user,
    localuser: env.user,
  };
  return Object.entries(criteria).every(([name, value]) => {
    const key = name.toLowerCase();
    const patterns = wordsOf(value).flatMap((each) => each.split(','));
    return key === 'all' || (Object.hasOwn(texts, key) && matchesPatterns(patterns, texts[key]!));
  });
}

/** The name of the file may contain wildcards, as in `Include config.d/*`. */
function includedFiles(pattern: string, from: string, env: SshEnvironment): string[] {
  const base = from.startsWith(`${SYSTEM_FOLDER}/`) ? SYSTEM_FOLDER : path.join(env.home, '.ssh');
  const file = path.resolve(base, tildeExpanded(pattern, env));
  if (!/[*?]/.test(path.basename(file))) return [file];
  try {
    const names = readdirSync(path.dirname(file)).sort();
    return names
      .filter((name) => !name.startsWith('.') && matchesPatterns([path.basename(file)], name))
      .map((name) => path.join(path.dirname(file), name));
  } catch {
    return [];
  }
}

function identityFiles(
  named: readonly string[] | undefined,
  env: SshEnvironment,
  expand: (text: string) => string,
): SshSettings['identityFiles'] {
  if (named === undefined) {
    return DEFAULT_KEYS.map((key) => ({ path: path.join(env.home, '.ssh', key), isChosen: false }));
  }
  return named.filter((file) => file !== 'none').map((file) => ({ path: expand(file), isChosen: true }));
}

function agentSocket(named: string | undefined, env: SshEnvironment, expand: (text: string) => string) {
  if (named === undefined || named === 'SSH_AUTH_SOCK') return env.agentSocket;
  return named === 'none' ? undefined : expand(named);
}

function jumpsOf(name: string, value: string | undefined): SshTarget[] {
  if (value === undefined || value.toLowerCase() === 'none') return [];
  return value.split(',').map((text) => {
    const jump = parseSshTarget(text.trim().replace(/^ssh:\/\//, ''));
    if (jump === null) throw bad(name, `expected [user@]host[:port] as ProxyJump, got "${printable(text)}"`);
    return jump;
  });
}

type Tokens = { target: SshTarget; env: SshEnvironment; hostName: string; port: number; user: string };

function expanded(text: string, { target, env, hostName, port, user }: Tokens): string {
  const tokens: Record<string, string> = {
    '%%': '%',
    '%d': env.home,
    '%h': hostName,
    '%n': target.host,
    '%p': String(port),
    '%r': user,
    '%u': env.user,
  };
  const whole = tildeExpanded(text, env).replace(/%./g, (token) => tokens[token] ?? token);
  return path.resolve(env.home, whole);
}

function tildeExpanded(file: string, env: SshEnvironment): string {
  return file.replace(/^~(?=\/|$)/, () => env.home);
}

function inSystemFolder(name: string): string {
  return path.join(SYSTEM_FOLDER, name);
}

function isYes(value: string | undefined): boolean {
  return value !== undefined && /^(yes|true)$/i.test(value);
}

function numberOf(name: string, keyword: string, value: string | undefined, max: number): number | undefined {
  if (value === undefined || value === 'none') return undefined;
  const number = /^\d{1,6}$/.test(value) ? Number(value) : NaN;
  if (number >= 1 && number <= max) return number;
  const text = `expected a whole number from 1 to ${max} as ${keyword} in its ssh configuration`;
  throw bad(name, `${text}, got "${printable(value)}"`);
}

function bad(where: string, problem: string): ClusterError {
  return new ClusterError('bad_config', `${printable(where, 4096)}: ${printable(problem, 300)}`);
}
