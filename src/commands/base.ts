/** What all commands have in common. */
import { Command, Flags } from '@oclif/core';
import { LOG_LEVELS } from '../core/environment';

export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true;

  static override baseFlags = {
    config: Flags.string({ helpValue: 'FILE', summary: 'configuration file (TOML); flags win over it' }),
    'log-level': Flags.option({
      options: LOG_LEVELS,
      default: 'info' as const,
      summary: 'least important lines to log',
    })(),
  };

  /** The exit code of a command that has done its work and has a result, for instance EXIT.checkFailed. */
  protected endWith(exitCode: number): void {
    process.exitCode = exitCode;
  }

  /** Errors are told in one place (src/cli/failure.ts), with --json and without. */
  protected override async catch(error: Error): Promise<never> {
    throw error;
  }
}

/** For a command that has nothing to configure. */
export const withoutConfig = { 'log-level': BaseCommand.baseFlags['log-level'] } as typeof BaseCommand.baseFlags;
