import type { FaultsConfig, FaultServer } from '../config/faults-config';
import type { Clock } from '../core/environment';
import { ClusterError } from '../core/errors';
import type { FaultKind } from '../core/fault-kinds';
import type { Secure } from '../core/transport/network';
import { formatAddress } from '../core/transport/address';
import { type Agents, connectAgents } from './link/agents';
import { type Channel, localChannel } from './link/channel';
import { hostNameOf, sshChannel } from './link/ssh-channel';
import { type Probe, startProbe } from './probe';
import type { Driver } from './driver';
import type { Launch } from './drivers/launch';
import { localDriver } from './drivers/local';
import type { LocalServer } from './drivers/local-server';
import type { Hands } from './simulate';

export interface HandsOptions {
  config: FaultsConfig;
  /** This one, as it is started, and its version. */
  program: { version: string; command: readonly string[] };
  clock: Clock;
  signal: AbortSignal;
  /** Of the probe. Default: in the clear. */
  secure?: Secure;
}

const THIS_MACHINE = 'localhost';

/**
 * Agents on all hosts, and the probe if something is to end the plan.
 * @throws ClusterError with a line for everything that keeps the faults from beginning
 */
export async function faultHands(options: HandsOptions): Promise<Hands> {
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

/** Of servers that are children of this process. */
export interface OwnServers extends Omit<HandsOptions, 'config'> {
  servers: readonly LocalServer[];
  kinds: readonly FaultKind[];
  launch: Launch;
}

/**
 * Breaks servers that end with this process, whatever ends it; but a paused one would not notice. So pauses are done by
 * an agent, which resumes them when this process is gone.
 */
export async function ownServersHands(options: OwnServers): Promise<Pick<Hands, 'driver' | 'abort' | 'end'>> {
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
    mend: (id, kind, process) => driverFor(kind).mend(id, kind, process),
  };
  return { driver, abort: agents.lost, end: agents.end };
}

function endedBy(agents: Agents, probe: Probe | undefined): Pick<Hands, 'abort' | 'condition' | 'end'> {
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
  { program }: HandsOptions,
): Promise<Channel> {
  return host === THIS_MACHINE ? localChannel(program.command) : sshChannel(host, servers, signal);
}

function probeOptionsOf({ advertised, isSecure }: Agents, { config, clock, secure }: HandsOptions) {
  if (isSecure && secure === undefined) {
    throw new ClusterError('bad_config', 'the servers speak TLS: the probe of --abort-when needs [tls] in faults.toml');
  }
  const addresses = config.servers.map(({ id, host }) => {
    const address = advertised.get(id)!;
    // It listens everywhere and did not say more: then it is where its machine is.
    return typeof address === 'number'
      ? formatAddress(host === THIS_MACHINE ? '127.0.0.1' : hostNameOf(host), address)
      : address!;
  });
  return {
    ...{ addresses, conditions: config.abortWhen, file: config.probeFile, fileSource: config.logSource, clock, secure },
  };
}
