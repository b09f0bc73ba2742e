import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseSshTarget } from '../../src/core/ssh-target';
import { resolveTarget, type SshSettings } from '../../src/ssh/ssh-config';

let home = '';
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'cloudp2p-home-'));
  mkdirSync(path.join(home, '.ssh', 'config.d'), { recursive: true });
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const config = (text: string, name = 'config'): void => writeFileSync(path.join(home, '.ssh', name), text);
const resolve = (target: string): SshSettings =>
  resolveTarget(parseSshTarget(target)!, { home, user: 'me', agentSocket: '/agent' });
const inHome = (...names: string[]): string[] => names.map((name) => path.join(home, name));

test('without a file the defaults of OpenSSH', () => {
  expect(resolve('h')).toMatchObject({
    name: 'h',
    hostName: 'h',
    port: 22,
    user: 'me',
    identitiesOnly: false,
    agentSocket: '/agent',
    jumps: [],
    identityFiles: inHome('.ssh/id_ed25519', '.ssh/id_ecdsa', '.ssh/id_rsa').map((path) => ({ path, isChosen: false })),
    knownHostsFiles: [
      ...inHome('.ssh/known_hosts', '.ssh/known_hosts2'),
      '/etc/ssh/ssh_known_hosts',
      '/etc/ssh/ssh_known_hosts2',
    ],
  });
});

test('an alias', () => {
  config(`
    Host lab-* !lab-9
      HostName %h.example.com
      user anna
      Port=2222
      IdentityFile ~/.ssh/lab key
      IdentityFile "%d/keys/%h_%p_%r"
      IdentitiesOnly yes
      UserKnownHostsFile ~/known /other/known
      GlobalKnownHostsFile none
      HostKeyAlias lab
      ConnectTimeout 3
      StrictHostKeyChecking no
      ProxyJump bob@gate:23,inner
      IdentityAgent none
    Host *
      User other
      Port 1
  `);
  expect(resolve('lab-1')).toEqual({
    name: 'lab-1',
    hostName: 'lab-1.example.com',
    port: 2222,
    user: 'anna',
    identitiesOnly: true,
    identityFiles: inHome('.ssh/lab key', 'keys/lab-1.example.com_2222_anna').map((path) => ({ path, isChosen: true })),
    agentSocket: undefined,
    knownHostsFiles: [...inHome('known'), '/other/known'],
    hostKeyAlias: 'lab',
    connectTimeoutMs: 3000,
    jumps: [{ user: 'bob', host: 'gate', port: 23 }, { host: 'inner' }],
  });
  expect(resolve('eve@lab-1:7')).toMatchObject({ user: 'eve', port: 7, hostName: 'lab-1.example.com' });
  expect(resolve('lab-9')).toMatchObject({ hostName: 'lab-9', user: 'other', port: 1 });
});

test('Include in place, with wildcards; cycles end', () => {
  config('Include config.d/*.conf\nHost a\n  Include ~/.ssh/inner\nHost *\n  Port 9');
  config('Host a\n  User first', 'config.d/1.conf');
  config('Host a\n  User second', 'config.d/2.conf');
  config('Host b\n  User wrong', 'config.d/.hidden.conf');
  config('Port 5\nHost b\n  Port 6', 'inner');
  expect(resolve('a')).toMatchObject({ user: 'first', port: 5 });
  expect(resolve('b')).toMatchObject({ user: 'me', port: 9 });
  config('Include inner', 'inner');
  expect(() => resolve('a')).toThrow(/inner: Include is nested more than 16 levels deep$/);
});

test('Match, but never by a command', () => {
  const marker = path.join(home, 'ran');
  config(`
    Match originalhost a user me
      HostName real
    Match host real
      Port 7
    Match exec "touch ${marker}"
      User wrong
    Match all
      ConnectTimeout 4
  `);
  expect(resolve('a')).toMatchObject({ hostName: 'real', port: 7, user: 'me', connectTimeoutMs: 4000 });
  expect(resolve('b')).toMatchObject({ hostName: 'b', port: 22 });
  expect(existsSync(marker)).toBe(false);
});

test.each<[string, RegExp]>([
  ['ProxyCommand nc %h %p', /^h: proxycommand in its ssh configuration is not supported$/],
  ['RevokedHostKeys x', /^h: revokedhostkeys in its ssh configuration is not supported$/],
  ['Port 70000', /^h: expected a whole number from 1 to 65535 as port in its ssh configuration, got "70000"$/],
  ['ProxyJump a@-x', /^h: expected \[user@\]host\[:port\] as ProxyJump, got "a@-x"$/],
])('%s is a one-line error', (text, message) => {
  config(text);
  expect(() => resolve('h')).toThrow(
    expect.objectContaining({ code: 'bad_config', message: expect.stringMatching(message) }),
  );
});

test('ProxyCommand none means none, and other hosts may have one', () => {
  config('Host h\n  ProxyCommand none\n  ProxyJump none\nHost x\n  ProxyCommand nc');
  expect(resolve('h').jumps).toEqual([]);
});

test('an unreadable file is named', () => {
  mkdirSync(path.join(home, '.ssh', 'config'));
  expect(() => resolve('h')).toThrow(/\.ssh\/config: is a folder$/);
});
