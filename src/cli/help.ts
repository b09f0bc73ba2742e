/** The text of `cloudp2p --help`: every command in one line, and a workflow. oclif's own hides sub-commands. */
import { type Command, type Config, Help } from '@oclif/core';
import packageJson from '../../package.json';
import { typedCommand } from './command-line';

/** The commands in the order of use; a line whose command (the first word) is missing is left out. */
const WORKFLOW: readonly (readonly [string, string])[] = [
  ['init', 'write config/ and test_images/ into this folder'],
  ['server --config config/server1.toml', 'run each server in its own terminal'],
  ['status --wait 10', 'wait until all servers follow one leader'],
  ['client', 'send images at a steady rate and verify the carriers'],
  ['stress', 'the same from many concurrent clients'],
  ['faults', 'inject faults into servers under load, and heal them'],
  ['report', 'aggregate the results of a run'],
  ['run', 'the whole workflow in one command'],
];

/** Returns the help of the whole program. */
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
      'ALL COMMANDS',
      columns([
        ['COMMAND --help', 'show flags and examples of a command'],
        ['--version', 'show the version of this program'],
      ]),
    ),
    section('EXIT CODES', [
      '0 success; 1 internal error; 2 invalid usage or configuration; 3 a check failed;',
      '4 incomplete, unreachable or not agreed; 130 interrupted',
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
