/** `cloudp2p --help`: every command in one line, and how they belong together. oclif's own hides sub-commands. */
import { type Command, type Config, Help } from '@oclif/core';
import packageJson from '../../package.json';
import { typedCommand } from './command-line';

/** In the order in which they are used; one whose command (the first word) is not there is left out. */
const WORKFLOW: readonly (readonly [string, string])[] = [
  ['init', 'write config/ and test_images/ into this folder'],
  ['server --config config/server1.toml', 'one for each server, each in a terminal of its own'],
  ['status --wait 10', 'until all servers follow one leader'],
  ['client', 'send pictures at a steady rate, verify what comes back'],
  ['stress', 'the same from many clients at once'],
  ['faults', 'meanwhile: break servers, and mend them'],
  ['report', 'what the clients and the servers lived through'],
  ['run', 'or all of it in one command'],
];

/** The help of the whole program. */
export function rootHelp(commands: Record<string, Command.Class>): string {
  const rows = Object.entries(commands)
    .filter(([, command]) => !command.hidden)
    .map(([id, command]) => [typedCommand(id), summaryOf(command)] as const);
  return [
    `${packageJson.description}.`,
    section('USAGE', ['$ cloudp2p COMMAND [FLAGS]']),
    section('COMMANDS', columns(rows)),
    section(
      'WORKFLOW',
      columns(
        WORKFLOW.filter(([typed]) => Object.hasOwn(commands, typed.split(' ')[0] ?? '')).map(
          ([typed, purpose]) => [`$ cloudp2p ${typed}`, purpose] as const,
        ),
      ),
    ),
    section(
      'EVERYWHERE',
      columns([
        ['COMMAND --help', 'its flags and examples'],
        ['--version', 'the version of this program'],
      ]),
    ),
    section('EXIT CODES', [
      '0 all well; 1 an error of ours; 2 wrong usage or configuration; 3 a check is false;',
      '4 incomplete, not reachable or not agreed; 130 interrupted',
    ]),
  ].join('\n\n');
}

/** Writes the help of one command. */
export async function commandHelp(config: Config, id: string): Promise<void> {
  const command = config.findCommand(id, { must: true });
  await new Help(config).showCommandHelp(command);
}

function summaryOf({ summary, description = '' }: Command.Class): string {
  return summary ?? description.split('\n')[0] ?? '';
}

function section(title: string, lines: readonly string[]): string {
  return [title, ...lines.map((line) => `  ${line}`)].join('\n');
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `${left.padEnd(width)}  ${right}`);
}
