/** The ssh commands in messages, for the user to run. */
import { parseSshTarget } from '../../core/ssh-target';

/** Words that a shell takes literally. */
const PLAIN = /^[\w@%+=:,./-]+$/;

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

/** Quotes one word for a POSIX shell. */
export function shellWord(text: string): string {
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function commandWords(command: string): string {
  return command.split(' ').every((word) => PLAIN.test(word)) ? command : shellWord(command);
}
