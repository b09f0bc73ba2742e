/** Configures oclif without files: its own loading needs them on disk, and inside one executable there are none. */
import { type Command, Config, Plugin } from '@oclif/core';
import packageJson from '../../package.json';

/** A plugin whose commands are passed to it. */
class BundledPlugin extends Plugin {
  private readonly bundled: Record<string, Command.Class>;

  constructor(pjson: Plugin['pjson'], commands: Record<string, Command.Class>) {
    super({ name: packageJson.name, root: '/', pjson, isRoot: true, ignoreManifest: true });
    this.bundled = commands;
  }

  override async load(): Promise<void> {
    Object.assign(this, { commandCache: this.bundled });
    await super.load();
  }
}

/** Returns oclif's configuration with these commands, by id. */
export async function oclifConfig(commands: Record<string, Command.Class>): Promise<Config> {
  const pjson = structuredClone(packageJson) as unknown as Plugin['pjson'];
  const plugin = new BundledPlugin(pjson, commands);
  await plugin.load();
  return Config.load({
    root: '/',
    pjson,
    plugins: new Map([[packageJson.name, plugin]]),
    userPlugins: false,
    devPlugins: false,
  });
}
