/** The command `init`: writes commented configuration files and test images into a folder. */
import { Args, Flags } from '@oclif/core';
import path from 'node:path';
import { init, type WrittenFile } from '../init/init';
import { BaseCommand, withoutConfig } from './base';

export class Init extends BaseCommand {
  static override summary = 'write commented configuration files and test images into a folder';
  static override description =
    'Writes config/*.toml (with config/schema/ for editors) and test_images/ for three servers on this machine. If one ' +
    'of the files exists, nothing is written without --force.';
  static override examples = [
    '<%= config.bin %> init',
    { description: 'write into a new folder', command: '<%= config.bin %> init cluster' },
    { description: 'restore the shipped files', command: '<%= config.bin %> init --force' },
  ];
  static override args = { dir: Args.string({ default: '.', description: 'folder to write into' }) };
  static override baseFlags = withoutConfig;
  static override flags = { force: Flags.boolean({ summary: 'overwrite existing files' }) };

  /** Writes the files and returns their paths and sizes. */
  async run(): Promise<{ written: WrittenFile[] }> {
    const { args, flags } = await this.parse(Init);
    const written = await init({ folder: args.dir, force: flags.force });
    for (const file of written) this.log(`${file.path}  ${file.bytes.toLocaleString('en-US')} bytes`);
    const enter = path.resolve(args.dir) === process.cwd() ? '' : `cd ${args.dir}; `;
    this.log(`\nNext: ${enter}cloudp2p server --config config/server1.toml`);
    return { written };
  }
}
