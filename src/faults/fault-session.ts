import type { FaultsConfig, FaultServer } from '../config/faults-config';
import { formatAddress } from '../core/address';
import type { Clock } from '../core/environment';
import { ClusterError } from '../core/errors';
import type { FaultKind } from '../core/fault-kinds';
import type { Secure } from '../core/transport/network';
import { type Agents, connectAgents } from './link/agents';
import { type Channel, localChannel } from './link/channel';
import { hostNameOf, sshChannel } from './link/ssh-channel';
import { type Probe, startProbe } from './probe';
import type { Driver } from './driver';
import type { Launch } from './drivers/launch';
import { localDriver } from './drivers/local';
import type { LocalServer } from './drivers/local-server';
import type { FaultSession } from './simulate';

export interface SessionOptions {
  config: FaultsConfig;
  /** The command and version of this program. */
  program: { version: string; command: readonly string[] };
  clock: Clock;
  signal: AbortSignal;
  /** The TLS of the probe (default: none). */
  secure?: Secure;
}

const THIS_MACHINE = 'localhost';

/**
 * Connects agents on all hosts, and starts the probe if there are abort conditions.
 * @throws ClusterError with one line per problem that prevents the faults
 */
export async function openFaultSession(options: SessionOptions): Promise<FaultSession> {
  const { config, program, clock } = options;
  const agents = await connectAgents({
    ...{ servers: config.servers, kinds: config.spec.kinds.map(({ kind }) => kind), version: program.version, clock },
    signal: options.signal,
    open: (host, servers, signal) => openChannel(host, servers, signal, options),
  });
  try {
    const probe = config.abortWhen.length === 0 ? undefined : startProbe(probeOptionsOf(agents, options));
    return { driver: agents.driver, warnings: agents.warnings, ...endedBy(agents, probe) };
  } catch (error) {
    await agents.end();
    throw error;
  }
}

/** Options for servers that are children of this process. */
export interface OwnServers extends Omit<SessionOptions, 'config'> {
  servers: readonly LocalServer[];
  kinds: readonly FaultKind[];
  launch: Launch;
}

/**
 * Injects faults into servers that end together with this process. A paused server would not notice that, so an agent
 * does the pauses, and resumes the servers when this process is gone.
 */
export async function openOwnServersSession(
  options: OwnServers,
): Promise<Pick<FaultSession, 'driver' | 'abort' | 'end'>> {
  const { servers, kinds, launch, program, clock, signal } = options;
  const local = localDriver({ servers, launch });
  if (!kinds.includes('pause')) return { driver: local };
  const { version, command } = program;
  const open = async () => localChannel(command);
  const agents = await connectAgents({ servers, kinds: ['pause'], version, clock, signal, open });
  const driverFor = (kind: FaultKind): Driver => (kind === 'pause' ? agents.driver : local);
  const driver: Driver = {
    ...local,
    break: (id, process, fault, healWithinMs) => driverFor(fault.kind).break(id, process, fault, healWithinMs),
    heal: (id, kind, process) => driverFor(kind).heal(id, kind, process),
  };
  return { driver, abort: agents.lost, end: agents.end };
}

function endedBy(agents: Agents, probe: Probe | undefined): Pick<FaultSession, 'abort' | 'condition' | 'end'> {
  return {
    abort: probe === undefined ? agents.lost : AbortSignal.any([agents.lost, probe.crossed]),
    condition: probe?.crossed,
    end: async () => {
      await probe?.end();
      await agents.end();
    },
  };
}

async function openChannel(
  host: string,
  servers: readonly FaultServer[],
  signal: AbortSignal,
  { program }: SessionOptions,
): Promise<Channel> {
  return host === THIS_MACHINE ? localChannel(program.command) : sshChannel(host, servers, signal);
}

function probeOptionsOf({ advertised, isSecure }: Agents, { config, clock, secure }: SessionOptions) {
  if (isSecure && secure === undefined) {
    throw new ClusterError('bad_config', 'the servers speak TLS: the probe of --abort-when needs [tls] in faults.toml');
  }
  const addresses = config.servers.map(({ id, host }) => {
    const address = advertised.get(id)!;
    // It listens on every address and announces none: the address of its machine is used.
    return typeof address === 'number'
      ? formatAddress(host === THIS_MACHINE ? '127.0.0.1' : hostNameOf(host), address)
      : address!;
  });
  return {
    ...{ addresses, conditions: config.abortWhen, file: config.probeFile, fileSource: config.logSource, clock, secure },
  };
}
