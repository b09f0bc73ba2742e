/** Metadata of the program and its machine for the files of a run. */
import { availableParallelism, hostname } from 'node:os';
import packageJson from '../../package.json';

/** `args` begin with the command's name. */
export function programMetadata(args: readonly string[]): {
  command_line: string[];
  version: string;
  node_version: string;
  host: string;
  cores: number;
} {
  return {
    command_line: ['cloudp2p', ...args],
    version: packageJson.version,
    node_version: process.version,
    host: hostname(),
    cores: availableParallelism(),
  };
}
