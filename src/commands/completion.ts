import { Args, type Command } from '@oclif/core';
import { type CompletedCommand, completionScript, type Shell, SHELLS, type Value } from '../cli/completion';
import { typedCommand } from '../cli/command-line';
import { BaseCommand, withoutConfig } from './base';

/** What stands for a value in the help, where the value is a path. */
const PATHS: Record<string, Value> = { FILE: 'file', DIR: 'folder', IMAGE: 'file', CARRIER: 'file' };

export class Completion extends BaseCommand {
  static override summary = 'print a script that makes a shell complete commands and flags';
  static override description =
    'The script goes to standard output; where it belongs depends on the shell. Restart the shell afterwards. After an ' +
    'update of cloudp2p make it anew.';
  static override examples = [
    { description: 'bash: add this line to ~/.bashrc', command: 'source <(<%= config.bin %> completion bash)' },
    {
      description: 'zsh: a file in a folder of $fpath, which must be set before compinit',
      command: '<%= config.bin %> completion zsh > ~/.zfunc/_cloudp2p',
    },
    {
      description: 'fish: a file in its own folder for them',
      command: '<%= config.bin %> completion fish > ~/.config/fish/completions/cloudp2p.fish',
    },
  ];
  static override args = {
    shell: Args.custom<Shell>({ options: [...SHELLS] })({ required: true, description: SHELLS.join(', ') }),
  };
  static override baseFlags = withoutConfig;

  /** Prints the script and returns it. src/index.ts loads all commands for it. */
  async run(): Promise<{ shell: Shell; script: string }> {
    const { args } = await this.parse(Completion);
    const script = completionScript(args.shell, this.config.commands.filter(({ hidden }) => !hidden).map(completed));
    this.log(script.trimEnd());
    return { shell: args.shell, script };
  }
}

function completed({ id, summary = '', flags, args }: Command.Loadable): CompletedCommand {
  const [argument] = Object.values(args);
  return {
    typed: typedCommand(id),
    summary,
    flags: Object.values(flags)
      .filter(({ hidden }) => !hidden)
      .map((flag) => ({
        ...{ name: flag.name, summary: flag.summary ?? flag.description ?? '' },
        ...(flag.type === 'option' && { value: valueOf(String(flag.helpValue), flag.options) }),
        isRepeatable: flag.type === 'option' && flag.multiple,
      })),
    argument: argument && valueOf(argument.name, argument.options),
  };
}

function valueOf(placeholder: string, words: readonly string[] | undefined): Value {
  return words ?? PATHS[placeholder.toUpperCase()] ?? 'unknown';
}
