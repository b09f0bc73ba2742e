import { parseSshTarget } from '../../core/ssh-target';

/** What a shell takes as it stands. */
const PLAIN = /^[\w@%+=:,./-]+$/;

/**
 * How a person does something on a machine of run.toml, to be pasted into a shell: ssh knows no `host:port`.
 * @param command plain words; see `shellWord` for others
 */
export function sshCommand(machine: string, command: string): string {
  const { user, host, port } = parseSshTarget(machine)!;
  const target = shellWord(user === undefined ? host : `${user}@${host}`);
  // The shell there takes it apart once more.
  return ['ssh', ...(port === undefined ? [] : ['-p', String(port)]), target, commandWords(command)].join(' ');
}

/** One word for a POSIX shell. */
export function shellWord(text: string): string {
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function commandWords(command: string): string {
  return command.split(' ').every((word) => PLAIN.test(word)) ? command : shellWord(command);
}
