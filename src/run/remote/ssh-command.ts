/** The ssh commands in messages, for the user to run. */
import { shellWord } from '../../core/shell-word';
import { parseSshTarget } from '../../core/ssh-target';

/**
 * Returns a shell command that runs something on a machine of run.toml, for messages: ssh has no `host:port`.
 * @param command literal words; see `shellWord` for others
 */
export function sshCommand(machine: string, command: string): string {
  const { user, host, port } = parseSshTarget(machine)!;
  const target = shellWord(user === undefined ? host : `${user}@${host}`);
  // The remote shell parses it again.
  return ['ssh', ...(port === undefined ? [] : ['-p', String(port)]), target, commandWords(command)].join(' ');
}

function commandWords(command: string): string {
  return command.split(' ').every((word) => shellWord(word) === word) ? command : shellWord(command);
}
