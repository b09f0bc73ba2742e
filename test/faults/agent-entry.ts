import packageJson from '../../package.json';
import { locateServer } from '../../src/config/server-location';
import { agentProcess } from '../../src/faults/agent/process';

/** Runs `cloudp2p fault-agent` without the rest of the program. */
void agentProcess({ version: process.env.AGENT_VERSION ?? packageJson.version, locate: locateServer }).then(() =>
  process.exit(0),
);
