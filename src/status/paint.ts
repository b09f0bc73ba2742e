/** The colours of the status table in a terminal. */
import { Chalk } from 'chalk';
import type { Paint } from './table.pure';

/** Returns chalk's colours; chalk ignores NO_COLOR (https://no-color.org), which applies unless it is empty. */
export function paintFor(env: NodeJS.ProcessEnv): Paint {
  const chalk = env.NO_COLOR ? new Chalk({ level: 0 }) : new Chalk();
  return { good: chalk.green, warning: chalk.yellow, bad: chalk.red, faint: chalk.dim };
}
