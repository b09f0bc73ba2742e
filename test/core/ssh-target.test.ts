import fc from 'fast-check';
import { formatSshTarget, parsePlace, parseSshTarget, type SshTarget } from '../../src/core/ssh-target';

test.each<[string, SshTarget]>([
  ['client1', { host: 'client1' }],
  ['anna@client1.example.com', { user: 'anna', host: 'client1.example.com' }],
  ['anna@10.0.0.1:2222', { user: 'anna', host: '10.0.0.1', port: 2222 }],
  ['[2001:db8::1]', { host: '2001:db8::1' }],
  ['a.b-c_d@[fe80::1%eth0]:22', { user: 'a.b-c_d', host: 'fe80::1%eth0', port: 22 }],
])('%s is a target, and is written like this', (text, target) => {
  expect(parseSshTarget(text)).toEqual(target);
  expect(formatSshTarget(target)).toBe(text);
});

test.each([
  '',
  '@h',
  'a@',
  '-oProxyCommand=x',
  'a@-x',
  '-a@h',
  'a b@h',
  'a@h h',
  'a@h;x',
  'a@$(x)',
  'a@h\n',
  'a@h\u001b[31m',
  'a@h:0',
  'a@h:65536',
  'a@h:x',
  '::1',
  '[::1',
  '[h]',
  'a@b@c',
])('%j is not a target', (text) => {
  expect(parseSshTarget(text)).toBeNull();
});

test.each<[string, string, string]>([
  ['anna@client1:/srv/metrics', 'anna@client1', '/srv/metrics'],
  ['client1:/srv/metrics', 'client1', '/srv/metrics'],
  ['client1:~/metrics', 'client1', 'metrics'],
  ['client1:~', 'client1', '.'],
  ['anna@client1:metrics', 'anna@client1', 'metrics'],
  ['anna@client1:2222:/x:y', 'anna@client1:2222', '/x:y'],
  ['anna@[::1]:22:/x', 'anna@[::1]:22', '/x'],
  ['[::1]:/x', '[::1]', '/x'],
  ['h1:/it is "quoted" $(x);', 'h1', '/it is "quoted" $(x);'],
])('%s is a place on another machine', (text, target, path) => {
  expect(parsePlace(text)).toEqual({ target: parseSshTarget(target), path });
});

test.each(['./metrics', 'metrics', '/a:/b', './anna@h:/x', 'C:/x', 'c:\\x', 'anna@h', '2026-11-22T10:00:00', '.', ''])(
  '%j is a path on this machine',
  (text) => {
    expect(parsePlace(text)).toBeNull();
  },
);

test.each(['anna@-h:/x', 'a b@h:/x', 'anna@h:22', 'anna@h:', '@h:/x', 'anna@h\u001b:/x', 'anna@h:/x\0', 'h h:/x'])(
  '%j is neither',
  (text) => {
    expect(parsePlace(text)).toEqual({ problem: expect.stringMatching(/^expected a path, or .*, got "/) });
  },
);

test('any target is harmless, and survives a round trip', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab1.-_@:[]% $;\n\'"/\\~') }), (text) => {
      const target = parseSshTarget(text);
      if (target === null) return;
      expect(formatSshTarget(target)).toBe(text);
      expect(target.host).not.toMatch(/^-|[^\w.:%-]/);
    }),
  );
});
