import { Chalk } from 'chalk';
import type { Paint } from './table';

/** chalk's colours; it does not know NO_COLOR (https://no-color.org), which counts unless it is empty. */
export function paintFor(env: NodeJS.ProcessEnv): Paint {
  const chalk = env.NO_COLOR ? new Chalk({ level: 0 }) : new Chalk();
  return { good: chalk.green, warning: chalk.yellow, bad: chalk.red, faint: chalk.dim };
}
