/** Entry point: the map of commands, and the execution of one command line. */
import type { Command } from '@oclif/core';
import { asksForJson, type CommandLine, splitCommandLine, wordsOf } from './cli/command-line';
import { reportFailure } from './cli/failure';
import { commandHelp, rootHelp } from './cli/help';
import { oclifConfig } from './cli/oclif';
import { dropFailedOutput, isOutputLost, isOutputResult } from './cli/output';
import { endProcess } from './cli/process-end';
import { EXIT } from './core/errors';

/**
 * Every command by its id (`client:hide` is typed `client hide`). Functions, because evaluating all commands would take
 * most of the start-up time; `require`, because esbuild and jest both defer it, unlike `import()`.
 */
export const COMMANDS: Record<string, () => Command.Class> = {
  server: () => (require('./commands/server') as typeof import('./commands/server')).Server,
  client: () => (require('./commands/client') as typeof import('./commands/client')).Client,
  'client:hide': () => (require('./commands/client-hide') as typeof import('./commands/client-hide')).ClientHide,
  'client:reveal': () =>
    (require('./commands/client-reveal') as typeof import('./commands/client-reveal')).ClientReveal,
  stress: () => (require('./commands/stress') as typeof import('./commands/stress')).Stress,
  faults: () => (require('./commands/faults') as typeof import('./commands/faults')).Faults,
  'fault-agent': () => (require('./commands/fault-agent') as typeof import('./commands/fault-agent')).FaultAgent,
  report: () => (require('./commands/report') as typeof import('./commands/report')).Report,
  run: () => (require('./commands/run') as typeof import('./commands/run')).Run,
  status: () => (require('./commands/status') as typeof import('./commands/status')).Status,
  init: () => (require('./commands/init') as typeof import('./commands/init')).Init,
  completion: () => (require('./commands/completion') as typeof import('./commands/completion')).Completion,
};

/** Commands that serve or write files: their output is not part of the result, unless `printsItsResult` was called. */
const SAY_BESIDE = ['server', 'client', 'stress', 'faults', 'fault-agent', 'run'];

/** Runs one command line, reports its errors, and returns the exit code. */
export async function execute(argv: readonly string[]): Promise<number> {
  try {
    await dispatch(splitCommandLine(argv, Object.keys(COMMANDS)));
    return Number(process.exitCode ?? EXIT.ok);
  } catch (error) {
    return reportFailure(error, argv);
  }
}

/** Runs one command line and ends the process with its exit code. */
export async function run(argv: readonly string[]): Promise<void> {
  dropFailedOutput();
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error) => endProcess(reportFailure(error, argv)));
  }
  const exitCode = await execute(argv);
  const isResultLost = (await isOutputLost()) && printsResult(argv);
  endProcess(exitCode === EXIT.ok && isResultLost ? EXIT.incomplete : exitCode);
}

/** True if the result of the command line, or a part of it, is its output. */
function printsResult(argv: readonly string[]): boolean {
  const [first = '', second] = wordsOf(argv);
  // `client hide` and `client reveal` are not loads.
  return isOutputResult() || asksForJson(argv) || !SAY_BESIDE.includes(first) || second !== undefined;
}

async function dispatch(line: CommandLine): Promise<void> {
  switch (line.kind) {
    case 'version':
      process.stdout.write(`${(await oclifConfig({})).userAgent}\n`);
      return;
    case 'rootHelp':
      process.stdout.write(`${rootHelp(load(() => true))}\n`);
      return;
    case 'help':
      // Loads its sub-commands too, because its help lists them.
      return commandHelp(await oclifConfig(load((id) => `${id}:`.startsWith(`${line.id}:`))), line.id);
    case 'run':
      // `completion` describes all others.
      await (
        await oclifConfig(load((id) => id === line.id || line.id === 'completion'))
      ).runCommand(line.id, line.rest);
  }
}

function load(isWanted: (id: string) => boolean): Record<string, Command.Class> {
  const wanted = Object.entries(COMMANDS).filter(([id]) => isWanted(id));
  return Object.fromEntries(wanted.map(([id, command]) => [id, command()]));
}
