import { readFileSync } from 'node:fs';
import type { AnyAuthMethod, AuthHandlerMiddleware, AuthenticationType, BaseAgent, ParsedKey } from 'ssh2';
import type { SshPackages } from './load-ssh';
import { fingerprintOf } from './known-hosts';
import type { SshSettings } from './ssh-config';

type Ssh2 = SshPackages['ssh2'];

/** A way to log in, and what a person calls it; never holds more of a key than its path and fingerprint. */
interface Login {
  method: AnyAuthMethod;
  name: string;
}

/** An agent that does not answer must not hold up everything. */
const AGENT_TIMEOUT_MS = 3000;

/** The ways to log in, one after the other: what the agent holds, then the key files. Never passwords. */
export class Logins {
  readonly #tried: string[] = [];
  #left: AuthenticationType[] | null = null;
  #isPartial = false;

  private constructor(
    private readonly user: string,
    private readonly logins: Login[],
    /** Why a key could not be tried. */
    private readonly notes: string[],
  ) {}

  /** Looks for keys in the agent and in the files. Damaged or encrypted ones are remembered for `problem`. */
  static async find(settings: SshSettings, ssh2: Ssh2): Promise<Logins> {
    const notes: string[] = [];
    const files = settings.identityFiles.flatMap((file) => keyFile(file, ssh2, notes));
    const agent = await agentKeys(settings, ssh2, files, notes);
    const logins: Login[] = agent === null ? [] : [agent.login];
    for (const { path, key, blob } of files) {
      if (blob !== null && agent?.blobs.some((each) => each.equals(blob))) continue;
      if (key === null) notes.push(`${path} has a passphrase (ssh-add puts it into the agent)`);
      else logins.push({ method: { type: 'publickey', username: settings.user, key }, name: path });
    }
    return new Logins(settings.user, logins, notes);
  }

  /** For ssh2: the next way, or false when there is none. */
  readonly handler: AuthHandlerMiddleware = (left, isPartial, next) => {
    this.#left = left;
    this.#isPartial = isPartial;
    const give = next as (method: AnyAuthMethod | false) => void;
    // The first question only asks what is possible.
    if (left === null) return give({ type: 'none', username: this.user });
    const login = left.includes('publickey') ? this.logins.shift() : undefined;
    if (login === undefined) return give(false);
    this.#tried.push(login.name);
    give(login.method);
  };

  /** Why none was accepted. */
  get problem(): string {
    const left = (this.#left ?? []).join(', ');
    if (this.#isPartial) return `a key was accepted for ${this.user}, but it wants another proof as well: ${left}`;
    const tried = this.#tried.length === 0 ? 'there is no key to try' : `tried ${this.#tried.join(', ')}`;
    const takes = this.#left?.includes('publickey') === false ? `it takes only ${left}; ` : '';
    return [`no key was accepted for ${this.user}: ${takes}${tried}`, ...this.notes].join('; ');
  }
}

interface KeyFile {
  path: string;
  /** null: encrypted, only an agent can use it. */
  key: ParsedKey | null;
  /** The public key; null: unknown. */
  blob: Buffer | null;
}

function keyFile({ path, isChosen }: { path: string; isChosen: boolean }, ssh2: Ssh2, notes: string[]): KeyFile[] {
  let text: Buffer;
  try {
    text = readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // With the public half alone the agent is asked for the private one.
    const blob = publicKey(path, ssh2);
    if (blob !== null) return [{ path, key: null, blob }];
    if (isChosen || code !== 'ENOENT') notes.push(`${path} cannot be read (${code})`);
    return [];
  }
  const key = parse(text, ssh2);
  // A public key where a private one belongs: the agent may hold the other half.
  if (!(key instanceof Error)) return [{ path, key: key.isPrivateKey() ? key : null, blob: key.getPublicSSH() }];
  if (/passphrase/i.test(key.message)) return [{ path, key: null, blob: publicKey(path, ssh2) }];
  notes.push(`${path} is no key of a known kind`);
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
  return Array.isArray(parsed) ? (parsed[0] ?? new Error('holds no key')) : parsed;
}

/** The agent's keys: those of the identity files first, so that the server's limit of tries is not spent on others. */
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
  // ssh2 asks for the list again: it gets this one.
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
