/** Certificates of a lab, made by the commands of docs/tls.md. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { TlsPem } from '../../src/core/transport/tls';

export const HAS_OPENSSL = spawnSync('openssl', ['version']).status === 0;

/** The shell commands of the document's lab, verbatim. */
export function documentedCommands(): string {
  const text = readFileSync(path.join(__dirname, '..', '..', 'docs', 'tls.md'), 'utf8');
  const commands = /```sh\n([\s\S]*?)```/.exec(text)?.[1];
  if (commands === undefined) throw new Error('docs/tls.md has no commands');
  return commands;
}

export class LabCa {
  /** Makes tls/ca.crt, tls/server-1.crt to server-3.crt and tls/client.crt, with their keys, in the folder. */
  constructor(private readonly folder: string) {
    execFileSync('bash', ['-euc', documentedCommands()], { cwd: folder, stdio: 'pipe' });
  }

  file(name: string): string {
    return path.join(this.folder, 'tls', name);
  }

  pem(name: string): TlsPem {
    const text = (file: string): string => readFileSync(this.file(file), 'utf8');
    return { ca: text('ca.crt'), cert: text(`${name}.crt`), key: text(`${name}.key`) };
  }

  /** The [tls] section of a configuration. */
  toml(name: string): string {
    const [ca, cert, key] = ['ca.crt', `${name}.crt`, `${name}.key`].map((file) => JSON.stringify(this.file(file)));
    return `[tls]\nca = ${ca}\ncert = ${cert}\nkey = ${key}\n`;
  }

  /**
   * Makes one more certificate; dates as `openssl ca` takes them, `20200101000000Z`; default: valid for a year from
   * now.
   */
  make(name: string, more: Certificate = {}): void {
    const { names, from, until, config = 'ca.cnf', newKey = NEW_KEY } = more;
    const { extension = `extendedKeyUsage=${more.purpose ?? 'serverAuth,clientAuth'}` } = more;
    const lines = [extension, ...(names === undefined ? [] : [`subjectAltName=${names}`])];
    this.openssl(['req', '-new', ...newKey, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`]);
    writeFileSync(this.file(`${name}.ext`), lines.join('\n'));
    writeFileSync(this.file('ca.cnf'), CA_CONFIG);
    writeFileSync(this.file('index.txt'), '');
    const dates = [...(from ? ['-startdate', from] : []), ...(until ? ['-enddate', until] : ['-days', '365'])];
    const signing = ['ca', '-batch', '-config', config, '-extfile', `${name}.ext`, ...dates];
    this.openssl([...signing, '-in', `${name}.csr`, '-out', `${name}.crt`]);
  }

  /** Makes a certificate that no known CA signed. */
  makeForeign(name: string): void {
    const files = ['-keyout', `${name}.key`, '-out', `${name}.crt`];
    this.openssl(['req', '-x509', '-days', '30', ...NEW_KEY, '-subj', `/CN=${name}`, ...files]);
  }

  encryptKey(from: string, to: string): void {
    this.openssl(['pkey', '-in', from, '-aes256', '-passout', 'pass:secret', '-out', to]);
  }

  /** Makes a certificate of an intermediate CA: with that CA's appended, and `{name}-alone.crt` without. */
  makeIntermediate(name: string, newKey?: string[]): void {
    const ca = `${name}-ca`;
    this.make(ca, { extension: 'basicConstraints=critical,CA:true', newKey });
    writeFileSync(this.file('below.cnf'), CA_CONFIG.replace('ca.crt', `${ca}.crt`).replace('ca.key', `${ca}.key`));
    this.make(name, { config: 'below.cnf' });
    const [own, above] = [`${name}.crt`, `${ca}.crt`].map((file) => readFileSync(this.file(file), 'utf8'));
    writeFileSync(this.file(`${name}-alone.crt`), own!);
    writeFileSync(this.file(`${name}.crt`), `${own}${above}`);
  }

  private openssl(args: string[]): void {
    execFileSync('openssl', args, { cwd: path.join(this.folder, 'tls'), stdio: 'pipe' });
  }
}

interface Certificate {
  /** subjectAltName */
  names?: string;
  from?: string;
  until?: string;
  /** extendedKeyUsage */
  purpose?: string;
  /** Replaces the purpose. */
  extension?: string;
  /** The `openssl ca` configuration that signs. */
  config?: string;
  /** The key options of `openssl req`; default: P-256. */
  newKey?: string[];
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** Configures `openssl ca`: `openssl x509` 1.1 and 3.0 cannot set the start date of a certificate. */
const CA_CONFIG = `
[ca]
default_ca = lab
[lab]
database = index.txt
unique_subject = no
rand_serial = yes
new_certs_dir = .
certificate = ca.crt
private_key = ca.key
default_md = sha256
policy = any
[any]
commonName = supplied
`;
