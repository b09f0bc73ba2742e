import { spawnSync } from 'node:child_process';
import { shellWord } from '../../../src/core/shell-word';
import { sshCommand } from '../../../src/run/remote/ssh-command';

test.each([
  ['s1', 'kill 7', 'ssh s1 kill 7'],
  ['anna@s1.lab:22022', 'kill 7', 'ssh -p 22022 anna@s1.lab kill 7'],
  ['anna@[fd00::4]:2222', 'kill -INT 7', 'ssh -p 2222 anna@fd00::4 kill -INT 7'],
  ['[fd00::4]', 'kill 7', 'ssh fd00::4 kill 7'],
  ['dom\\anna$@s1', 'kill 7', `ssh 'dom\\anna$@s1' kill 7`],
])('%s: %s', (machine, command, expected) => {
  expect(sshCommand(machine, command)).toBe(expected);
});

test('a path passes both shells unchanged', () => {
  const path = 'it\'s a "lab" $(id); `id` \\t *';
  const command = sshCommand('dom\\anna$@s1:22', `printf %s ${shellWord(path)}`);
  // Imitates ssh: it joins its arguments, and the shell on the other side splits them.
  const ssh = 'ssh() { shift 3; sh -c "$*"; }';
  expect(spawnSync('sh', ['-c', `${ssh}; ${command}`], { encoding: 'utf8' }).stdout).toBe(path);
});
