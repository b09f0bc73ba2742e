/** The base class of all commands: --json, --config and --log-level, and errors that are reported in one place. */
import { Command, Flags } from '@oclif/core';
import { LOG_LEVELS } from '../core/environment';

export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true;

  static override baseFlags = {
    config: Flags.string({ helpValue: 'FILE', summary: 'configuration file (TOML); flags override it' }),
    'log-level': Flags.option({
      options: LOG_LEVELS,
      default: 'info' as const,
      summary: 'minimum level of log lines',
    })(),
  };

  /** Sets the exit code of a command that did its work and has a result, for instance EXIT.checkFailed. */
  protected endWith(exitCode: number): void {
    process.exitCode = exitCode;
  }

  /** Rethrows: errors are reported in one place (src/cli/failure.ts), with and without --json. */
  protected override async catch(error: Error): Promise<never> {
    throw error;
  }
}

/** The base flags of a command without a configuration file. */
export const withoutConfig = { 'log-level': BaseCommand.baseFlags['log-level'] } as typeof BaseCommand.baseFlags;
