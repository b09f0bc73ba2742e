/** The names on the command line are public: users' scripts depend on them. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from '@oclif/core';
import { typedCommand } from '../../src/cli/command-line';
import { COMMANDS } from '../../src/index';
import { cli } from './capture';

const LIST = path.join(__dirname, 'flags.txt');

function flagLines({ flags = {}, baseFlags = {}, enableJsonFlag }: Command.Class): string[] {
  const lines = Object.entries({ ...baseFlags, ...flags }).map(([name, flag]) =>
    [
      flag.char ? `  -${flag.char}, --${name}` : `  --${name}`,
      flag.type === 'option' ? (flag.multiple ? ' VALUE...' : ' VALUE') : '',
      flag.hidden ? ' (hidden)' : '',
    ].join(''),
  );
  return (enableJsonFlag ? [...lines, '  --json'] : lines).sort();
}

function headOf(id: string, { args = {} }: Command.Class): string {
  const words = Object.entries(args).map(([name, { required }]) => (required ? name : `[${name}]`).toUpperCase());
  return [typedCommand(id), ...words].join(' ');
}

test('the arguments and flags of all commands are those of the list, no more and no less', () => {
  const all = Object.entries(COMMANDS).map(([id, load]) => [headOf(id, load()), ...flagLines(load())].join('\n'));
  expect(`${all.join('\n\n')}\n`).toBe(readFileSync(LIST, 'utf8'));
});

test.each(Object.entries(COMMANDS))('--help of %s shows them', async (id, load) => {
  const { stdout } = await cli(...id.split(':'), '--help');
  const names = flagLines(load())
    .filter((line) => !line.endsWith('(hidden)'))
    .map((line) => /--[a-z-]+/.exec(line)![0]);
  expect(names.filter((name) => !new RegExp(`^ {2,}(-\\w, )?${name}\\b`, 'm').test(stdout))).toEqual([]);
});
