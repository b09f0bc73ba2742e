import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import path from 'node:path';
import type { SshTarget } from '../../src/core/ssh-target';
import { systemClock } from '../../src/core/system/system-clock';
import { measureClock } from '../../src/ssh/machine-clock';
import { connectSsh, type ConnectOptions } from '../../src/ssh/connect';
import type { Ssh } from '../../src/ssh/ssh';
import { makeFullDevice, testWithDevices } from '../support/specials';
import { CLOCK_PROGRAMS, describeWithSshd, freePort, type Sshd, SshLab, USER } from '../support/sshd';

describeWithSshd('against a real OpenSSH server', () => {
  let lab: SshLab;
  let sshd: Sshd;
  const open: Ssh[] = [];
  beforeAll(async () => {
    lab = new SshLab();
    sshd = await lab.start({ keyTypes: ['ed25519', 'rsa', 'ecdsa'] });
  });
  afterEach(() => {
    for (const ssh of open.splice(0)) ssh.close();
    lab.config('');
  });
  afterAll(() => lab.stop());

  const connect = async (target: SshTarget = sshd.target, more: Partial<ConnectOptions> = {}): Promise<Ssh> => {
    const ssh = await connectSsh(target, {
      signal: new AbortController().signal,
      environment: lab.environment,
      ...more,
    });
    open.push(ssh);
    return ssh;
  };
  /** Expects the connection to fail; returns the error's message. */
  const refused = async (target?: SshTarget, more?: Partial<ConnectOptions>): Promise<string> => {
    const error = await connect(target, more).then(
      () => new Error('it connected'),
      (each: unknown) => each as Error,
    );
    expect(error).toMatchObject({ code: 'not_reachable' });
    expect(error.message).not.toMatch(/\n/);
    return error.message;
  };
  const echo = async (ssh: Ssh): Promise<string> => (await ssh.exec(['echo', 'hi'])).stdout;
  const named = (): string => sshd.address;

  describe('logging in', () => {
    test('with a key', async () => {
      expect(await echo(await connect())).toBe('hi\n');
    });

    test('with a key that only the agent has, although others fail before it', async () => {
      for (const name of ['wrong1', 'wrong2', 'right']) lab.makeKey(name);
      lab.authorize('right');
      const agentSocket = await lab.agent('wrong1', 'wrong2', 'right');
      lab.config('IdentityFile ~/.ssh/none');
      rmSync(lab.ssh('right'));
      expect(await echo(await connect(undefined, { environment: { ...lab.environment, agentSocket } }))).toBe('hi\n');
    });

    test("tries the agent's key of an identity file first, and no other with IdentitiesOnly", async () => {
      const others = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
      for (const name of [...others, 'locked']) lab.makeKey(name, { passphrase: name === 'locked' ? 'secret' : '' });
      lab.authorize('locked');
      const agentSocket = await lab.agent(...others);
      const environment = { ...lab.environment, agentSocket };
      lab.config('IdentityFile ~/.ssh/locked\nIdentitiesOnly yes');
      const why = await refused(undefined, { environment });
      expect(why).toMatch(/no key was accepted for .*: no key to try; .*locked has a passphrase \(ssh-add adds it/);
      expect(why).not.toContain('secret');
      execFileSync('ssh-keygen', ['-q', '-p', '-P', 'secret', '-N', '', '-f', lab.ssh('locked')]);
      execFileSync('ssh-add', ['-q', lab.ssh('locked')], { env: { SSH_AUTH_SOCK: agentSocket }, stdio: 'pipe' });
      execFileSync('ssh-keygen', ['-q', '-p', '-P', '', '-N', 'secret', '-f', lab.ssh('locked')]);
      // The server allows fewer than seven keys: the eighth of the agent must come first.
      expect(await echo(await connect(undefined, { environment }))).toBe('hi\n');
      lab.config('IdentityFile ~/.ssh/locked');
      expect(await echo(await connect(undefined, { environment }))).toBe('hi\n');
    });

    test('as an alias says: host, port, user and key', async () => {
      lab.config(
        `Host lab\n  HostName 127.0.0.1\n  Port ${sshd.port}\n  User ${USER}\n  IdentityFile ~/.ssh/id_ed25519`,
      );
      expect(await echo(await connect({ host: 'lab' }))).toBe('hi\n');
      expect(await refused({ user: 'nobody-here', host: 'lab' })).toMatch(
        /^nobody-here@lab: no key was accepted for nobody-here/,
      );
    });

    test('through another machine (ProxyJump), which may refuse', async () => {
      lab.config(
        `Host gate\n  HostName 127.0.0.1\n  Port ${sshd.port}\nHost inner\n  HostName 127.0.0.1\n  Port ${sshd.port}\n  ProxyJump ${USER}@gate`,
      );
      const ssh = await connect({ host: 'inner' });
      expect(await echo(ssh)).toBe('hi\n');
      const port = await freePort();
      expect(await refused({ host: 'inner', port })).toMatch(
        new RegExp(`^inner:${port}: ${USER}@gate could not connect to 127`),
      );
    });

    test('a missing agent does not matter if a key works', async () => {
      const environment = { ...lab.environment, agentSocket: lab.ssh('no-agent') };
      expect(await echo(await connect(undefined, { environment }))).toBe('hi\n');
    });

    test('lists what was tried, and what could not be', async () => {
      lab.makeKey('stranger');
      writeFileSync(lab.ssh('garbage'), 'hello');
      lab.config('IdentityFile ~/.ssh/stranger\nIdentityFile ~/.ssh/garbage\nIdentityFile ~/.ssh/none');
      const environment = { ...lab.environment, agentSocket: lab.ssh('no-agent') };
      const [stranger, garbage, none] = ['stranger', 'garbage', 'none'].map((name) => lab.ssh(name));
      expect(await refused(undefined, { environment })).toBe(
        `${named()}: no key was accepted for ${USER}: tried ${stranger}; ${garbage} is not a key of a known type; ` +
          `${none} cannot be read (ENOENT); the agent at ${lab.ssh('no-agent')} does not answer`,
      );
    });
  });

  describe('host keys', () => {
    const known = (text: string): void => writeFileSync(lab.ssh('known'), text);
    beforeEach(() => lab.config('UserKnownHostsFile ~/.ssh/known\nGlobalKnownHostsFile none'));

    test('of an unknown host are shown and refused, whatever StrictHostKeyChecking says', async () => {
      known('');
      appendFileSync(lab.ssh('config'), '\nStrictHostKeyChecking no');
      const message = await refused();
      expect(message).toContain(`${named()}: its host key ED25519 ${sshd.fingerprints[0]} is not known: `);
      expect(message).toContain(`ssh-keyscan -p ${sshd.port} -t ed25519 127.0.0.1 >> ${lab.ssh('known')}`);
      expect(readFileSync(lab.ssh('known'), 'utf8')).toBe('');
    });

    test('that have changed are refused, with both fingerprints and the line', async () => {
      lab.makeKey('other');
      const other = readFileSync(lab.ssh('other.pub'), 'utf8');
      known(`# a comment\n[127.0.0.1]:${sshd.port} ${other}`);
      const print = execFileSync('ssh-keygen', ['-lf', lab.ssh('other')], { encoding: 'utf8' }).split(' ')[1]!;
      expect(await refused()).toBe(
        `${named()}: its host key has changed, so another machine may be impersonating it: it shows ED25519 ` +
          `${sshd.fingerprints[0]}, ${lab.ssh('known')} line 2 has ED25519 ${print}`,
      );
    });

    test.each([0, 1, 2])('known by key %i alone are requested', async (index) => {
      known(`[127.0.0.1]:${sshd.port} ${sshd.publicKeys[index]}\n`);
      expect(await echo(await connect())).toBe('hi\n');
    });

    test('of hashed lines, and of an alias', async () => {
      known(`[127.0.0.1]:${sshd.port} ${sshd.publicKeys[0]}\n`);
      execFileSync('ssh-keygen', ['-q', '-H', '-f', lab.ssh('known')], { stdio: 'pipe' });
      expect(readFileSync(lab.ssh('known'), 'utf8')).toMatch(/^\|1\|/);
      expect(await echo(await connect())).toBe('hi\n');
      known(`the-lab ${sshd.publicKeys[1]}\n`);
      appendFileSync(lab.ssh('config'), '\nHostKeyAlias the-lab');
      expect(await echo(await connect())).toBe('hi\n');
    });
  });

  describe('unreachable machines', () => {
    test('a refused port', async () => {
      const port = await freePort();
      expect(await refused({ host: '127.0.0.1', port })).toBe(
        `127.0.0.1:${port}: 127.0.0.1 port ${port}: connection refused`,
      );
    });

    test('an unknown name', async () => {
      expect(await refused({ host: 'no-such-host.invalid' })).toMatch(
        /invalid port 22: no address is known for this host/,
      );
    });

    test('one that accepts and says nothing, until the timeout or Ctrl-C', async () => {
      const server = await silentServer();
      const { port } = server.address() as { port: number };
      const target = { host: '127.0.0.1', port };
      expect(await refused(target, { timeoutMs: 150 })).toBe(
        `127.0.0.1:${port}: no answer from 127.0.0.1 port ${port} within 0.15 s`,
      );
      const controller = new AbortController();
      const connected = connect(target, { signal: controller.signal });
      server.once('connection', () => controller.abort());
      await expect(connected).rejects.toMatchObject({ code: 'interrupted' });
      server.close();
    });

    test('one that speaks another protocol, or closes at once', async () => {
      const server = createServer((socket) => socket.end('HTTP/1.1 400 \u001b[31m no\r\n\r\n')).listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      const { port } = server.address() as { port: number };
      expect(await refused({ host: '127.0.0.1', port })).toMatch(/closed the connection before SSH began$/);
      server.close();
    });
  });

  describe('commands', () => {
    test('arguments arrive unchanged, and so does input', async () => {
      const ssh = await connect();
      const argv = ['printf', '%s|', '$(id) ; "x"', "it's", 'a\nb', '', '-n', '*'];
      expect((await ssh.exec(argv)).stdout).toBe('$(id) ; "x"|it\'s|a\nb||-n|*|');
      expect(await ssh.exec(['cat'], { input: 'é\0x' })).toEqual({ code: 0, signal: null, stdout: 'é\0x', stderr: '' });
    });

    test('the result says how it ended', async () => {
      const ssh = await connect();
      expect(await ssh.exec(['sh', '-c', 'echo no >&2; exit 7'])).toEqual({
        code: 7,
        signal: null,
        stdout: '',
        stderr: 'no\n',
      });
      expect(await ssh.exec(['sh', '-c', 'kill -TERM $$'])).toMatchObject({ code: null, signal: 'SIGTERM' });
    });

    test('endless output is cut off, and so is endless waiting', async () => {
      const ssh = await connect();
      await expect(ssh.exec(['yes'], { maxBytes: 100_000 })).rejects.toThrow(
        `${named()}: yes wrote more than 100000 bytes`,
      );
      await expect(ssh.exec(['sleep', '60'], { timeoutMs: 100 })).rejects.toThrow(
        `${named()}: sleep did not end within 0.1 s`,
      );
      expect(await echo(ssh)).toBe('hi\n');
    });

    test('a lost connection fails pending and later calls; so does Ctrl-C', async () => {
      const ssh = await connect();
      const running = ssh.exec(['cat', '/dev/zero'], { maxBytes: Infinity });
      running.catch(() => undefined);
      await echo(ssh);
      expect(sshd.dropConnections()).toBeGreaterThan(0);
      await expect(running).rejects.toMatchObject({ message: `${named()}: the connection was lost`, retryable: true });
      await expect(ssh.exec(['true'])).rejects.toThrow(/the connection was lost$/);
      expect(ssh.isLost).toBe(true);
      const controller = new AbortController();
      const other = await connect(undefined, { signal: controller.signal });
      const waiting = other.exec(['sleep', '60']);
      controller.abort();
      await expect(waiting).rejects.toMatchObject({ code: 'interrupted' });
    });
  });

  describe('files', () => {
    test('lists entries: links as links, names unchanged', async () => {
      const folder = lab.ssh('listed');
      mkdirSync(path.join(folder, 'sub'), { recursive: true });
      writeFileSync(path.join(folder, 'a\nb'), '123');
      execFileSync('ln', ['-s', '/etc/passwd', path.join(folder, 'link')]);
      execFileSync('mkfifo', [path.join(folder, 'fifo')]);
      const sftp = await (await connect()).sftp();
      const kinds = (await sftp.list(folder)).map(({ name, kind }) => [name, kind]);
      expect(kinds.sort()).toEqual([
        ['a\nb', 'file'],
        ['fifo', 'other'],
        ['link', 'other'],
        ['sub', 'folder'],
      ]);
      expect(await sftp.stat(path.join(folder, 'a\nb'))).toMatchObject({ kind: 'file', sizeBytes: 3 });
      await expect(sftp.list('/none')).rejects.toThrow(`${named()}: /none does not exist`);
    });

    test('transfers completely, resumes, and stops at the listed size', async () => {
      const content = Buffer.from(Array.from({ length: 3_000_000 }, (_, at) => (at * 7 + (at >> 8)) & 0xff));
      const [remote, local] = ['remote.bin', 'local.bin'].map((name) => path.join(lab.folder, name)) as [
        string,
        string,
      ];
      const sftp = await (await connect()).sftp();
      await sftp.upload(content, remote);
      expect(readFileSync(remote).equals(content)).toBe(true);
      const listed = await sftp.stat(remote);
      // The beginning is left from an earlier call; its wrong byte shows that it was not fetched again.
      const begun = Buffer.from(content.subarray(0, 1_000_001));
      begun[5] = 255 - begun[5]!;
      writeFileSync(`${local}.${listed.sizeBytes}-${listed.modifiedSecs}.part`, begun);
      appendFileSync(remote, 'grown meanwhile');
      let bytes = 0;
      await sftp.download(remote, local, listed, (some) => (bytes += some));
      expect(bytes).toBe(3_000_000);
      const fetched = readFileSync(local);
      expect(fetched.subarray(1_000_001).equals(content.subarray(1_000_001))).toBe(true);
      expect(fetched[5]).toBe(begun[5]);
      expect(fetched).toHaveLength(3_000_000);
      expect(existsSync(`${local}.${listed.sizeBytes}-${listed.modifiedSecs}.part`)).toBe(false);
    });

    test('sets the mode, whatever was there before', async () => {
      const sftp = await (await connect()).sftp();
      const folder = mkdtempSync(path.join(lab.folder, 'modes'));
      const [key, victim] = ['key', 'victim'].map((name) => path.join(folder, name)) as [string, string];
      const modeOf = (file: string): number => statSync(file).mode & 0o777;
      writeFileSync(victim, 'mine', { mode: 0o644 });
      // Something left under the temporary name by an interrupted upload, or by somebody else.
      symlinkSync(victim, `${key}.cloudp2p.tmp`);
      await sftp.upload(Buffer.from('secret'), key, 0o600);
      expect([readFileSync(victim, 'utf8'), modeOf(key), lstatSync(key).isFile()]).toEqual(['mine', 0o600, true]);
      writeFileSync(`${key}.cloudp2p.tmp`, 'old', { mode: 0o644 });
      await sftp.upload(Buffer.from('secret'), key, 0o600);
      expect(modeOf(key)).toBe(0o600);
      await sftp.chmod(key, 0o640);
      expect(modeOf(key)).toBe(0o640);
      // The machine's umask does not count.
      await sftp.upload(Buffer.from('all'), path.join(folder, 'open'), 0o666);
      expect(modeOf(path.join(folder, 'open'))).toBe(0o666);
      // An unwritable place leaves nothing beside it.
      mkdirSync(path.join(folder, 'taken'));
      await expect(sftp.upload(Buffer.from('x'), path.join(folder, 'taken'))).rejects.toThrow(`${folder}/taken`);
      expect(readdirSync(folder).filter((name) => /^taken./.test(name))).toEqual([]);
    });

    test('names files that shrank, and those unreadable there or unwritable here', async () => {
      const sftp = await (await connect()).sftp();
      const [remote, local] = ['short', 'local2'].map((name) => path.join(lab.folder, name)) as [string, string];
      writeFileSync(remote, 'abc');
      const listed = { sizeBytes: 10, modifiedSecs: 1 };
      await expect(sftp.download(remote, local, listed)).rejects.toThrow(`${remote} became shorter while it was read`);
      await expect(sftp.download(`${remote}x`, local, listed)).rejects.toThrow(`${remote}x does not exist`);
      await expect(sftp.download(remote, '/none/x', listed)).rejects.toMatchObject({ code: 'bad_usage' });
    });

    testWithDevices('names the file here if this disk is full', async () => {
      const sftp = await (await connect()).sftp();
      const [remote, local] = ['whole', 'local3'].map((name) => path.join(lab.folder, name)) as [string, string];
      writeFileSync(remote, 'abc');
      const part = makeFullDevice(`${local}.3-1.part`);
      await expect(sftp.download(remote, local, { sizeBytes: 3, modifiedSecs: 1 })).rejects.toThrow(
        `cannot write ${part}: `,
      );
    });

    test('reports a server without SFTP, and one without commands', async () => {
      const bare = await lab.start({ hasSftp: false, config: ['ForceCommand /bin/false'] });
      const ssh = await connect(bare.target);
      await expect(ssh.sftp()).rejects.toThrow(`${bare.address}: it has no SFTP (Subsystem sftp in its sshd_config)`);
      expect(await measureClock(ssh, systemClock)).toBeNull();
    });
  });

  describe('clocks', () => {
    test('of the same machine agree within the uncertainty', async () => {
      const measured = (await measureClock(await connect(), systemClock))!;
      expect(Math.abs(measured.offsetMs)).toBeLessThan(measured.uncertaintyMs + 5);
      expect(measured.uncertaintyMs).toBeLessThan(50);
      // Processes there record this boot, by which the report finds them.
      const { bootId, wallMs, machineMs, suspendedMs } = systemClock.look!();
      expect(measured.start?.bootId ?? null).toBe(bootId);
      if (bootId !== null)
        expect(Math.abs(measured.start!.startMs - (wallMs - machineMs - suspendedMs))).toBeLessThan(100);
    });

    test.each([...CLOCK_PROGRAMS, 'none'] as const)('3 s ahead, read by %s', async (by) => {
      const other = await lab.start({ env: { PATH: lab.wrongClock(3, by) } });
      const measured = (await measureClock(await connect(other.target), systemClock))!;
      expect(Math.abs(measured.offsetMs - 3000)).toBeLessThan(measured.uncertaintyMs + 5);
      if (by === 'none') expect(measured.uncertaintyMs).toBeGreaterThan(500);
      else expect(measured.uncertaintyMs).toBeLessThan(100);
    });
  });
});

function silentServer(): Promise<Server> {
  return new Promise((resolve) => {
    // Reads, so that it notices the end of a connection.
    const server: Server = createServer((socket) => socket.resume()).listen(0, '127.0.0.1', () => resolve(server));
  });
}
