/** Opens what a fault simulation needs: its driver, the probe, and the signals that end the plan. */
import type { FaultsConfig } from '../../config/faults-config';
import { ClusterError } from '../../core/errors';
import type { Secure } from '../../core/transport/network';
import { accessChildren, type ChildServers } from '../child-servers';
import type { Driver, ServerProcess } from '../driver';
import { connectAgents, type ConnectOptions, type ServerAccess } from '../link/agents';
import { type Probe, startProbe } from './probe';

export interface SessionOptions extends Pick<ConnectOptions, 'program' | 'clock' | 'signal'> {
  config: FaultsConfig;
  /** The TLS of the probe (default: none). */
  secure?: Secure;
  /** The servers of `config`, if they are children of this process (default: others, reached by agents). */
  children?: ChildServers;
  /** Called with the reason when an agent is lost (default: that ends the plan). */
  onAgentLost?(reason: string): void;
  /** Called with the process of a server as it is found or started, which changes after a kill. */
  onSeen?(serverId: number, process: ServerProcess): void;
}

export interface FaultSession {
  driver: Driver;
  /** Aborted with a text as its reason: ends the plan, healed. */
  abort: AbortSignal;
  /** Aborted when an abort condition ended the plan. */
  condition?: AbortSignal;
  /** Logged before the first fault. */
  warnings: readonly string[];
  end(): Promise<void>;
}

/**
 * Gains access to all servers, and starts the probe if there are abort conditions.
 * @throws ClusterError with one line per problem that prevents the faults
 */
export async function openFaultSession(options: SessionOptions): Promise<FaultSession> {
  const { config, children, onSeen } = options;
  const kinds = config.spec.kinds.map(({ kind }) => kind);
  const access = await (children === undefined
    ? connectAgents({ ...options, servers: config.servers, kinds })
    : accessChildren(children, { ...options, kinds }));
  try {
    const probe = config.abortWhen.length === 0 ? undefined : startProbe(probeOptionsOf(access, options));
    return {
      driver: onSeen === undefined ? access.driver : watched(access.driver, onSeen),
      warnings: access.warnings,
      abort: abortOf(access, probe, options),
      condition: probe?.crossed,
      end: async () => {
        await probe?.end();
        await access.end();
      },
    };
  } catch (error) {
    await access.end();
    throw error;
  }
}

function probeOptionsOf({ addresses, isSecure }: ServerAccess, { config, clock, secure }: SessionOptions) {
  if (isSecure && secure === undefined) {
    throw new ClusterError('bad_config', 'the servers speak TLS: the probe of --abort-when needs [tls] in faults.toml');
  }
  const { abortWhen: conditions, probeFile: file, logSource: fileSource } = config;
  return { addresses, conditions, file, fileSource, clock, secure };
}

function abortOf({ lost }: ServerAccess, probe: Probe | undefined, { onAgentLost }: SessionOptions): AbortSignal {
  const crossed = probe === undefined ? [] : [probe.crossed];
  if (onAgentLost === undefined) return AbortSignal.any([lost, ...crossed]);
  const onLost = (): void => {
    if (!probe?.crossed.aborted) onAgentLost(String(lost.reason));
  };
  lost.addEventListener('abort', onLost, { once: true });
  return AbortSignal.any(crossed);
}

/** Wraps a driver to report every process that it sees. */
export function watched(driver: Driver, onSeen: NonNullable<SessionOptions['onSeen']>): Driver {
  return {
    ...driver,
    find: async (...args) => {
      const found = await driver.find(...args);
      if (found !== null) onSeen(args[0], found);
      return found;
    },
    heal: async (...args) => {
      const process = await driver.heal(...args);
      onSeen(args[0], process);
      return process;
    },
  };
}
