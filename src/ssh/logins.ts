/** The ways to log in over SSH, in order: keys of the agent, then key files. Never passwords. */
import { readFileSync } from 'node:fs';
import type { AnyAuthMethod, AuthHandlerMiddleware, AuthenticationType, BaseAgent, ParsedKey } from 'ssh2';
import type { SshPackages } from './load-ssh';
import { fingerprintOf } from './known-hosts';
import type { SshSettings } from './ssh-config';

type Ssh2 = SshPackages['ssh2'];

/** A login method and its name in messages, which has only the path and fingerprint of a key. */
interface Login {
  method: AnyAuthMethod;
  name: string;
}

/** Time limit for an agent that does not answer, in milliseconds. */
const AGENT_TIMEOUT_MS = 3000;

export class Logins {
  private readonly tried: string[] = [];
  private left: AuthenticationType[] | null = null;
  private isPartial = false;

  private constructor(
    private readonly user: string,
    private readonly logins: Login[],
    /** The reasons why keys could not be tried. */
    private readonly notes: string[],
  ) {}

  /** Collects the keys of the agent and of the files. Damaged or encrypted ones are noted for `problem`. */
  static async find(settings: SshSettings, ssh2: Ssh2): Promise<Logins> {
    const notes: string[] = [];
    const files = settings.identityFiles.flatMap((file) => keyFile(file, ssh2, notes));
    const agent = await agentKeys(settings, ssh2, files, notes);
    const logins: Login[] = agent === null ? [] : [agent.login];
    for (const { path, key, blob } of files) {
      if (blob !== null && agent?.blobs.some((each) => each.equals(blob))) continue;
      if (key === null) notes.push(`${path} has a passphrase (ssh-add adds it to the agent)`);
      else logins.push({ method: { type: 'publickey', username: settings.user, key }, name: path });
    }
    return new Logins(settings.user, logins, notes);
  }

  /** Returns the next method for ssh2, or false if there is none. */
  readonly handler: AuthHandlerMiddleware = (left, isPartial, next) => {
    this.left = left;
    this.isPartial = isPartial;
    const give = next as (method: AnyAuthMethod | false) => void;
    // The first call only asks for the possible methods.
    if (left === null) return give({ type: 'none', username: this.user });
    const login = left.includes('publickey') ? this.logins.shift() : undefined;
    if (login === undefined) return give(false);
    this.tried.push(login.name);
    give(login.method);
  };

  /** Returns the reason why no method was accepted. */
  get problem(): string {
    const left = (this.left ?? []).join(', ');
    if (this.isPartial)
      return `a key was accepted for ${this.user}, but the server requires another method too: ${left}`;
    const tried = this.tried.length === 0 ? 'no key to try' : `tried ${this.tried.join(', ')}`;
    const takes = this.left?.includes('publickey') === false ? `the server accepts only ${left}; ` : '';
    return [`no key was accepted for ${this.user}: ${takes}${tried}`, ...this.notes].join('; ');
  }
}

interface KeyFile {
  path: string;
  /** Null if encrypted: only an agent can use it. */
  key: ParsedKey | null;
  /** The public key; null if unknown. */
  blob: Buffer | null;
}

function keyFile({ path, isChosen }: { path: string; isChosen: boolean }, ssh2: Ssh2, notes: string[]): KeyFile[] {
  let text: Buffer;
  try {
    text = readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // With only the public key, the agent is asked for the private one.
    const blob = publicKey(path, ssh2);
    if (blob !== null) return [{ path, key: null, blob }];
    if (isChosen || code !== 'ENOENT') notes.push(`${path} cannot be read (${code})`);
    return [];
  }
  const key = parse(text, ssh2);
  // A public key instead of a private one: the agent may have the private key.
  if (!(key instanceof Error)) return [{ path, key: key.isPrivateKey() ? key : null, blob: key.getPublicSSH() }];
  if (/passphrase/i.test(key.message)) return [{ path, key: null, blob: publicKey(path, ssh2) }];
  notes.push(`${path} is not a key of a known type`);
  return [];
}

function publicKey(path: string, ssh2: Ssh2): Buffer | null {
  try {
    const key = parse(readFileSync(`${path}.pub`), ssh2);
    return key instanceof Error ? null : key.getPublicSSH();
  } catch {
    return null;
  }
}

function parse(text: Buffer, ssh2: Ssh2): ParsedKey | Error {
  const parsed = ssh2.utils.parseKey(text) as ParsedKey | ParsedKey[] | Error;
  return Array.isArray(parsed) ? (parsed[0] ?? new Error('contains no key')) : parsed;
}

/** Returns the agent's keys, those of the identity files first, as the server limits the number of attempts. */
async function agentKeys(
  { agentSocket, identitiesOnly, user }: SshSettings,
  ssh2: Ssh2,
  files: readonly KeyFile[],
  notes: string[],
): Promise<{ login: Login; blobs: Buffer[] } | null> {
  if (agentSocket === undefined) return null;
  const agent = new ssh2.OpenSSHAgent(agentSocket);
  const all = await identities(agent);
  if (all === null) {
    notes.push(`the agent at ${agentSocket} does not answer`);
    return null;
  }
  const isWanted = (key: ParsedKey): boolean => files.some(({ blob }) => blob?.equals(key.getPublicSSH()));
  const keys = [...all.filter(isWanted), ...(identitiesOnly ? [] : all.filter((key) => !isWanted(key)))];
  if (keys.length === 0) return null;
  // ssh2 asks for the list again and gets this one.
  agent.getIdentities = (callback) => callback(null as unknown as undefined, keys);
  const blobs = keys.map((key) => key.getPublicSSH());
  const name = `the agent's ${blobs.map(fingerprintOf).join(', ')}`;
  return { login: { method: { type: 'agent', username: user, agent: agent as BaseAgent }, name }, blobs };
}

function identities(agent: InstanceType<Ssh2['OpenSSHAgent']>): Promise<ParsedKey[] | null> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(null), AGENT_TIMEOUT_MS);
    agent.getIdentities((error, keys) => {
      clearTimeout(timer);
      resolve(error ? null : (keys as ParsedKey[]));
    });
  });
}
