import packageJson from '../../package.json';
import { locateServer } from '../config/faults-config';
import { agentProcess } from '../faults/agent/process';
import { BaseCommand, withoutConfig } from './base';

export class FaultAgent extends BaseCommand {
  static override hidden = true;
  static override summary = 'break and mend servers of this machine for cloudp2p faults';
  static override description =
    'Started by "faults" on each machine, and told by it over standard input what to do. When standard input ends, it ' +
    'mends what it broke, and ends.';
  static override baseFlags = withoutConfig;

  async run(): Promise<void> {
    await this.parse(FaultAgent);
    await agentProcess({ version: packageJson.version, locate: locateServer });
  }
}
