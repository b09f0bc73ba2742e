/** The command `completion`: prints a shell's completion script, derived from the flags of all other commands. */
import { Args, type Command } from '@oclif/core';
import { type CompletedCommand, completionScript, type Shell, SHELLS, type Value } from '../cli/completion.pure';
import { typedCommand } from '../cli/command-line';
import { BaseCommand, withoutConfig } from './base';

/** The placeholders in the help that stand for a path. */
const PATHS: Record<string, Value> = { FILE: 'file', DIR: 'folder', IMAGE: 'file', CARRIER: 'file' };

export class Completion extends BaseCommand {
  static override summary = 'print a script for shell completion of commands and flags';
  static override description =
    'Prints the script to standard output; the examples show where each shell expects it. Restart the shell ' +
    'afterwards. Repeat this after an update of cloudp2p.';
  static override examples = [
    { description: 'bash: add this line to ~/.bashrc', command: 'source <(<%= config.bin %> completion bash)' },
    {
      description: 'zsh: write it to a folder of $fpath, which must be set before compinit',
      command: '<%= config.bin %> completion zsh > ~/.zfunc/_cloudp2p',
    },
    {
      description: 'fish: write it to its folder of completions',
      command: '<%= config.bin %> completion fish > ~/.config/fish/completions/cloudp2p.fish',
    },
  ];
  static override args = {
    shell: Args.custom<Shell>({ options: [...SHELLS] })({ required: true, description: SHELLS.join(', ') }),
  };
  static override baseFlags = withoutConfig;

  /** Prints and returns the script. src/index.ts loads all commands for it. */
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
        name: flag.name,
        summary: flag.summary ?? flag.description ?? '',
        ...(flag.type === 'option' && { value: valueOf(String(flag.helpValue), flag.options) }),
        isRepeatable: flag.type === 'option' && flag.multiple,
      })),
    argument: argument && valueOf(argument.name, argument.options),
  };
}

function valueOf(placeholder: string, words: readonly string[] | undefined): Value {
  return words ?? PATHS[placeholder.toUpperCase()] ?? 'unknown';
}
