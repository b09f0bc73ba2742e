import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { hostKeyAlgorithms, hostKeyProblem } from '../../src/ssh/host-key';
import { fingerprintOf, knownHosts, type KnownHost } from '../../src/ssh/known-hosts';
import { describeWithSshd } from '../support/sshd';
import { matchesPattern, matchesPatterns } from '../../src/ssh/patterns.pure';

/** The bytes of a public key of this type; the rest only distinguishes one key from another. */
function blob(type: string, seed: number): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(type.length);
  return Buffer.concat([length, Buffer.from(type), Buffer.alloc(32, seed)]);
}
const ED = blob('ssh-ed25519', 1);
const OTHER = blob('ssh-ed25519', 2);
const RSA = blob('ssh-rsa', 3);
const line = (hosts: string, key: Buffer, type = key.toString('latin1', 4, 4 + key.readUInt32BE(0))): string =>
  `${hosts} ${type} ${key.toString('base64')} a comment\n`;
const at = (host: string, port = 22) => ({ host, port });
const find = (text: string, host = 'h', port = 22): KnownHost[] =>
  knownHosts([{ path: 'known', text }], at(host, port));
const NAMES = { host: 'h', port: 22, knownHostsFile: 'known' };
const problem = (text: string, key: Buffer): string | null => hostKeyProblem(find(text), key, NAMES);

test('patterns', () => {
  const yes: [string, string][] = [
    ['*', ''],
    ['a*c', 'abbc'],
    ['a*c', 'ac'],
    ['?', 'a'],
    ['*.ex?mple.*', 'x.example.org'],
    ['a', 'a'],
  ];
  const no: [string, string][] = [
    ['?', ''],
    ['a', 'A'],
    ['a.c', 'abc'],
    ['a*c', 'abcd'],
    ['', 'a'],
    ['*?', ''],
  ];
  for (const [pattern, text] of yes)
    expect([pattern, text, matchesPattern(pattern, text)]).toEqual([pattern, text, true]);
  for (const [pattern, text] of no)
    expect([pattern, text, matchesPattern(pattern, text)]).toEqual([pattern, text, false]);
  expect(matchesPatterns(['*.example.com', '!bad.*'], 'bad.example.com')).toBe(false);
  expect(matchesPattern('*a'.repeat(30), 'a'.repeat(5000))).toBe(true);
  expect(matchesPattern(`${'*a'.repeat(30)}b`, 'a'.repeat(5000))).toBe(false);
});

test.each<[string, string, number, boolean]>([
  ['h', 'h', 22, true],
  ['H,x', 'h', 22, true],
  ['h', 'H', 22, true],
  ['x,h', 'hh', 22, false],
  ['*.lab,!b.lab', 'a.lab', 22, true],
  ['*.lab,!b.lab', 'b.lab', 22, false],
  ['[h]:2222', 'h', 2222, true],
  ['[h]:2222', 'h', 22, false],
  ['[h]:2222', 'h', 2223, false],
  // As in OpenSSH: an entry for the host counts for a port without entries.
  ['h', 'h', 2222, true],
  ['[h]:*', 'h', 2222, true],
])('a line of %s applies to %s port %i: %s', (hosts, host, port, isKnown) => {
  expect(find(line(hosts, ED), host, port)).toHaveLength(isKnown ? 1 : 0);
});

test('a line with the port hides those without', () => {
  expect(find(line('h', ED) + line('[h]:2222', OTHER), 'h', 2222)).toMatchObject([{ line: 2 }]);
});

test('invalid lines are skipped, and lines keep their numbers', () => {
  const junk = `# comment\n\nh\nh ssh-ed25519\nh ssh-ed25519 !!!!\n${line('h', ED, 'ssh-rsa')}h 1024 35 1234\n@what ${line('h', ED)}`;
  expect(find(junk)).toEqual([]);
  expect(find(junk + line('h', ED))).toMatchObject([{ file: 'known', line: 9, type: 'ssh-ed25519', marker: null }]);
});

describeWithSshd('with ssh-keygen', () => {
  test('hashed names, as made by ssh-keygen -H', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'cloudp2p-known-'));
    try {
      const file = path.join(folder, 'known');
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(folder, 'key')]);
      const [type, key] = readFileSync(path.join(folder, 'key.pub'), 'utf8').split(' ');
      writeFileSync(file, `h.example.com ${type} ${key}\n[h]:2222 ${type} ${key}\n`);
      execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'pipe' });
      const text = readFileSync(file, 'utf8');
      expect(text).not.toContain('example');
      expect(find(text, 'h.example.com')).toHaveLength(1);
      expect(find(text, 'h', 2222)).toMatchObject([{ line: 2 }]);
      expect(find(text, 'h')).toEqual([]);
      const said = execFileSync('ssh-keygen', ['-lf', path.join(folder, 'key.pub')], { encoding: 'utf8' });
      expect(`ED25519 ${said.split(' ')[1]}`).toBe(fingerprintOf(Buffer.from(key!, 'base64')));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

test('known keys decide which key to request', () => {
  const rsaFirst = hostKeyAlgorithms(find(line('h', RSA)));
  expect(rsaFirst.slice(0, 3)).toEqual(['rsa-sha2-512', 'rsa-sha2-256', 'ssh-ed25519']);
  expect(hostKeyAlgorithms([])[0]).toBe('ssh-ed25519');
  expect(hostKeyAlgorithms(find(line('@cert-authority h', RSA)))[0]).toBe('ssh-ed25519');
  expect(rsaFirst).not.toContain('ssh-rsa');
});

test('verdicts', () => {
  expect(problem(line('h', ED), ED)).toBeNull();
  expect(problem(line('h', OTHER) + line('h', ED), ED)).toBeNull();
  const print = fingerprintOf(ED);
  expect(problem('', ED)).toBe(
    `its host key ${print} is not known: compare it with the output of ssh-keygen -l on that machine, then connect once ` +
      'with ssh, or: ssh-keyscan -t ed25519 h >> known',
  );
  expect(problem(line('x', ED) + line('h', OTHER), ED)).toBe(
    'its host key has changed, so another machine may be impersonating it: it shows ' +
      `${print}, known line 2 has ${fingerprintOf(OTHER)}`,
  );
  expect(problem(line('h', RSA), ED)).toMatch(/has changed.* known line 1 has RSA SHA256:/);
  expect(problem(line('h', ED) + line('@revoked *', ED), ED)).toBe(`its host key ${print} is revoked by known line 2`);
  expect(problem(line('@revoked *', OTHER) + line('h', ED), ED)).toBeNull();
  expect(problem(line('@cert-authority h', ED), ED)).toMatch(
    /only by a certificate authority \(known line 1\), which is not/,
  );
});
