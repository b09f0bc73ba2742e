/** The text of docs/configuration.md: every key of every file, and every flag of every command. */
import type { Command } from '@oclif/core';
import { typedCommand } from '../../src/cli/command-line';
import { CONFIG_FILES } from '../../src/config/all-files';
import { type ConfigFile, isRows } from '../../src/config/config-file';
import { defaultTextOf, type Settings } from '../../src/config/settings';
import { COMMANDS } from '../../src/index';

const INTRODUCTION = `# Configuration

<!-- Written by \`npm run docs\` from src/config and src/commands. -->

Every command works without a configuration file. It reads its own file in \`config/\` if there is one, or the file that
\`--config FILE\` names, and flags override the file. An unknown key is an error that names the nearest known one.
Paths are relative to the folder in which the command runs; those of a server in \`faults.toml\` to its \`work_dir\`.

\`cloudp2p init\` writes all files with comments, and \`config/schema/\` beside them: the first line of each file
(\`#:schema\`) names its schema, by which editors with taplo complete and check it.`;

const SHARED_FLAGS = `Every command has \`--help\`, \`--json\` (the result, or the error, as one JSON object) and \`--log-level\`
(\`debug\`, \`info\`, \`warn\` or \`error\`; default: \`info\`). Those that read a file have \`--config FILE\`.`;

/** Returns the text of docs/configuration.md. */
export function configurationText(): string {
  const files = Object.values(CONFIG_FILES).map(fileText);
  const commands = Object.entries(COMMANDS).map(([id, load]) => [id, load()] as const);
  const shown = commands.filter(([, command]) => !command.hidden).map(([id, command]) => commandText(id, command));
  return `${[INTRODUCTION, '## Files', ...files, '## Commands', SHARED_FLAGS, ...shown].join('\n\n')}\n`;
}

function fileText({ path, purpose, tables }: ConfigFile): string {
  const parts = Object.entries(tables).map(([name, each]) =>
    isRows(each) ? tableText(`[[${name}]]`, each.rows) : tableText(`[${name}]`, each),
  );
  return [`### \`${path}\`: ${purpose}`, ...parts].join('\n\n');
}

function tableText(name: string, settings: Settings): string {
  const rows = Object.entries(settings).map(([key, row]) => [
    `\`${key}\``,
    row.help,
    row.type.shape,
    row.required ? 'required' : (defaultTextOf(row) ?? 'none'),
    row.flag === undefined ? '' : `\`--${row.flag}\``,
  ]);
  return table([`\`${name}\``, 'Meaning', 'Value', 'Default', 'Flag'], rows);
}

function commandText(id: string, { summary = '', flags = {}, args = {}, baseFlags = {} }: Command.Class): string {
  const words = Object.entries(args).map(([name, { required }]) => (required ? name : `[${name}]`).toUpperCase());
  const options = Object.entries(flags).filter(([name, { hidden }]) => !hidden && !(name in baseFlags));
  const rows = options
    .sort(([one], [other]) => one.localeCompare(other))
    .map(([name, flag]) => [`\`--${name}${valueOf(flag)}\``, flag.summary ?? '']);
  const parts = [`### \`cloudp2p ${[typedCommand(id), ...words].join(' ')}\``, `${summary}.`.replace(/^./, upper)];
  return [...parts, ...(rows.length > 0 ? [table(['Flag', 'Meaning'], rows)] : [])].join('\n\n');
}

function valueOf(flag: Command.Flag.Any): string {
  if (flag.type === 'boolean') return '';
  const value = flag.options?.join('|') ?? flag.helpValue;
  return `=${String(value)}${flag.multiple ? '...' : ''}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escaped).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** `<start time>` would be taken for HTML. */
const escaped = (cell: string): string => cell.replaceAll('|', '\\|').replace(/<(?=[a-z])/g, '&lt;');

const upper = (letter: string): string => letter.toUpperCase();
