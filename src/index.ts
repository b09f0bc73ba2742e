import { Config, Plugin, run as runOclif, type Command } from '@oclif/core';
import packageJson from '../package.json';
import { Client } from './commands/client';
import { Server } from './commands/server';

/** Every command by its id; topics are separated by `:` here and by a space on the command line. */
export const COMMANDS: Record<string, Command.Class> = { client: Client, server: Server };

/** oclif's own loading needs files on disk; inside one executable there are none, so the map is handed over. */
class BundledPlugin extends Plugin {
  override async load(): Promise<void> {
    Object.assign(this, { commandCache: COMMANDS });
    await super.load();
  }
}

/** Loads oclif's configuration from the bundle. */
async function loadConfig(): Promise<Config> {
  // oclif asks the system for a shell and a home, and throws for a user without a passwd entry.
  process.env.SHELL ??= '/bin/sh';
  process.env.HOME ??= '/';
  const pjson = structuredClone(packageJson) as never;
  const plugin = new BundledPlugin({ name: packageJson.name, root: '/', pjson, isRoot: true, ignoreManifest: true });
  await plugin.load();
  return Config.load({
    root: '/',
    pjson,
    plugins: new Map([[packageJson.name, plugin]]),
    userPlugins: false,
    devPlugins: false,
  });
}

/** Runs one command line and ends the process with its exit code. */
export async function run(argv: string[]): Promise<void> {
  await runOclif(argv, await loadConfig());
}
