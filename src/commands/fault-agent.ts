/** The hidden command `fault-agent`: `faults` starts it on each machine to inject and heal faults there. */
import packageJson from '../../package.json';
import { locateServer } from '../config/server-location';
import { agentProcess } from '../faults/agent/process';
import { BaseCommand, withoutConfig } from './base';

export class FaultAgent extends BaseCommand {
  static override hidden = true;
  static override summary = 'inject and heal faults of servers on this machine for cloudp2p faults';
  static override description =
    'Started by "faults" on each machine, which sends it commands over standard input. When standard input ends, it ' +
    'heals its faults and exits.';
  static override baseFlags = withoutConfig;

  async run(): Promise<void> {
    await this.parse(FaultAgent);
    await agentProcess({ version: packageJson.version, locate: locateServer });
  }
}
